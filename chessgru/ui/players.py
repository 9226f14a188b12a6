"""The Players page: games in, people out; who they are, what they play, what was learned about them."""

from __future__ import annotations

from typing import Final

import pandas as pd
import streamlit as st

from chessgru.errors import ChessgruError, UnknownPlayerError
from chessgru.library import Library, PlayerSummary, Suggestion
from chessgru.ui import store
from chessgru.ui.adding import KIND, add_samples, adding, follow, reports
from chessgru.ui.jobs import JOBS
from chessgru.ui.person import person
from chessgru.ui.predicting import forget_predictors
from chessgru.ui.setup import plain
from chessgru.ui.state import people
from chessgru.ui.tables import download_csv

MAX_CHOICES: Final = 1000
MAX_ROWS: Final = 5000


def players_page() -> None:
    """Draws the page."""
    try:
        library = store.library()
        everyone = library.players()
        _page(library, everyone)
    except ChessgruError as error:
        st.error(plain(str(error)))


def _page(library: Library, everyone: list[PlayerSummary]) -> None:
    if not everyone:
        _empty(library)
    with st.expander("Add games", icon=":material/upload:", expanded=not everyone):
        adding(library)
    follow(KIND)
    reports()
    if everyone:
        _same_people(library)
        _choose(library, everyone)


def _empty(library: Library) -> None:
    with st.container(border=True):
        st.markdown("**No games yet.** chessgru learns people from games they played.")
        st.markdown(
            "Drop a PGN file below, download an account, or have a look first with two people who do not "
            "exist: Dad, 1500, and Son, 1100, who plays the Sicilian."
        )
        busy = any(job.state == "running" for job in JOBS.of(KIND))
        st.button(
            "Add the sample players", type="primary", on_click=add_samples, args=(library,), disabled=busy
        )


# Who is one person


def _same_people(library: Library) -> None:
    """Offers pairs of names that are likely one person, and takes back what was confirmed."""
    merged = people().merged
    suggested = _suggestions(library, library.revision())
    found = [each for each in suggested if (each.name, each.alias) not in people().refused]
    if not (found or merged):
        return
    with st.expander(
        f"Perhaps the same person ({len(found)})", icon=":material/join:", expanded=bool(merged)
    ):
        for name, alias in merged:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"{plain(alias)} is now {plain(name)}.", width="content")
                st.button("Undo", key=f"undo {name} {alias}", on_click=_undo, args=(library, name, alias))
        for suggestion in found[:20]:
            _suggestion(library, suggestion)
        if len(found) > 20:
            st.caption(f"and {len(found) - 20} more, when these are decided")


@st.cache_data(max_entries=4, show_spinner="Looking for people with two names …")
def _suggestions(_library: Library, revision: int) -> list[Suggestion]:  # noqa: ARG001
    return _library.suggest_merges()


def _suggestion(library: Library, suggestion: Suggestion) -> None:
    """Draws a pair; its buttons are its own, as others may come before it while somebody presses."""
    name, alias = suggestion.name, suggestion.alias
    with st.container(border=True):
        st.markdown(f"**{plain(name)}** and **{plain(alias)}**")
        st.caption(plain(f"{suggestion.reason} · {suggestion.score:.0%} sure"))
        with st.container(horizontal=True):
            st.button(
                "One person",
                key=f"merge {name} {alias}",
                on_click=_merge,
                args=(library, name, alias),
                type="primary",
            )
            st.button("Two people", key=f"keep {name} {alias}", on_click=_refuse, args=(name, alias))


def _merge(library: Library, name: str, alias: str) -> None:
    try:
        library.merge(name, [alias])
    except ChessgruError as error:
        st.toast(plain(str(error)), icon=":material/error:")
    else:
        people().merged.append((name, alias))
        forget_predictors()


def _undo(library: Library, name: str, alias: str) -> None:
    try:
        library.unmerge(alias)
    except ChessgruError as error:
        st.toast(plain(str(error)), icon=":material/error:")
    people().merged.remove((name, alias))
    forget_predictors()


def _refuse(name: str, alias: str) -> None:
    people().refused.add((name, alias))


# Whom to look at


def _choose(library: Library, everyone: list[PlayerSummary]) -> None:
    st.header(f"{len(everyone):,} {'player' if len(everyone) == 1 else 'players'}", anchor=False)
    table = _table(everyone)
    with st.expander("Everyone as a table", icon=":material/table:"):
        st.dataframe(table.head(MAX_ROWS), hide_index=True, height=min(36 * len(table) + 40, 320))
        if len(table) > MAX_ROWS:
            st.caption(f"The {MAX_ROWS:,} with the most games; the download has all.")
        download_csv(table, "players.csv", key="players-csv")
    names = [player.name for player in everyone[:MAX_CHOICES]]
    remembered = people().player
    chosen = st.selectbox(
        "Player",
        names,
        index=names.index(remembered) if remembered in names else 0,
        key=f"player_choice-{people().deleted}",
        help="Click and type to search",
    )
    if len(everyone) > MAX_CHOICES:
        chosen = (
            st.text_input("Or type the name of somebody with fewer games", key="player_typed") or chosen
        )
    people().player = chosen
    _show(library, chosen, {player.name: player for player in everyone})


def _show(library: Library, name: str | None, known: dict[str, PlayerSummary]) -> None:
    if not name:
        return
    try:
        found = library.player(name)
    except UnknownPlayerError as error:
        st.warning(plain(str(error)))
        return
    person(library, found, known[found.name])


def _table(everyone: list[PlayerSummary]) -> pd.DataFrame:
    rows = [
        {
            "player": player.name,
            "games": player.games,
            "as White": player.white_games,
            "as Black": player.black_games,
            "rating": player.rating,
            "first game": player.first_date,
            "last game": player.last_date,
            "also played as": ", ".join(alias for alias in player.aliases if alias != player.name),
        }
        for player in everyone
    ]
    return pd.DataFrame(rows).astype({"rating": "Int64"})
