"""Many games as a few flat arrays: what training and evaluation read.

All moves stand one after another in `tokens`; `offsets` says where each game begins. The file form is one
Parquet row a game (`list<uint16>`, zstd), small enough to carry: 47 million plies take about 65 MB.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from chessgru.errors import PGNError
from chessgru.game import TIME_CLASSES, Game, name_key

_COLUMNS = ("ratings", "speed", "players", "date")


@dataclass(frozen=True, kw_only=True)
class Sequences:
    """G games with P plies in all."""

    tokens: NDArray[np.uint16]
    """(P,)."""
    offsets: NDArray[np.int64]
    """(G + 1,); game g is `tokens[offsets[g]:offsets[g + 1]]`."""
    ratings: NDArray[np.int16]
    """(G, 2), White's and Black's; 0 is unknown."""
    speed: NDArray[np.int8]
    """(G,), 1 + index into TIME_CLASSES; 0 is unknown."""
    players: NDArray[np.int32]
    """(G, 2), index into `names`; -1 is nobody in particular."""
    date: NDArray[np.int32]
    """(G,), the year * 10,000 + month * 100 + day; unknown parts are 0."""
    names: tuple[str, ...] = ()
    """The `name_key` of every player; empty when names were left out on purpose."""

    def __len__(self) -> int:
        return len(self.speed)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(G,), plies a game."""
        return np.diff(self.offsets)

    def select(self, games: NDArray[np.int64] | NDArray[np.bool_]) -> Sequences:
        """Returns the games at the given positions, or where the mask is true, in that order."""
        index = np.flatnonzero(games) if games.dtype == np.bool_ else games
        lengths = self.lengths[index]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        plies = np.repeat(self.offsets[index] - offsets[:-1], lengths) + np.arange(offsets[-1])
        rest = {name: getattr(self, name)[index] for name in _COLUMNS}
        return Sequences(tokens=self.tokens[plies], offsets=offsets, names=self.names, **rest)

    def without_names(self) -> Sequences:
        """Returns the same games with the players numbered but not named."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return Sequences(**{**values, "names": ()})

    def save(self, path: Path) -> None:
        """Writes the Parquet file."""
        table = pa.table(
            {
                "tokens": pa.ListArray.from_arrays(pa.array(self.offsets.astype(np.int32)), self.tokens),
                "white_rating": self.ratings[:, 0],
                "black_rating": self.ratings[:, 1],
                "speed": self.speed,
                "white": self.players[:, 0],
                "black": self.players[:, 1],
                "date": self.date,
            },
            metadata={"names": "\n".join(self.names)},
        )
        pq.write_table(table, path, compression="zstd", compression_level=12)

    @classmethod
    def load(cls, path: Path) -> Sequences:
        """Reads a file that `save` wrote. Raises PGNError if it is not one."""
        try:
            table = pq.read_table(path)
            column = {name: table[name].combine_chunks() for name in table.column_names}
            pairs = [("white_rating", "black_rating"), ("white", "black")]
            ratings, players = (
                np.stack([column[name].to_numpy() for name in pair], axis=1) for pair in pairs
            )
            names = (table.schema.metadata or {}).get(b"names", b"").decode()
            return cls(
                tokens=column["tokens"].values.to_numpy(),
                offsets=column["tokens"].offsets.to_numpy().astype(np.int64),
                ratings=ratings,
                speed=column["speed"].to_numpy(),
                players=players,
                date=column["date"].to_numpy(),
                names=tuple(names.split("\n")) if names else (),
            )
        except (OSError, KeyError, pa.ArrowException) as error:
            raise PGNError(
                f"{path}: not a token file ({error}); write one with `chessgru train`"
            ) from error


def date_number(date: str) -> int:
    """Returns a PGN date as year * 10,000 + month * 100 + day, 0 for what is unknown.

    >>> date_number("2024.05.??"), date_number("")
    (20240500, 0)
    """
    parts = [int(part) if part.isdigit() else 0 for part in date.split(".")]
    year, month, day = [*parts, 0, 0, 0][:3]
    return year * 10_000 + month * 100 + day


def encode(games: Iterable[Game]) -> Sequences:
    """Returns games as arrays, with players numbered in the order they first appear."""
    rows = list(games)
    numbers: dict[str, int] = {}
    players = [
        [
            numbers.setdefault(name_key(name), len(numbers)) if name else -1
            for name in (game.white, game.black)
        ]
        for game in rows
    ]
    ratings = [[game.white_rating or 0, game.black_rating or 0] for game in rows]
    speeds = [1 + TIME_CLASSES.index(game.time_class) if game.time_class else 0 for game in rows]
    return Sequences(
        tokens=np.fromiter((token for game in rows for token in game.tokens), np.uint16),
        offsets=np.concatenate([[0], np.cumsum([len(game.tokens) for game in rows], dtype=np.int64)]),
        ratings=np.array(ratings, np.int16).reshape(-1, 2),
        speed=np.array(speeds, np.int8),
        players=np.array(players, np.int32).reshape(-1, 2),
        date=np.array([date_number(game.date) for game in rows], np.int32),
        names=tuple(numbers),
    )
