"""Names of openings by position."""

from __future__ import annotations

from collections.abc import Iterable


def opening_of(fens: Iterable[str]) -> str:
    """Returns the name of the last known opening that a game went through, "" if none."""
    return ""
