"""What one player did before in this position, counted.

A `Memory` holds every move a player made, keyed by position, so that transpositions meet. Its counts speak
over the network through a Dirichlet prior: with n observations of which n_m chose move m,
p(m) = (n_m + k * prior(m)) / (n + k), where k is the concentration (how many observations the prior is worth).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from chessgru.game import Game, name_key
from chessgru.replay import position_keys, replay

_GAMES_AT_ONCE = 128


@dataclass(frozen=True, slots=True)
class Count:
    """How often a player came to a position, and what he did there."""

    moves: dict[int, float]
    """Token -> times played; fractions where older games weigh less."""
    times: int
    """Visits."""
    transposed: int
    """Visits by another order of moves than the game on the board."""

    @property
    def total(self) -> float:
        """The sum of the weighted counts."""
        return sum(self.moves.values())


NOTHING = Count({}, 0, 0)


@dataclass(frozen=True, slots=True)
class Memory:
    """One player's moves by position: M rows, sorted by position key."""

    keys: NDArray[np.int64]
    """(M,) position keys, rising."""
    tokens: NDArray[np.uint16]
    """(M,) the move played."""
    paths: NDArray[np.int64]
    """(M,) a number for the order of moves that led there."""
    days: NDArray[np.int32]
    """(M,) when, as `sequences.date_number`."""
    opponents: NDArray[np.int64]
    """(M,) a number for the opponent's name."""
    game: NDArray[np.int32]
    """(M,) which game of the history, in its order."""

    @property
    def games(self) -> int:
        """How many games are remembered."""
        return len(np.unique(self.game))

    def look_up(self, key: int, path: int = 0) -> Count:
        """Returns the counts at a position; `path` is the live game's, to tell transpositions."""
        start, end = np.searchsorted(self.keys, key, "left"), np.searchsorted(self.keys, key, "right")
        if start == end:
            return NOTHING
        moves: dict[int, float] = {}
        for token in self.tokens[start:end].tolist():
            moves[token] = moves.get(token, 0.0) + 1.0
        transposed = int((self.paths[start:end] != path).sum()) if path else 0
        return Count(moves, int(end - start), transposed)

    def against(self, names: Collection[str]) -> Memory:
        """Returns the head-to-head part: games against somebody with one of these `name_key`s."""
        wanted = np.array([text_number(name) for name in names], np.int64)
        rows = np.isin(self.opponents, wanted)
        columns = (self.keys, self.tokens, self.paths, self.days, self.opponents, self.game)
        return Memory(*(column[rows] for column in columns))


def text_number(text: str) -> int:
    """Returns a 63-bit number that stands for a text, the same in every run."""
    import hashlib

    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1


_PATH_FACTOR = 6364136223846793005


def next_path(path: int, token: int) -> int:
    """Returns the number of a path with one more move; the start is 1. As `path_numbers`, for one game."""
    number = (path * _PATH_FACTOR + token + 1) & (2**64 - 1)
    return number - 2**64 if number >= 2**63 else number


def path_numbers(tokens: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns (B, T + 1): a number for the moves before each ply of B games, their order included."""
    factor = np.uint64(_PATH_FACTOR)
    paths = np.ones((tokens.shape[0], tokens.shape[1] + 1), np.uint64)
    with np.errstate(over="ignore"):
        for ply in range(tokens.shape[1]):
            paths[:, ply + 1] = paths[:, ply] * factor + tokens[:, ply].astype(np.uint64) + np.uint64(1)
    return paths.view(np.int64)


def remember(games: Sequence[Game], names: Collection[str]) -> Memory:
    """Returns the memory of the player with these `name_key`s over his games.

    Games he did not play, or played against himself, are passed over.
    """
    from chessgru.sequences import date_number

    played = [(game, side) for game in games if (side := game.side_of(names)) is not None]
    columns: list[list[NDArray[np.int64]]] = []
    for start in range(0, len(played), _GAMES_AT_ONCE):
        some = played[start : start + _GAMES_AT_ONCE]
        lengths = np.array([len(game.tokens) for game, _ in some])
        tokens = np.zeros((len(some), lengths.max()), np.int64)
        for row, (game, _) in enumerate(some):
            tokens[row, : lengths[row]] = game.tokens
        own = np.array([[side == "black"] for _, side in some]) == (np.arange(tokens.shape[1]) % 2 == 1)
        own &= np.arange(tokens.shape[1]) < lengths[:, None]  # (B, T): plies the player moved
        boards = replay(torch.from_numpy(tokens[:, :-1])).at(torch.from_numpy(own))
        days = np.array([date_number(game.date) for game, _ in some])
        others = [game.black if side == "white" else game.white for game, side in some]
        opponents = np.array([text_number(name_key(name)) for name in others])
        row = np.nonzero(own)[0]
        paths = path_numbers(tokens[:, :-1])[own]
        columns.append(
            [position_keys(boards).numpy(), tokens[own], paths, days[row], opponents[row], start + row]
        )
    if not columns:
        empty = np.zeros(0, np.int64)
        columns = [[empty] * 6]
    keys, moves, paths, days, opponents, game = (
        np.concatenate(column) for column in zip(*columns, strict=True)
    )
    order = np.argsort(keys, kind="stable")
    return Memory(
        keys=keys[order],
        tokens=moves[order].astype(np.uint16),
        paths=paths[order],
        days=days[order].astype(np.int32),
        opponents=opponents[order],
        game=game[order].astype(np.int32),
    )


def empty_memory() -> Memory:
    """Returns the memory of somebody nobody has seen play."""
    return remember([], ())


def mix(prior: NDArray[np.float64], count: Count, concentration: float) -> NDArray[np.float64]:
    """Returns the posterior mean (vocabulary.SIZE,) of a Dirichlet prior after a player's counts.

    >>> import numpy as np
    >>> prior = np.full(vocabulary.SIZE, 1 / vocabulary.SIZE)
    >>> float(mix(prior, Count({7: 3.0}, 3, 0), 1.0)[7]) > 0.75
    True
    """
    posterior = prior * concentration
    for token, times in count.moves.items():
        posterior[token] += times
    mixed: NDArray[np.float64] = posterior / (concentration + count.total)
    return mixed
