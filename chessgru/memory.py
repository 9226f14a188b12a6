"""What one player did before in this position, counted.

A `Memory` holds every move a player made, keyed by position, so that transpositions meet. Its counts speak
over the network through a Dirichlet prior: with n observations of which n_m chose move m,
p(m) = (n_m + k * prior(m)) / (n + k), where the concentration k says how many observations the prior is
worth.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from chessgru.counts import Counts
from chessgru.game import Game, Side, name_key
from chessgru.replay import position_keys, replay

HALF_LIFE: Final = 400
"""Games after which a visit counts half: the best of 100 to 1,600 and never, on later games of 8 people."""
K_OWN: Final = 2.0
"""How many observations the base model's opinion is worth against a player's own counts, as a rule."""
K_H2H: Final = 16.0
"""Likewise for the mix of both, against his counts in games with one opponent."""
_GAMES_AT_ONCE: Final = 128


@dataclass(frozen=True, slots=True)
class Count:
    """How often a player came to a position, and what he did there."""

    moves: dict[int, float]
    """Token -> times played, older games weighing less."""
    times: int
    """Visits, each counted as one."""
    transposed: int
    """Visits by another order of moves than the game on the board."""
    seen: dict[int, int] = field(default_factory=dict)
    """Token -> times played, each counted as one."""

    @property
    def total(self) -> float:
        """The sum of the weighted counts."""
        return sum(self.moves.values())


NOTHING = Count({}, 0, 0)


@dataclass(frozen=True, eq=False)
class Memory:
    """One player's moves by position: M rows, sorted by position key."""

    keys: NDArray[np.int64]
    """(M,) position keys, rising."""
    tokens: NDArray[np.uint16]
    """(M,) the move played."""
    paths: NDArray[np.int64]
    """(M,) a number for the order of moves that led there."""
    opponents: NDArray[np.int64]
    """(M,) a number for the opponent's name."""
    game: NDArray[np.int32]
    """(M,) which game of the history, in its order."""
    weights: NDArray[np.float32]
    """(M,) what the visit counts: 1 in the latest game, half as much HALF_LIFE games before."""

    @property
    def games(self) -> int:
        """How many games are remembered."""
        return len(np.unique(self.game))

    def look_up(self, key: int, path: int = 0) -> Count:
        """Returns the counts at a position; `path` is the live game's, to tell transpositions."""
        start = bisect_left(self.keys, key)  # a numpy search costs more than this for one key
        end = bisect_right(self.keys, key, start)
        if start == end:
            return NOTHING
        tokens, weights = self.tokens[start:end].tolist(), self.weights[start:end].tolist()
        moves: dict[int, float] = {}
        for token, weight in zip(tokens, weights, strict=True):
            moves[token] = moves.get(token, 0.0) + weight
        transposed = int(np.count_nonzero(self.paths[start:end] != path)) if path else 0
        return Count(moves, end - start, transposed, dict(Counter(tokens)))

    def times(
        self, keys: NDArray[np.int64], position: NDArray[np.int64], token: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Returns counts for many positions at once.

        `keys` is (N,); `position` (L,) and `token` (L,) name L moves of these positions. Returns the weight
        with which each of the L moves was played, and (N,) that of the visits to each position.
        """
        return self.counts.look_up(keys, position, token)

    @cached_property
    def counts(self) -> Counts:
        """The weights added up by position and move."""
        return Counts.of(self.keys, self.tokens, self.weights.astype(np.float64))

    def against(self, names: Collection[str]) -> Memory:
        """Returns the head-to-head part: games against somebody with one of these `name_key`s."""
        wanted = np.array([text_number(name) for name in names], np.int64)
        return _rows(self, np.isin(self.opponents, wanted))

    def by_opponent(self) -> Memory:
        """Returns the same moves, keyed by position and opponent: look up `key ^ text_number(name)`."""
        keyed = replace(self, keys=self.keys ^ self.opponents)
        return _rows(keyed, np.argsort(keyed.keys, kind="stable"))

    def aged(self, half_life: float) -> Memory:
        """Returns the same moves, a visit counting half after so many games instead of HALF_LIFE."""
        age = self.game.max(initial=0) - self.game
        return replace(self, weights=(0.5 ** (age / half_life)).astype(np.float32))

    def plus(self, later: Memory, half_life: float = HALF_LIFE) -> Memory:
        """Returns this memory with later games added."""
        first = int(self.game.max(initial=-1)) + 1
        return _joined([self, replace(later, game=later.game + np.int32(first))]).aged(half_life)


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


class _Batch(NamedTuple):
    """Some games side by side: B games, T plies."""

    tokens: NDArray[np.int64]
    """(B, T)."""
    own: NDArray[np.bool_]
    """(B, T): plies the player moved."""
    opponents: NDArray[np.int64]
    """(B,)."""


def _batch(played: Sequence[tuple[Game, Side]]) -> _Batch:
    lengths = np.array([len(game.tokens) for game, _ in played])
    tokens = np.zeros((len(played), lengths.max()), np.int64)
    for row, (game, _) in enumerate(played):
        tokens[row, : lengths[row]] = game.tokens
    ply = np.arange(tokens.shape[1])
    own = np.array([[side == "black"] for _, side in played]) == (ply % 2 == 1)
    others = [game.black if side == "white" else game.white for game, side in played]
    return _Batch(
        tokens=tokens,
        own=own & (ply < lengths[:, None]),
        opponents=np.array([text_number(name_key(name)) for name in others]),
    )


def _rows_of(played: Sequence[tuple[Game, Side]], numbers: NDArray[np.int64], total: int) -> Memory:
    """Returns the rows of some games of `total`, `numbers` (B,) their places; not sorted by key."""
    batch = _batch(played)
    boards = replay(torch.from_numpy(batch.tokens[:, :-1])).at(torch.from_numpy(batch.own))
    row = np.nonzero(batch.own)[0]
    weights = (0.5 ** ((total - 1 - numbers) / HALF_LIFE)).astype(np.float32)
    return Memory(
        keys=position_keys(boards).numpy(),
        tokens=batch.tokens[batch.own].astype(np.uint16),
        paths=path_numbers(batch.tokens[:, :-1])[batch.own],
        opponents=batch.opponents[row],
        game=numbers[row].astype(np.int32),
        weights=weights[row],
    )


def remember(games: Sequence[Game], names: Collection[str]) -> Memory:
    """Returns the memory of the player with these `name_key`s over his games, oldest first.

    Games he did not play, or played against himself, are passed over.
    """
    played = [(game, side) for game in games if (side := game.side_of(names)) is not None]
    order = np.argsort([len(game.tokens) for game, _ in played], kind="stable").astype(np.int64)
    parts = []
    for start in range(0, len(played), _GAMES_AT_ONCE):
        numbers = order[start : start + _GAMES_AT_ONCE]
        parts.append(_rows_of([played[number] for number in numbers], numbers, len(played)))
    return _joined(parts) if parts else empty_memory()


def _joined(parts: Sequence[Memory]) -> Memory:
    """Returns the rows of all parts, sorted by key and then by game."""
    columns = (np.concatenate(column) for column in zip(*map(_columns, parts), strict=True))
    both = Memory(*columns)
    return _rows(both, np.lexsort((both.game, both.keys)))


def _columns(memory: Memory) -> tuple[NDArray[Any], ...]:
    return tuple(getattr(memory, column.name) for column in fields(Memory))


def _rows(memory: Memory, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Memory:
    return Memory(*(column[rows] for column in _columns(memory)))


def empty_memory() -> Memory:
    """Returns the memory of somebody nobody has seen play."""
    wide, narrow = np.zeros(0, np.int64), np.zeros(0, np.int32)
    tokens = np.zeros(0, np.uint16)
    weights = np.zeros(0, np.float32)
    return Memory(wide, tokens, wide, wide, narrow, weights)


def mix(prior: NDArray[np.float64], count: Count, concentration: float) -> NDArray[np.float64]:
    """Returns the posterior mean (vocabulary.SIZE,) of a Dirichlet prior after a player's counts.

    >>> import numpy as np
    >>> prior = np.full(1968, 1 / 1968)
    >>> float(mix(prior, Count({7: 3.0}, 3, 0), 1.0)[7]) > 0.75
    True
    """
    posterior = prior * concentration
    for token, times in count.moves.items():
        posterior[token] += times
    mixed: NDArray[np.float64] = posterior / (concentration + count.total)
    return mixed
