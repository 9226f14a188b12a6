"""How predictable a player is, where he differs from people of his rating, and where his moves go."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import altair as alt
import pandas as pd
import streamlit as st

from chessgru.errors import ChessgruError
from chessgru.library import Library, Player
from chessgru.ui.adding import follow
from chessgru.ui.jobs import JOBS, Job
from chessgru.ui.learning_panel import base_model
from chessgru.ui.setup import plain
from chessgru.ui.tables import download_csv, file_name

if TYPE_CHECKING:
    from streamlit.elements.lib.column_types import ColumnConfig

    from chessgru.checkpoint import Checkpoint
    from chessgru.habits import Tendencies
    from chessgru.report import PlayerReport

KIND: Final = "report"


def report_work(library: Library, player: Player, base: Checkpoint) -> Callable[[Job], None]:
    """Returns the work of reporting on a player; its result is the report."""

    def work(job: Job) -> None:
        from chessgru.report import report_on
        from chessgru.threads import half_the_cores, sharing

        job.tell(None, "reading the games")
        games = library.games(player.name)
        with sharing(half_the_cores()):
            found = report_on(
                player.name, games, player.keys, base, progress=lambda what: job.tell(None, what)
            )
        job.results.append(found)

    return work


def habits_panel(library: Library, player: Player) -> None:
    """Draws the report on a player, or the button that makes it."""
    jobs = [job for job in JOBS.of(KIND) if job.title == player.name]
    found = next((job.results[0] for job in reversed(jobs) if job.results), None)
    for line in (line for job in jobs for line in job.errors):
        st.error(plain(line))
    if found is None:
        st.write("The model can read his latest games: how predictable he is, and what is his own.")
        running = any(job.state == "running" for job in JOBS.of(KIND))
        st.button(
            "Read his games",
            type="primary",
            key=f"read-{player.id}",
            on_click=_start,
            args=(library, player),
            disabled=running,
        )
    else:
        _show(found)  # type: ignore[arg-type]
        st.button("Read them again", key=f"read-{player.id}", on_click=_start, args=(library, player))
    follow(KIND)


def _start(library: Library, player: Player) -> None:
    try:
        base = base_model()
    except ChessgruError as error:
        st.toast(plain(str(error)), icon=":material/error:")
        return
    for job in JOBS.of(KIND):
        JOBS.dismiss(job)
    JOBS.start(KIND, player.name, report_work(library, player, base), player.name)


def _show(report: PlayerReport) -> None:
    st.header("How predictable", anchor=False)
    known = predictability_table(report)
    st.dataframe(known, hide_index=True, column_config=_decimals(known))
    download_csv(known, file_name(report.name, "predictability", ending="csv"), key="predictability-csv")
    st.header("What is his own", anchor=False)
    own = deviations_table(report)
    if len(own):
        st.table(own.assign(after=own["after"].map(wrapping)), hide_index=True)
        download_csv(own, file_name(report.name, "habits", ending="csv"), key="habits-csv")
    else:
        st.write("No position came up often enough where he differs from people of his rating.")
    _style_maps(report)
    for note in report.notes:
        st.caption(plain(note))


def _decimals(table: pd.DataFrame) -> dict[str, ColumnConfig]:
    """Returns formats that show all of a column's numbers with as many digits."""
    digits = {name: 1 if name.endswith("%") else 2 for name in table.columns if "," in name or "(" in name}
    return {name: st.column_config.NumberColumn(format=f"%.{count}f") for name, count in digits.items()}


def predictability_table(report: PlayerReport) -> pd.DataFrame:
    """Returns one row a phase: how well the base model foresees him, and with his earlier games known."""
    return pd.DataFrame(
        [
            {
                "phase": row.phase,
                "moves": row.moves,
                "first guess right, %": round(100 * row.top1, 1),
                "surprise (bits)": round(row.bits, 2),
                "with his games known, %": None
                if row.known_top1 is None
                else round(100 * row.known_top1, 1),
                "then surprise (bits)": None if row.known_bits is None else round(row.known_bits, 2),
            }
            for row in report.predictability
        ]
    )


def deviations_table(report: PlayerReport) -> pd.DataFrame:
    """Returns one row a position where he chooses otherwise than people of his rating."""
    return pd.DataFrame(
        [
            {
                "as": row.side.capitalize(),
                "after": row.line or "the start",
                "he plays": f"{row.san}, {row.times} of {row.visits}",
                "expected of him": f"{row.expected:.0%}",
                "others": f"{row.base_san} {row.base_expected:.0%}",
            }
            for row in report.deviations
        ]
    )


def wrapping(line: str) -> str:
    r"""Returns a line of moves that a table breaks between moves only, and does not take for a list.

    >>> wrapping("1. e4 c5 2. Nf3")
    '1.\xa0e4 c5 2.\xa0Nf3'
    """
    return line.replace(". ", ".\N{NO-BREAK SPACE}")


def _style_maps(report: PlayerReport) -> None:
    if not report.tendencies:
        return
    st.header("Where his moves go", anchor=False)
    for column, found in zip(st.columns(2), report.tendencies, strict=False):
        with column:
            st.altair_chart(style_map(found), width="content")
            best = ", ".join(square.name for square in found.favourites()) or "no square"
            st.caption(f"As {found.side.capitalize()}: more often than others to {best}.")


def style_map(found: Tendencies) -> alt.Chart:
    """Draws a board of destinations: orange where he goes more often than others, blue where less."""
    rows = pd.DataFrame(
        [
            {
                "file": square.name[0],
                "rank": int(square.name[1]),
                "square": square.name,
                "more": square.share - square.expected,
                "his": square.share,
                "others": square.expected,
            }
            for square in found.squares
        ]
    )
    most = max(float(rows["more"].abs().max()), 1e-6)
    scale = alt.Scale(scheme="blueorange", domain=[-most, most], domainMid=0)
    tips = ["square:N", *(alt.Tooltip(f"{name}:Q", format=".1%") for name in ("his", "others"))]
    chart: alt.Chart = (
        alt.Chart(
            rows,
            height=430,
            width=340,
            title=f"As {found.side.capitalize()}",
            description="Squares his moves go to more or less often than others'",
        )
        .mark_rect()
        .encode(
            x=alt.X("file:O", title=None, axis=alt.Axis(labelAngle=0)),
            y=alt.Y("rank:O", title=None, sort="descending", axis=alt.Axis(labelOverlap=False)),
            color=alt.Color(
                "more:Q",
                scale=scale,
                legend=alt.Legend(title="more than others", format="+.1%", tickCount=3, orient="bottom"),
            ),
            tooltip=tips,
        )
    )
    return chart
