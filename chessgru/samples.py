"""The games that come with chessgru: simulated ones between two people who do not exist.

"Dad" (about 1500, a king's pawn player) and "Son" (about 1100, who answers with the Sicilian) are played by
the base model with habits of their own in the opening; nobody's real games are among them.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from chessgru.errors import PGNError
from chessgru.game import Game
from chessgru.pgn import read_all

NAME = "dad-and-son.pgn"


def sample_path() -> Path:
    """Returns the sample file: in the installed package, or in `data/` of a checkout.

    Raises PGNError if it is in neither place.
    """
    package = Path(str(files("chessgru")))
    places = [package / "sample_data" / NAME, package.parent / "data" / NAME]
    for path in places:
        if path.is_file():
            return path
    raise PGNError(
        f"{NAME} is neither in {places[0].parent} nor in {places[1].parent}: install chessgru again"
    )


def games_of(path: str | Path | None = None) -> list[Game]:
    """Returns the accepted games of a PGN file, the sample games if the path is None."""
    return read_all(path or sample_path())[0]


def sample_games() -> list[Game]:
    """Returns the games of the sample file, oldest first."""
    return games_of()
