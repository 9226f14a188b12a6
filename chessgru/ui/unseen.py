"""People who have not seen the game under review: forecasting a game from itself would be no forecast."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from chessgru.game import Game, Side, name_key
from chessgru.memory import Memory, path_numbers, text_number
from chessgru.predictor import Predictor, Seat


def without(memory: Memory, game: Game, side: Side) -> Memory:
    """Returns a player's memory without one game, however often it was remembered."""
    first = 0 if side == "white" else 1
    own = range(first, len(game.tokens), 2)
    if not own:
        return memory
    paths = path_numbers(np.array([game.tokens[:-1]], np.int64))[0]
    opponent = text_number(name_key(game.black if side == "white" else game.white))
    ends = (memory.paths == paths[own[-1]]) & (memory.tokens == game.tokens[own[-1]])
    numbers, rows = np.unique(memory.game, return_counts=True)
    whole = numbers[rows == len(own)]
    same = np.intersect1d(memory.game[ends & (memory.opponents == opponent)], whole)
    kept = ~np.isin(memory.game, same)
    columns: dict[str, Any] = {field.name: getattr(memory, field.name)[kept] for field in fields(Memory)}
    return replace(memory, **columns)


def _seat(seat: Seat, game: Game, side: Side) -> Seat:
    memory, against = seat.memory, seat.head_to_head
    return replace(
        seat,
        memory=None if memory is None else without(memory, game, side),
        head_to_head=None if against is None else without(against, game, side),
    )


def unseen(predictor: Predictor, game: Game) -> Predictor:
    """Returns a predictor whose people remember everything but this game.

    Style that was learned from the game stays: it is one of many there.
    """
    return predictor.reseated(_seat(predictor.white, game, "white"), _seat(predictor.black, game, "black"))
