"""The games that come with chessgru: simulated ones between two people who do not exist.

"Dad" (about 1500, a king's pawn player) and "Son" (about 1100, who answers with the Sicilian) are played by
the base model with habits of their own in the opening; nobody's real games are among them.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Final, TextIO, cast

import chess.pgn

from chessgru.errors import PGNError
from chessgru.game import Game, Result
from chessgru.pgn import read_all
from chessgru.vocabulary import token_of

NAME = "dad-and-son.pgn"
SAMPLE_PLAYERS: Final = {"Dad": 1500, "Son": 1100}
"""Who plays in them, with his rating."""


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
    return read_all(path)[0] if path is not None else sample_games()


def sample_games() -> list[Game]:
    """Returns the games of the sample file, oldest first.

    They are read by python-chess, which needs a second for them: our own reader is compiled at its first
    use, and nobody should wait for that before the first move.
    """
    with sample_path().open(encoding="utf-8") as file:
        return list(_read(file))


def _read(file: TextIO) -> Iterator[Game]:
    index = 0
    while (game := chess.pgn.read_game(file)) is not None:
        tags = game.headers
        yield Game(
            tokens=tuple(token_of(move) for move in game.mainline_moves()),
            white=tags["White"],
            black=tags["Black"],
            white_rating=int(tags["WhiteElo"]),
            black_rating=int(tags["BlackElo"]),
            result=cast("Result", tags["Result"]),
            date=tags["Date"],
            time_control=tags["TimeControl"],
            event=tags["Event"],
            site=tags["Site"],
            round=tags["Round"],
            source=NAME,
            index=index,
        )
        index += 1
