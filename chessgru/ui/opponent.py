"""Plays one side as the person who sits there would: a move drawn from his prediction, after a pause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from chessgru.sampling import Clock, sample, thinking_time
from chessgru.ui.contract import Predictions, Suggestion
from chessgru.ui.state import Table

SHORTEST_PAUSE: Final = 0.6
"""Seconds; a person needs them to move the piece."""


def is_due(table: Table) -> bool:
    """Returns whether the model has to move now; never while somebody looks at an earlier position."""
    return table.game.at_end and not table.game.is_over and table.game.to_move in table.modelled


def pause(table: Table, moves: Sequence[Suggestion], now: float, rng: np.random.Generator) -> float:
    """Returns seconds to wait before the move: as a person would think, and as his clock allows."""
    clock = table.seating.clock
    left = table.left(table.game.to_move, now)
    increment = clock.increment if clock else 0.0
    return max(SHORTEST_PAUSE, thinking_time(moves, Clock(remaining=left, increment=increment), rng))


def take_turn(table: Table, predictions: Predictions, now: float, rng: np.random.Generator) -> bool:
    """Plays the model's move if it is due and its pause is over; returns whether it moved."""
    if not is_due(table):
        table.thinks_until = None
        return False
    mover = predictions.white if table.game.to_move == "white" else predictions.black
    if table.thinks_until is None:
        table.thinks_until = now + pause(table, mover.suggestions, now, rng)
    if now < table.thinks_until:
        return False
    table.thinks_until = None
    table.play_model(sample(mover.suggestions, rng, table.temperature).uci, now)
    return True
