"""Looking at a game that is played elsewhere and written to a watched file, move by move as it comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import streamlit as st

from chessgru.board import Payload
from chessgru.errors import ChessgruError, LibraryError
from chessgru.game import Game
from chessgru.library import Followed
from chessgru.session import LiveGame
from chessgru.ui import store
from chessgru.ui.clock import Clock
from chessgru.ui.screen import status_line
from chessgru.ui.setup import forget_fields, plain, seating_of
from chessgru.ui.state import Seating, Table, set_table

PARAMETER: Final = "live"
"""The part of a link that names the game followed."""
POLL: Final = "0.4s"
"""How often a followed game is looked for new moves."""
HOW_TO: Final = (
    "To follow a game at a board that writes PGN, start `chessgru app --watch FOLDER` with the folder that "
    "its program writes to, or `chessgru import --watch FOLDER` beside the app."
)


def offered(current: Table) -> list[Followed]:
    """Returns the games in progress in watched folders, but for the one on the board."""
    try:
        found = store.library().in_progress()
    except ChessgruError:
        return []
    return [one for one in found if one.id != current.seating.followed]


def label(game: Game) -> str:
    """Returns a line about a game in progress.

    >>> label(Game(tokens=(1, 2, 3), white="Dad", black="Son"))
    'Live: Dad – Son, move 2'
    """
    return f"Live: {game.white or '?'} – {game.black or '?'}, move {(len(game.tokens) + 1) // 2}"


def _seating(stored: Followed) -> Seating:
    """Returns who plays; with a clock if the file tells how much time they have left."""
    game = stored.game
    clock = Clock.parse(game.time_control) if game.clocks else None
    return replace(seating_of(game), clock=clock, followed=stored.id)


def followed_table(id_: int) -> Table:
    """Returns a table that follows a game; raises LibraryError if it is not there."""
    stored = store.library().followed(id_)
    if stored is None:
        raise LibraryError("the game of this link is not in the library any more: open another one")
    return Table(_seating(stored), LiveGame.from_game(stored.game), seat=frozenset())


def follow(id_: int) -> None:
    """Puts a game in progress on this window's board."""
    try:
        set_table(followed_table(id_))
    except ChessgruError as error:
        st.toast(plain(str(error)), icon=":material/error:")
        return
    forget_fields()


def refresh(current: Table) -> bool:
    """Brings what was played since; returns whether anything changed.

    Who looks at the last position goes on with it, who looks back stays where he is.
    """
    stored = store.library().followed(current.seating.followed or 0)
    if stored is None:
        current.seating = replace(current.seating, followed=None)
        current.error = "This game is not in the library any more."
        return True
    game = LiveGame.from_game(stored.game)
    if (game.tokens, game.result) == (current.game.end().tokens, current.game.result):
        return False
    current.game = game if current.game.at_end else game.at(current.game.cursor)
    return True


def read_only(shown: Payload) -> Payload:
    """Returns what the board shows, without what changes a game, and with clocks that stand as written."""
    return replace(shown, study=True, legal={}, ticking="")


# What is drawn


def menu(games: Sequence[Followed], *, place: str = "menu") -> None:
    """Draws the games in progress to choose from."""
    for one in games:
        st.button(
            plain(label(one.game)),
            key=f"live-{place}-{one.id}",
            icon=":material/sensors:",
            on_click=follow,
            args=(one.id,),
            width="stretch",
        )


def hint() -> None:
    """Says how a game can be followed."""
    st.caption(HOW_TO)


def bar(current: Table) -> None:
    """Draws the line above a followed board: how far the game is, and the way back to its last move."""
    game = current.game.end()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="following"):
        moves = (len(game.line) + 1) // 2
        state = f"Ended: {status_line(game)}" if game.is_over else f"Live: move {moves}"
        st.markdown(f"**{plain(state)}**", width="content")
        if st.button("Leave", help="Back to a board of your own", key="leave_live"):
            _leave(current)
            st.rerun()
        if not current.game.at_end:
            back = "Back to the end" if game.is_over else "Back to live"
            st.button(back, icon=":material/last_page:", on_click=_to_end, args=(current,), key="to_live")


def _to_end(current: Table) -> None:
    current.game = current.game.end()


def _leave(current: Table) -> None:
    """Puts an empty board before the same two players."""
    current.start(LiveGame(), replace(current.seating, followed=None))
    forget_fields()
