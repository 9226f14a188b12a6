"""Opens predictors for the app and keeps the last few; a cached one is only read, never changed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import streamlit as st

from chessgru.errors import ChessgruError
from chessgru.session import LiveGame
from chessgru.ui.contract import Opener, Predictions, Predictor
from chessgru.ui.state import Seating

MODEL_VARIABLE: Final = "CHESSGRU_MODEL"
"""Environment variable with the model's folder, set by `chessgru app --model`."""
_KEPT: Final = 8


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def _opened(_opener: Opener, opener_name: str, seating: Seating) -> Predictor | str:  # noqa: ARG001
    """Returns a predictor, or the line that says why there is none."""
    try:
        return _opener(seating)
    except ChessgruError as error:
        return str(error)


def predictions(game: LiveGame, seating: Seating, opener: Opener) -> Predictions | str:
    """Returns the predictions at the game's cursor, or one line that says why there are none."""
    name = f"{opener.__module__}.{opener.__qualname__}"
    predictor = _opened(opener, name, seating)
    if isinstance(predictor, str):
        return predictor
    return predictor.predict(game.tokens)


def open_shipped(seating: Seating) -> Predictor:
    """Returns a predictor with the chosen model, by default the shipped one.

    Raises CheckpointError if it cannot be used.
    """
    from chessgru.predictor import Predictor as Shipped
    from chessgru.predictor import Seat

    folder = os.environ.get(MODEL_VARIABLE)
    white, black = (Seat(name=chair.name, rating=chair.rating) for chair in (seating.white, seating.black))
    return Shipped.load(Path(folder) if folder else None, white, black, time_class=seating.speed)
