"""Tables to take away, and numbers side by side."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import Final

import pandas as pd
import streamlit as st

_FORMULA: Final = re.compile(r"^[=+\-@\t\r]")


def harmless(value: object) -> object:
    """Returns a value that no spreadsheet takes for a formula.

    >>> harmless("=1+1"), harmless("Dad"), harmless(-3)
    ("'=1+1", 'Dad', -3)
    """
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def csv_of(table: pd.DataFrame) -> bytes:
    """Returns a table as CSV, with a byte order mark so that spreadsheets read every name right."""
    return table.map(harmless).to_csv(index=False).encode("utf-8-sig")


def download_csv(table: pd.DataFrame, file: str, *, key: str, label: str = "Download as CSV") -> None:
    """Draws the button that downloads a table."""
    st.download_button(
        label,
        lambda: csv_of(table),
        file,
        "text/csv",
        key=key,
        icon=":material/download:",
        on_click="ignore",
    )


def file_name(*parts: str, ending: str) -> str:
    """Returns a file name made of people's names.

    >>> file_name("Dad", "<b>", ending="csv"), file_name("", ending="pgn")
    ('Dad-b.csv', 'chessgru.pgn')
    """
    clean = (re.sub(r"[^\w]+", "_", part).strip("_")[:40] for part in parts)
    return ("-".join(part for part in clean if part) or "chessgru") + f".{ending}"


def games_text(count: int) -> str:
    """Returns a number of games in words.

    >>> games_text(1), games_text(1200)
    ('1 game', '1,200 games')
    """
    return f"{count:,} {'game' if count == 1 else 'games'}"


def facts(pairs: Iterable[tuple[str, str]]) -> None:
    """Draws labels with their values side by side, as many as fit in a row."""
    cells = (
        f'<div><dt style="font-size:.8rem;opacity:.75;font-weight:400">{escape(label)}</dt>'
        f'<dd style="margin:0;font-size:1.3rem">{escape(value)}</dd></div>'
        for label, value in pairs
    )
    style = "display:flex;flex-wrap:wrap;gap:.4rem 2rem;margin:0;padding:0"
    st.html(f'<dl style="{style}">{"".join(cells)}</dl>')
