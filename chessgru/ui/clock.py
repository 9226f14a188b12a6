"""The chess clock of a game played at the board: base time and increment. Pure; the time is passed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chessgru.game import Side
from chessgru.session import LiveGame

MINUTES: Final = (0, 1, 3, 5, 10, 15, 30, 60)
"""What the form offers; 0 is no clock."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Seconds each has at the start, and seconds added by each move."""

    base: float
    increment: float = 0.0

    def __str__(self) -> str:
        """Returns the PGN TimeControl, such as "600+5"."""
        return f"{self.base:g}+{self.increment:g}"

    @classmethod
    def parse(cls, text: str) -> Clock | None:
        """Returns the clock of a PGN TimeControl, None if it is none of base and increment.

        >>> str(Clock.parse("600+5")), Clock.parse("rapid")
        ('600+5', None)
        """
        base, _, increment = text.partition("+")
        try:
            clock = cls(float(base), float(increment or 0))
        except ValueError:
            return None
        return clock if clock.base > 0 and clock.increment >= 0 else None

    def left(self, game: LiveGame, side: Side, elapsed: float) -> float:
        """Returns the seconds a side has, `elapsed` seconds after the last move of the game.

        The clock starts with White's first move and stops with the game.
        """
        name = side.capitalize()
        if game.ending.startswith((f"{name} ran out of time", f"{name} out of time")):
            return 0.0
        shown = self._after_own_move(game, side)
        if side == running(game):
            shown -= elapsed
        return max(0.0, shown)

    def _after_own_move(self, game: LiveGame, side: Side) -> float:
        own = game.line[0 if side == "white" else 1 :: 2]
        return next((ply.clock for ply in reversed(own) if ply.clock is not None), self.base)


def running(game: LiveGame) -> Side | None:
    """Returns the side whose clock runs, None before the first move and after the end."""
    return game.end().to_move if game.line and not game.is_over else None
