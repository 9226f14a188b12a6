"""What the pages need from a predictor, so that they can be run and tested with any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from chessgru.game import Side
from chessgru.ui.state import Seating


class Suggestion(Protocol):
    """A legal move, its probability, and the shares of it that each source gave; they sum to it."""

    @property
    def uci(self) -> str: ...  # noqa: D102
    @property
    def san(self) -> str: ...  # noqa: D102
    @property
    def probability(self) -> float: ...  # noqa: D102
    @property
    def network(self) -> float: ...  # noqa: D102
    @property
    def own(self) -> float: ...  # noqa: D102
    @property
    def head_to_head(self) -> float: ...  # noqa: D102
    @property
    def seen(self) -> int: ...  # noqa: D102
    @property
    def of(self) -> int: ...  # noqa: D102
    @property
    def h2h_seen(self) -> int: ...  # noqa: D102
    @property
    def h2h_of(self) -> int: ...  # noqa: D102


class Reply(Protocol):
    """What the waiting player answers to one move of the other."""

    @property
    def if_uci(self) -> str: ...  # noqa: D102
    @property
    def if_san(self) -> str: ...  # noqa: D102
    @property
    def probability_of_if(self) -> float: ...  # noqa: D102
    @property
    def suggestions(self) -> Sequence[Suggestion]: ...  # noqa: D102


class Prediction(Protocol):
    """What one side is expected to do; `replies` only for the side that waits."""

    @property
    def suggestions(self) -> Sequence[Suggestion]: ...  # noqa: D102
    @property
    def replies(self) -> Sequence[Reply]: ...  # noqa: D102


class Predictions(Protocol):
    """Both sides' predictions, and the surprise in bits of each ply played."""

    @property
    def white(self) -> Prediction: ...  # noqa: D102
    @property
    def black(self) -> Prediction: ...  # noqa: D102
    @property
    def to_move(self) -> Side: ...  # noqa: D102
    @property
    def surprise_bits(self) -> Sequence[float]: ...  # noqa: D102


class Predictor(Protocol):
    """Predicts both players, from the tokens of the game so far."""

    def predict(self, tokens: Sequence[int]) -> Predictions: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Opened:
    """A predictor for two people, and one line for each thing about them that could not be used."""

    predictor: Predictor
    troubles: tuple[str, ...] = ()


Opener = Callable[[Seating], Opened]
"""Returns a predictor for two players; raises ChessgruError with one line if there is none."""
