"""Names of openings by position, so that another order of moves comes to the same name.

The table in `openings.tsv` is Lichess's (lichess-org/chess-openings), which is in the public domain (CC0).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Opening(NamedTuple):
    """An opening: its code in the Encyclopaedia of Chess Openings, and its name."""

    eco: str
    name: str


@cache
def _table() -> dict[str, Opening]:
    """Returns the openings by EPD: placement, side to move, castling rights, en passant."""
    text = files("chessgru").joinpath("openings.tsv").read_text("utf-8")
    rows = (line.split("\t") for line in text.splitlines() if not line.startswith("#"))
    return {epd: Opening(eco, name) for eco, name, epd in rows}


def opening_of(fens: Iterable[str]) -> Opening | None:
    """Returns the last known opening that a game went through, given the FEN after each ply; None if none.

    >>> fen = "rnbqkbnr/pp1ppppp/8/2p5/4P3/8/PPPP1PPP/RNBQKBNR w KQkq - 0 2"
    >>> opening_of([fen])
    Opening(eco='B20', name='Sicilian Defense')
    """
    table = _table()
    found = None
    for fen in fens:
        found = table.get(" ".join(fen.split(" ", 4)[:4]), found)
    return found
