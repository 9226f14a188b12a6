"""Opens predictors for the app and keeps the last few; a cached one is only read, never changed."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import streamlit as st

from chessgru.errors import ChessgruError, UnknownPlayerError
from chessgru.session import LiveGame
from chessgru.ui import store
from chessgru.ui.contract import Opener, Predictions, Predictor
from chessgru.ui.state import GUEST, Chair, Seating

if TYPE_CHECKING:
    from chessgru.memory import Memory
    from chessgru.model import MoveGRU
    from chessgru.predictor import Seat

MODEL_VARIABLE: Final = "CHESSGRU_MODEL"
"""Environment variable with the model's folder, set by `chessgru app --model`."""
_KEPT: Final = 8


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def _opened(
    _opener: Opener,
    opener_name: str,  # noqa: ARG001
    seating: Seating,
    games_stored: int,  # noqa: ARG001
) -> Predictor | str:
    """Returns a predictor, or the line that says why there is none; a grown library makes a new one."""
    try:
        return _opener(seating)
    except ChessgruError as error:
        return str(error)


@st.cache_data(ttl=10, show_spinner=False)
def _games_stored() -> int:
    """Returns how many games the library has, or had some seconds ago; 0 if it cannot be read."""
    try:
        return store.library().count()
    except ChessgruError:
        return 0


def predictions(game: LiveGame, seating: Seating, opener: Opener) -> Predictions | str:
    """Returns the predictions at the game's cursor, or one line that says why there are none."""
    name = f"{opener.__module__}.{opener.__qualname__}"
    predictor = _opened(opener, name, replace(seating, clock=None, speed=seating.pace), _games_stored())
    if isinstance(predictor, str):
        return predictor
    return predictor.predict(game.tokens)


@st.cache_resource(max_entries=2, show_spinner="Waking the model …")
def _model(folder: str) -> MoveGRU:
    """Returns the model of a folder, "" for the shipped one, to run on one thread."""
    import torch

    from chessgru.checkpoint import load_checkpoint

    torch.set_num_threads(1)
    return load_checkpoint(Path(folder) if folder else None).model


@st.cache_resource(max_entries=_KEPT, show_spinner="Remembering the games …")
def _memory(name: str, games_stored: int) -> tuple[Memory, frozenset[str]] | None:  # noqa: ARG001
    """Returns what somebody of the library played, and his names; None for anybody else.

    `games_stored` makes a library that has grown be read again.
    """
    from chessgru.memory import remember

    try:
        player = store.library().player(name)
    except UnknownPlayerError:
        return None
    return remember(store.library().games(name), player.keys), player.keys


def _seat(chair: Chair, opponent: Chair) -> Seat:
    from chessgru.predictor import Seat

    stored = _games_stored()
    own, other = (None if c.name == GUEST else _memory(c.name, stored) for c in (chair, opponent))
    if own is None:
        return Seat(name=chair.name, rating=chair.rating)
    head_to_head = own[0].against(other[1]) if other else None
    return Seat(name=chair.name, rating=chair.rating, memory=own[0], head_to_head=head_to_head)


def open_shipped(seating: Seating) -> Predictor:
    """Returns a predictor with the chosen model, by default the shipped one, and the players' games.

    Raises CheckpointError if the model cannot be used, LibraryError if the library cannot.
    """
    from chessgru.predictor import Predictor as Shipped

    model = _model(os.environ.get(MODEL_VARIABLE, ""))
    white, black = _seat(seating.white, seating.black), _seat(seating.black, seating.white)
    return Shipped(model, white, black, time_class=seating.pace)
