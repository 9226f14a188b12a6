"""Keeps the game on the board in the library, and brings what another window changed."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

import streamlit as st

from chessgru.errors import ChessgruError
from chessgru.game import TIME_CLASSES, Side, TimeClass, name_key
from chessgru.library import Library, LiveConflictError
from chessgru.library.live import LiveGame as Record
from chessgru.library.live import LiveGoneError
from chessgru.samples import NAME, SAMPLE_PLAYERS, sample_games
from chessgru.session import LiveGame
from chessgru.ui.clock import Clock
from chessgru.ui.state import SIDES, Chair, Seating, Table

LIBRARY_VARIABLE: Final = "CHESSGRU_LIBRARY"
"""Environment variable with the library's file, set by `chessgru app --library`."""
_GONE: Final = "This game was deleted in another window: its moves are not stored. Start a new game."


@st.cache_resource(show_spinner=False)
def _library(path: str) -> Library:
    return Library(Path(path) if path else None)


def library() -> Library:
    """Returns the games library; raises LibraryError if it cannot be opened."""
    return _library(os.environ.get(LIBRARY_VARIABLE, ""))


def first_seating() -> Seating:
    """Returns who sits at a new board: the sample players, whose games come with chessgru."""
    known = {player.name: player.rating for player in library().players()}
    white, black = (Chair(name, known.get(name) or rating) for name, rating in SAMPLE_PLAYERS.items())
    return Seating(white, black, "rapid")


def known_players() -> dict[str, int | None]:
    """Returns the latest rating, None if unknown, by the name of everybody whose games are known."""
    known = {player.name: player.rating for player in library().players()}
    return known | {name: rating for name, rating in SAMPLE_PLAYERS.items() if name not in known}


def _speed(text: str) -> TimeClass | None:
    """Returns the speed that a record's time control says; without a clock the app stores the word."""
    return next((speed for speed in TIME_CLASSES if speed == text), None)


def now() -> float:
    """Returns the time that stamps moves and runs clocks, in seconds since 1970."""
    return time.time()


def _as_record(table: Table) -> Record:
    game, seating = table.game, table.seating
    record = table.record or Record(slug="")
    clocks = tuple(ply.clock for ply in game.line)
    return replace(
        record,
        white=seating.white.name,
        black=seating.black.name,
        white_rating=seating.white.rating,
        black_rating=seating.black.rating,
        time_control=str(seating.clock) if seating.clock else seating.speed or "",
        tokens=tuple(ply.token for ply in game.line),
        clocks=clocks if any(clock is not None for clock in clocks) else (),
        result=game.result,
        ending=game.ending,
        model=next(iter(table.modelled), "" if table.seat == frozenset(SIDES) else record.model),
        state="finished" if game.is_over else "playing",
    )


def save(table: Table) -> None:
    """Stores the table's game if it changed; where another window was first, shows that game instead.

    A game that is only followed is stored already.
    """
    if table.seating.followed is not None:
        return
    record = _as_record(table)
    if record == table.record or not (record.tokens or table.record):
        return
    try:
        if table.record is None:
            table.record = library().create_live(record)
            if table.replaced is not None and record.state == "finished":  # by the move that began it
                table.record = library().finish_live(table.record, record.result)
        elif record.state == "finished":
            _keep_samples(record)
            table.record = library().finish_live(record, record.result)
        else:
            table.record = library().save_live(record)
    except LiveConflictError:
        adopt(table, library().load_live(record.slug))
        table.error = "The game went on in another window: here is how it stands."
    except LiveGoneError:
        table.error = _GONE
    except ChessgruError as error:
        table.error = f"This move is not stored: {error}"


def _keep_samples(record: Record) -> None:
    """Puts the sample games into the library before a game of a sample player's, whom it does not know.

    Else it would know him by that game alone, and his other games would be forgotten.
    """
    samples = {name_key(name) for name in SAMPLE_PLAYERS}
    known = {name_key(player.name) for player in library().players()}
    if samples & {name_key(record.white), name_key(record.black)} and not samples & known:
        library().add(sample_games(), source=NAME)


def share(table: Table) -> str:
    """Returns the name of the table's game for links, storing it first if it is new."""
    if table.record is None:
        table.record = library().create_live(_as_record(table))
    return table.record.slug


def adopt(table: Table, record: Record) -> None:
    """Puts a stored game on the table; one that looks at an earlier position stays there."""
    looking_back = table.record is not None and not table.game.at_end
    game = LiveGame.from_tokens(record.tokens, record.clocks, record.result, record.ending)
    table.game = game.at(table.game.cursor) if looking_back else game
    if table.replaced is not None:
        table.replaced, table.error = None, ""
    table.record = record
    white = Chair(record.white or "Guest", record.white_rating)
    black = Chair(record.black or "Guest", record.black_rating)
    table.seating = Seating(white, black, _speed(record.time_control), Clock.parse(record.time_control))


def refresh(table: Table) -> bool:
    """Brings what another window stored; returns whether anything changed."""
    if table.record is None:
        return False
    try:
        stored = library().load_live(table.record.slug)
    except LiveGoneError:
        table.error = _GONE
        return False
    if stored.version == table.record.version:
        return False
    adopt(table, stored)
    return True


def opened(slug: str, side: str) -> Table:
    """Returns a table with a stored game; `side` is the one played here, "watch" for none, "" for both.

    Raises LibraryError if there is no such game.
    """
    table = Table(Seating())
    adopt(table, library().load_live(slug))
    chosen: dict[str, frozenset[Side]] = {name: frozenset({name}) for name in SIDES}
    table.seat = chosen.get(side, frozenset() if side == "watch" else frozenset(SIDES))
    if side == "black":
        table.orientation = "black"
    return table
