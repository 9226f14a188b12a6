"""How often each move was chosen in each situation: where memories, books and count tables look it up.

Shapes: P situations with M different moves in all; N positions asked about, with L moves.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from chessgru.vocabulary import SIZE

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]


def posterior(
    prior: Floats, times: Floats, visits: Floats, position: Longs, concentration: float
) -> Floats:
    """Returns (L,) probabilities: the mean of a Dirichlet prior after counts, position by position.

    p(m) = (n_m + k * prior(m)) / (n + k): `prior` (L,) and `times` (L,) are the moves', `visits` (N,) the
    positions', `position` (L,) says which is whose, and k is the concentration.
    """
    mixed: Floats = (times + concentration * prior) / (visits[position] + concentration)
    return mixed


@dataclass(frozen=True, eq=False)
class Counts:
    """Counts of moves by a key that tells situations apart, such as a position's."""

    keys: Longs
    """(P,), rising."""
    moves: Longs
    """(M,) index of the key * vocabulary.SIZE + token, rising."""
    times: Floats
    """(M,) how often, or with which weight, the move was chosen there."""

    @classmethod
    def of(cls, keys: Longs, tokens: NDArray[np.integer], weights: Floats | None = None) -> Counts:
        """Returns the counts of single choices, three columns of one length; without weights each is 1."""
        different, index = np.unique(keys, return_inverse=True)
        moves, choice = np.unique(index * SIZE + tokens, return_inverse=True)
        return cls(different, moves, np.bincount(choice, weights, len(moves)).astype(np.float64))

    @cached_property
    def visits(self) -> Floats:
        """(P,), the sum of the counts in each situation."""
        return np.bincount(self.moves // SIZE, self.times, len(self.keys)).astype(np.float64)

    def met(self, least: float) -> Counts:
        """Returns the counts of the situations with at least so many visits."""
        kept, index = self.visits >= least, self.moves // SIZE
        number, some = np.cumsum(kept) - 1, kept[index]
        moves = number[index[some]] * SIZE + self.moves[some] % SIZE
        return Counts(self.keys[kept], moves, self.times[some])

    def look_up(self, keys: Longs, position: Longs, token: Longs) -> tuple[Floats, Floats]:
        """Returns (L,) how often each move was chosen, and (N,) the visits of each position.

        `keys` is (N,); `position` (L,) and `token` (L,) name L moves of these positions.
        """
        if not len(self.keys):
            return np.zeros(len(token)), np.zeros(len(keys))
        index = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        known = self.keys[index] == keys
        wanted = index[position] * SIZE + token
        place = np.minimum(np.searchsorted(self.moves, wanted), len(self.moves) - 1)
        found = (self.moves[place] == wanted) & known[position]
        return np.where(found, self.times[place], 0.0), np.where(known, self.visits[index], 0.0)
