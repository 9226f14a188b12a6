"""What a new window shows: the game that its link names, or a new one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from chessgru.errors import LibraryError
from chessgru.ui import curtain, following, store
from chessgru.ui.state import SIDES, Table

MODEL: Final = "model"
"""The parameter with the side that the model plays, so that it goes on after a reload."""
_SLUG: Final = re.compile(r"[\w-]{1,40}", re.ASCII)
_NUMBER: Final = re.compile(r"\d{1,18}", re.ASCII)


def table_of_link(asked: Mapping[str, str]) -> Table:
    """Returns the table for the parameters of a link: a followed game, a stored one, or a new one.

    Raises ChessgruError with one line if the link names no game that is there.
    """
    if live := asked.get(following.PARAMETER, ""):
        return following.followed_table(int(_checked(live, _NUMBER)))
    if slug := asked.get("game", ""):
        return _stored(_checked(slug, _SLUG), asked)
    return Table(store.first_seating())


def _checked(text: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(text):
        shown = text if len(text) <= 40 else f"{text[:40]}…"
        raise LibraryError(f"this link is damaged: it names the game {shown!r}; ask for it again")
    return text


def _stored(slug: str, asked: Mapping[str, str]) -> Table:
    """Returns a stored game's table, behind its curtain what its player had there."""
    table = store.opened(slug, asked.get("side", ""))
    table.let_model_play(frozenset(side for side in SIDES if side == asked.get(MODEL)))
    own = curtain.own_side(table)
    if own is not None and curtain.PARAMETER in asked:
        table.curtains = frozenset({own})
        curtain.tell(table)
    curtain.refresh(table)
    return table
