"""Opens predictors for the app and keeps the last few; a cached one is only read, never changed."""

from __future__ import annotations

import gc
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import streamlit as st

from chessgru.errors import ChessgruError, UnknownPlayerError
from chessgru.session import LiveGame
from chessgru.ui import store
from chessgru.ui.contract import Opened, Opener, Predictions
from chessgru.ui.state import GUEST, Chair, Seating

if TYPE_CHECKING:
    from chessgru.checkpoint import Checkpoint
    from chessgru.predictor import Seat
    from chessgru.seats import Person

MODEL_VARIABLE: Final = "CHESSGRU_MODEL"
"""Environment variable with the model's folder, set by `chessgru app --model`."""
_KEPT: Final = 8


@st.cache_resource(max_entries=_KEPT, show_spinner="Reading the players' games …")
def _opened(
    _opener: Opener,
    opener_name: str,  # noqa: ARG001
    seating: Seating,
    revision: tuple[int, ...],  # noqa: ARG001
) -> Opened | str:
    """Returns a predictor, or the line that says why there is none; a changed library makes a new one."""
    try:
        return _opener(seating)
    except ChessgruError as error:
        return str(error)


@st.cache_data(ttl=10, show_spinner=False)
def _revision() -> tuple[int, ...]:
    """Returns which games, names and profiles there are, or were some seconds ago; () if unreadable."""
    from chessgru.profiles import profiles_changed

    try:
        library = store.library()
        return (library.revision(), profiles_changed(library.path.parent))
    except ChessgruError:
        return ()


def opened(seating: Seating, opener: Opener) -> Opened | str:
    """Returns the predictor of two players, or one line that says why there is none."""
    name = f"{opener.__module__}.{opener.__qualname__}"
    return _opened(opener, name, replace(seating, clock=None, speed=seating.pace), _revision())


def forget_predictors() -> None:
    """Makes every predictor be opened anew: somebody was learned, or goes by other names."""
    _revision.clear()
    _opened.clear()


def predictions(game: LiveGame, seating: Seating, opener: Opener) -> Predictions | str:
    """Returns the predictions at the game's cursor, or one line that says why there are none."""
    found = opened(seating, opener)
    return found if isinstance(found, str) else found.predictor.predict(game.tokens)


@st.cache_resource(max_entries=2, show_spinner="Waking the model …")
def _checkpoint(folder: str) -> Checkpoint:
    """Returns the model of a folder, "" for the shipped one, to run on one thread."""
    import torch

    from chessgru.checkpoint import load_checkpoint

    torch.set_num_threads(1)
    checkpoint = load_checkpoint(Path(folder) if folder else None)
    gc.freeze()  # what is loaded by now stays: later collections need not look at it
    return checkpoint


def _person(chair: Chair, without: int | None) -> Person | None:
    """Returns somebody whose games are known, None for a guest and for a new name.

    `without` is the library's number of the game looked at: it must not foretell itself.
    """
    from chessgru.seats import find_person

    if chair.name == GUEST:
        return None
    try:
        return find_person(chair.name, store.library(), without=without)
    except UnknownPlayerError:
        return None


def _seat(
    chair: Chair, person: Person | None, opponent: Person | None, base: Checkpoint
) -> tuple[Seat, str]:
    from chessgru.predictor import Seat
    from chessgru.seats import seat

    if person is None:
        return Seat(name=chair.name, rating=chair.rating), ""
    return seat(person, base, library=store.library(), rating=chair.rating, opponent=opponent)


def open_shipped(seating: Seating) -> Opened:
    """Returns a predictor with the chosen model, by default the shipped one, and the players' games.

    Raises CheckpointError if the model cannot be used, LibraryError if the library cannot.
    """
    from chessgru.predictor import Predictor

    base = _checkpoint(os.environ.get(MODEL_VARIABLE, ""))
    people = _person(seating.white, seating.followed), _person(seating.black, seating.followed)
    white, white_trouble = _seat(seating.white, *people, base)
    black, black_trouble = _seat(seating.black, *people[::-1], base)
    predictor = Predictor(base.model, white, black, time_class=seating.pace)
    return Opened(predictor, tuple(line for line in (white_trouble, black_trouble) if line))
