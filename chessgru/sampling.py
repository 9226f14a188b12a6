"""Plays as a person would: a move drawn from a prediction, and how long he thinks about it.

Both are pure: the dice come in as `rng`, and nothing waits here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from chessgru.errors import MoveError, SettingsError

HIGHEST_TEMPERATURE: Final = 5.0
_MOVES_TO_GO: Final = 40
_UNTIMED: Final = 3.0  # seconds over a move of ordinary difficulty when there is no clock
_UNTIMED_MOST: Final = 15.0
_RESERVE: Final = 0.5  # seconds that are never thought away
_ORDINARY_BITS: Final = 2.0  # entropy of a move of ordinary difficulty
_SPREAD: Final = 0.5  # standard deviation of the logarithm of a pause


class Choice(Protocol):
    """A move, its probability, and how many times its player had this position before."""

    @property
    def probability(self) -> float: ...  # noqa: D102
    @property
    def of(self) -> int: ...  # noqa: D102


Chosen = TypeVar("Chosen", bound=Choice)


def tempered(probabilities: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Returns p^(1/temperature), summing to 1: 1 leaves it as it is, 0 puts all on the likeliest.

    Raises SettingsError for a temperature below 0 or above 5.

    >>> tempered(np.array([0.5, 0.3, 0.2]), 0).tolist()
    [1.0, 0.0, 0.0]
    """
    if not 0 <= temperature <= HIGHEST_TEMPERATURE:
        raise SettingsError(f"temperature must be between 0 and {HIGHEST_TEMPERATURE:g}, not {temperature}")
    if temperature < 0.01:
        return np.asarray(np.arange(len(probabilities)) == np.argmax(probabilities), np.float64)
    with np.errstate(divide="ignore"):
        logs = np.log(probabilities) / temperature
    powers = np.exp(logs - logs.max())
    return np.asarray(powers / powers.sum(), np.float64)


def sample(suggestions: Sequence[Chosen], rng: np.random.Generator, temperature: float = 1.0) -> Chosen:
    """Returns one of a prediction's moves, drawn by its probability.

    Raises MoveError if there is none: the game is over.
    """
    if not suggestions:
        raise MoveError("no move to choose from: the game is over")
    shares = tempered(np.array([move.probability for move in suggestions]), temperature)
    return suggestions[int(rng.choice(len(suggestions), p=shares))]


@dataclass(frozen=True, kw_only=True)
class Clock:
    """What the mover's clock says, in seconds; no clock at all by default."""

    remaining: float | None = None
    increment: float = 0.0
    moves_to_go: int | None = None
    """Moves until more time comes; None if that is all."""
    per_move: float | None = None
    """The time for this move alone."""

    @property
    def usual(self) -> float:
        """What a move of ordinary difficulty may take."""
        if self.per_move is not None:
            return self.per_move / 2
        if self.remaining is None:
            return _UNTIMED
        return self.remaining / max(self.moves_to_go or _MOVES_TO_GO, 2) + 0.8 * self.increment

    @property
    def most(self) -> float:
        """What a move must never take: the clock does not run out, whatever the dice say."""
        if self.per_move is not None:
            return max(0.0, 0.9 * self.per_move - 0.1)
        if self.remaining is None:
            return _UNTIMED_MOST
        return max(0.0, min(self.remaining / 5, self.remaining - _RESERVE))


def entropy(suggestions: Sequence[Choice]) -> float:
    """Returns how open the choice is, in bits: 0 if there is one move, 1 if two are equally likely."""
    return sum(-move.probability * math.log2(move.probability) for move in suggestions if move.probability)


def thinking_time(suggestions: Sequence[Choice], clock: Clock, rng: np.random.Generator) -> float:
    """Returns how many seconds a person takes over a move; never more than `clock.most`.

    Longer where the choice is open, short where he knows the position from his games, and now and then
    surprising. The proportions are set by hand.
    """
    familiar = max((move.of for move in suggestions), default=0)
    difficulty = (0.2 + entropy(suggestions) / _ORDINARY_BITS) / (1 + familiar / 4)
    return float(min(clock.usual * difficulty * rng.lognormal(0.0, _SPREAD), clock.most))
