"""One player on the Players page: numbers, names, repertoire, profile, and how to forget him."""

from __future__ import annotations

import streamlit as st

from chessgru.errors import ChessgruError
from chessgru.game import name_key
from chessgru.library import Library, Player, PlayerSummary
from chessgru.ui.adding import KIND as IMPORT
from chessgru.ui.habits_panel import KIND as REPORT
from chessgru.ui.habits_panel import habits_panel
from chessgru.ui.jobs import JOBS
from chessgru.ui.learning_panel import KIND as LEARN
from chessgru.ui.learning_panel import learning_panel
from chessgru.ui.predicting import forget_predictors
from chessgru.ui.repertoire_panel import repertoire_panel
from chessgru.ui.setup import plain
from chessgru.ui.state import forget_player, people
from chessgru.ui.tables import facts, games_text


def person(library: Library, player: Player, summary: PlayerSummary) -> None:
    """Draws everything about one player."""
    _numbers(summary)
    repertoire, habits, profile, names, forget = st.tabs(
        ["Repertoire", "Habits", "Profile", "Names", "Delete"], key=f"person-{people().deleted}"
    )
    with repertoire:
        repertoire_panel(library, player)
    with habits:
        habits_panel(library, player)
    with profile:
        learning_panel(library, player)
    with names:
        _names(library, player)
    with forget:
        _forget(library, player, summary.games)


def _numbers(summary: PlayerSummary) -> None:
    dates = " – ".join(dict.fromkeys(date for date in (summary.first_date, summary.last_date) if date))
    facts(
        (
            ("Games", f"{summary.games:,}"),
            ("White · Black", f"{summary.white_games:,} · {summary.black_games:,}"),
            ("Latest rating", str(summary.rating or "unknown")),
            ("Played", dates.replace(".", "\u2011") or "undated"),
        )
    )


# Names


def _names(library: Library, player: Player) -> None:
    others = [alias for alias in player.aliases if alias != player.name]
    if not others:
        st.write("One name only. If this person played under another name too, add it:")
    for alias in others:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(alias, width="content")
            st.button("Take apart", key=f"apart {alias}", on_click=_take_apart, args=(library, alias))
    with st.form("alias", border=False, clear_on_submit=True):
        st.text_input("Another name of this person", key="other_name", max_chars=200)
        st.form_submit_button("It is the same person", on_click=_join, args=(library, player.name))


def _take_apart(library: Library, alias: str) -> None:
    try:
        library.unmerge(alias)
        forget_predictors()
    except ChessgruError as error:
        st.toast(plain(str(error)), icon=":material/error:")


def _join(library: Library, name: str) -> None:
    alias = st.session_state["other_name"].strip()
    if not alias:
        return
    try:
        library.merge(name, [alias])
        forget_predictors()
    except ChessgruError as error:
        st.toast(plain(str(error)), icon=":material/error:")


# Forgetting


def _forget(library: Library, player: Player, games: int) -> None:
    count = games_text(games)
    st.write(f"This deletes {count}, all names of this player, the profile, and games being played.")
    st.caption("Opponents lose these games too. It cannot be undone.")
    sure = st.checkbox(f"Yes, delete {plain(player.name)} and {count}", key=f"sure-{player.id}")
    st.button(
        "Delete for good",
        icon=":material/delete_forever:",
        key=f"delete-{player.id}",
        disabled=not sure,
        on_click=_delete,
        args=(library, player),
    )


def _delete(library: Library, player: Player) -> None:
    """Deletes a player; what the server does for him and remembers of him goes too."""
    from chessgru.seats import delete_player

    _forget_jobs(player)
    try:
        games = delete_player(library, player)
    except (ChessgruError, OSError) as error:
        st.toast(plain(f"not deleted: {error}"), icon=":material/error:")
        return
    forget_player()
    st.cache_data.clear()
    st.cache_resource.clear()
    st.toast(plain(f"Deleted: {player.name} and {games_text(games)}."), icon=":material/check:")


def _forget_jobs(player: Player) -> None:
    """Stops downloading his games, learning him and reporting on him, and forgets what came of it."""
    jobs = [*JOBS.of(IMPORT), *JOBS.of(LEARN), *JOBS.of(REPORT)]
    JOBS.abandon(job for job in jobs if job.person and name_key(job.person) in player.keys)
