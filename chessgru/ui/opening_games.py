"""Where the game under review comes from: the board, the library, a file, pasted text, or a link."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, get_args

import streamlit as st

from chessgru.errors import ChessgruError, MoveError
from chessgru.game import Game, Rejection, Result
from chessgru.pgn import read_all
from chessgru.session import LiveGame
from chessgru.ui import store
from chessgru.ui.setup import MAX_LISTED, clean_name, game_label, plain, tell_warnings
from chessgru.ui.state import Table, has_table, table

_ANYBODY: Final = "anybody"
_LONGEST: Final = 1200
Take = Callable[[Game], None]


def opening_games(take: Take) -> None:
    """Draws the ways to open a game; `take` is called with the one chosen."""
    library, text, board = st.tabs(["From the library", "A file or text", "From the board"])
    with library:
        _from_library(take)
    with text:
        _from_text(take)
    with board:
        _from_board(take)


def game_of(current: Table) -> Game:
    """Returns the whole game on a table, as one of the library."""
    seating, line = current.seating, current.game.line
    clocks = tuple(ply.clock for ply in line)
    return Game(
        tokens=tuple(ply.token for ply in line),
        white=seating.white.name,
        black=seating.black.name,
        white_rating=seating.white.rating,
        black_rating=seating.black.rating,
        result=current.game.result,
        time_control=str(seating.clock) if seating.clock else "",
        clocks=clocks if any(clock is not None for clock in clocks) else (),
    )


def _from_board(take: Take) -> None:
    if not has_table() or not table().game.line:
        st.write("There is no move on the board yet: play one on the Play page.")
        return
    found = game_of(table())
    st.write(plain(f"{found.white} – {found.black}, {len(found.tokens)} plies"))
    st.button("Review the game on the board", type="primary", on_click=take, args=(found,))


# The library


def _from_library(take: Take) -> None:
    try:
        names = [player.name for player in store.library().players()[:1000]]
    except ChessgruError as error:
        st.error(plain(str(error)))
        return
    if not names:
        st.write("The library is empty: add games on the Players page, or paste one here.")
        return
    with st.container(horizontal=True):
        name = st.selectbox("Player", names, key="review_player")
        rest = [_ANYBODY, *(other for other in names if other != name)]
        opponent = st.selectbox("Against", rest, key="review_opponent")
    if name is not None:
        _offer(_stored(name, opponent), take, "library")


def _stored(name: str, opponent: str | None) -> list[Game]:
    """Returns the latest games of a player, the last one first."""
    other = None if opponent in (None, _ANYBODY) else opponent
    try:
        games = store.library().games(name, opponent=other, limit=MAX_LISTED)
    except ChessgruError as error:
        st.error(plain(str(error)))
        return []
    return [replace(game, index=number) for number, game in enumerate(reversed(games))]


def _offer(games: list[Game], take: Take, key: str) -> None:
    if not games:
        st.write("They have no game together." if key == "library" else "No game there.")
        return
    listed = {game_label(game): game for game in games[:MAX_LISTED]}
    if len(games) >= MAX_LISTED:
        st.caption(f"The {'latest' if key == 'library' else 'first'} {MAX_LISTED} are listed.")
    chosen = st.selectbox("Game", list(listed), key=f"review_{key}")
    tell_warnings(listed.get(chosen or "", games[0]))
    st.button(
        "Review this game", type="primary", on_click=_taken, args=(listed, take, key), key=f"take_{key}"
    )


def _taken(listed: dict[str, Game], take: Take, key: str) -> None:
    """Opens the game chosen at the moment of the click, which may be later than the last drawing."""
    take(listed.get(st.session_state.get(f"review_{key}", ""), next(iter(listed.values()))))


# Files and text


def _from_text(take: Take) -> None:
    upload = st.file_uploader("A PGN file", type=["pgn", "gz", "bz2", "zst", "txt"], key="review_file")
    pasted = st.text_area(
        "Or paste a game", key="review_pasted", placeholder="1. e4 c5 2. Nf3 …", height=110
    )
    data = upload.getvalue() if upload is not None else pasted.encode("utf-8", "replace")
    if not data.strip():
        return
    try:
        games, rejections = _read(data, upload.name if upload is not None else "the pasted text")
    except ChessgruError as error:
        st.error(plain(str(error)))
        return
    if rejections:
        first = f"{rejections[0].reason} ({rejections[0].detail})"
        st.warning(plain(f"{len(rejections)} not read, the first: {first}"))
    if games:
        _offer(games, take, "text")


@st.cache_data(max_entries=4, show_spinner="Reading the games …")
def _read(data: bytes, name: str) -> tuple[list[Game], list[Rejection]]:
    return read_all(io.BytesIO(data), name=name)


# Links


def link_of(game: Game) -> dict[str, str]:
    """Returns the parts of a link that hold a whole game; nothing of it is stored anywhere."""
    ratings = {"white_rating": game.white_rating, "black_rating": game.black_rating}
    moves = ".".join(ply.uci for ply in LiveGame.from_tokens(game.tokens).line)
    parts = {"white": game.white, "black": game.black, "moves": moves, "result": game.result}
    return parts | {name: str(rating) for name, rating in ratings.items() if rating is not None}


def game_of_link() -> Game | None:
    """Returns the game of the link that opened this window, None if it has none.

    Raises MoveError if the link is damaged.
    """
    return game_in(st.query_params)


def game_in(asked: Mapping[str, str]) -> Game | None:
    """Returns the game that the parts of a link hold, None if they hold none.

    Raises MoveError, with one line, if no game can be made of them.
    """
    if "moves" not in asked:
        return None
    moves = asked["moves"].split(".")
    if len(moves) > _LONGEST:
        raise MoveError(f"the link holds {len(moves)} plies: at most {_LONGEST} can be reviewed")
    tokens = tuple(ply.token for ply in LiveGame.from_moves(moves).line)
    told: Result = next((result for result in get_args(Result) if result == asked.get("result")), "*")
    return Game(
        tokens=tokens,
        white=clean_name(asked.get("white")),
        black=clean_name(asked.get("black")),
        white_rating=_rating(asked.get("white_rating", "")),
        black_rating=_rating(asked.get("black_rating", "")),
        result=LiveGame.from_tokens(tokens, (), told).result,
    )


def _rating(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[1-9][0-9]{1,3}", text) else None
