"""Plays one side as the person who sits there would: a move drawn from his prediction, after a pause."""

from __future__ import annotations

from random import Random
from typing import Final

from chessgru.game import Side
from chessgru.ui.contract import Predictions, Suggestion
from chessgru.ui.state import Table

SHORTEST_PAUSE: Final = 0.6
LONGEST_PAUSE: Final = 4.0


def is_due(table: Table) -> bool:
    """Returns whether the model has to move now; never while somebody looks at an earlier position."""
    return table.game.at_end and not table.game.is_over and table.game.to_move in table.modelled


def draw_move(predictions: Predictions, side: Side, temperature: float, rng: Random) -> str:
    """Returns the UCI of a move drawn with probability p ** (1 / temperature), "" if there is none.

    Temperature 1 plays as he does, lower ones more his usual moves.
    """
    moves = (predictions.white if side == "white" else predictions.black).suggestions
    if not moves:
        return ""
    weights = [move.probability ** (1 / temperature) for move in moves]
    chosen: Suggestion = rng.choices(list(moves), weights)[0]
    return chosen.uci


def pause(predictions: Predictions, side: Side, rng: Random) -> float:
    """Returns seconds to wait before the move: short where he hardly hesitates, longer where he may."""
    moves = (predictions.white if side == "white" else predictions.black).suggestions
    doubt = 1 - (moves[0].probability if moves else 1)
    return SHORTEST_PAUSE + (LONGEST_PAUSE - SHORTEST_PAUSE) * doubt * rng.random()


def take_turn(table: Table, predictions: Predictions, now: float, rng: Random) -> bool:
    """Plays the model's move if it is due and its pause is over; returns whether it moved."""
    if not is_due(table):
        table.thinks_until = None
        return False
    side = table.game.to_move
    if table.thinks_until is None:
        table.thinks_until = now + pause(predictions, side, rng)
    if now < table.thinks_until:
        return False
    table.thinks_until = None
    table.play_model(draw_move(predictions, side, table.temperature, rng), now)
    return True
