"""How far a download is, and when it will probably be done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

REPORT_EVERY: Final = 0.1
"""Seconds between two reports, at least."""
ESTIMATE_AFTER: Final = 2.0
"""Seconds to measure before a time left is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The state of a download at one moment."""

    games: int
    """Games so far, rejected ones counted."""
    expected: int | None = None
    """Games in all, if the site told; never less than `games`."""
    fraction: float | None = None
    """How much is done, from 0 to 1; None if it cannot be known."""
    rate: float = 0.0
    """Games a second since the start, pauses included."""
    seconds_left: float | None = None
    """None as long as there is nothing to estimate it from."""
    waiting: float = 0.0
    """Seconds left of a pause that the site asked for or that follows a failure; 0 while games come."""
    why: str = ""
    """The reason of the pause."""
    done: bool = False


ProgressListener = Callable[[Progress], None]


class Meter:
    """Turns counts into `Progress` reports, a few a second at most."""

    def __init__(self, *, listener: ProgressListener | None, now: Callable[[], float]) -> None:
        self._listener = listener
        self._now = now
        self._start = now()
        self._last = float("-inf")
        self.games = 0
        self.expected: int | None = None
        self.fraction: float | None = None

    def step(self, *, expected: int | None, fraction: float | None) -> None:
        """Reports what has come by now, unless it did so a moment ago."""
        self.expected = None if expected is None else max(expected, self.games)
        self.fraction = fraction
        if self.expected:
            self.fraction = self.games / self.expected
        if self._now() - self._last >= REPORT_EVERY:
            self._report()

    def wait(self, seconds: float, why: str) -> None:
        """Reports a pause of so many more seconds."""
        self._report(waiting=seconds, why=why)

    def finish(self) -> None:
        """Reports that every game arrived."""
        self.expected = None if self.expected is None else self.games
        self.fraction = 1.0
        self._report(done=True)

    def _report(self, *, waiting: float = 0.0, why: str = "", done: bool = False) -> None:
        if self._listener is None:
            return
        self._last = self._now()
        elapsed = max(self._last - self._start, 1e-9)
        self._listener(
            Progress(
                games=self.games,
                expected=self.expected,
                fraction=None if self.fraction is None else min(self.fraction, 1.0),
                rate=self.games / elapsed,
                seconds_left=0.0 if done else self._seconds_left(elapsed, waiting),
                waiting=waiting,
                why=why,
                done=done,
            )
        )

    def _seconds_left(self, elapsed: float, waiting: float) -> float | None:
        if not self.fraction or elapsed < ESTIMATE_AFTER:
            return None
        return elapsed * (1 - min(self.fraction, 1.0)) / self.fraction + waiting
