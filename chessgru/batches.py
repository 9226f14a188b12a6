"""Games as padded tensors: what training, learning and scoring feed to the network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from chessgru.sequences import Sequences

_CHUNK: Final = 4096  # games that are sorted by length together


class Batch(NamedTuple):
    """B games as tensors."""

    tokens: Tensor
    """(B, T) int64."""
    lengths: Tensor
    """(B,) int64."""
    ratings: Tensor
    """(B, 2) float."""
    speed: Tensor
    """(B,) int64."""
    players: Tensor
    """(B, 2) int64, 0 is nobody in particular."""

    def select(self, games: Tensor) -> Batch:
        """Returns the games at these positions, (N,) int64, and no more plies than their longest has."""
        part = Batch(*(each[games] for each in self))
        return part._replace(tokens=part.tokens[:, : int(part.lengths.max())])


def pad(sequences: Sequences, games: NDArray[np.int64], players: NDArray[np.int64] | None = None) -> Batch:
    """Returns games as one batch; `players` maps player numbers (and -1, the last) to style rows."""
    lengths = sequences.lengths[games]
    tokens = np.zeros((len(games), lengths.max()), np.int64)
    for row, game in enumerate(games):
        tokens[row, : lengths[row]] = sequences.tokens[
            sequences.offsets[game] : sequences.offsets[game + 1]
        ]
    people = sequences.players[games]
    rows = np.zeros_like(people, np.int64) if players is None else players[people]
    return Batch(
        tokens=torch.from_numpy(tokens),
        lengths=torch.from_numpy(lengths),
        ratings=torch.from_numpy(sequences.ratings[games].astype(np.float32)),
        speed=torch.from_numpy(sequences.speed[games].astype(np.int64)),
        players=torch.from_numpy(rows),
    )


def batches_of(
    sequences: Sequences, games: NDArray[np.int64], plies: int, rng: np.random.Generator | None = None
) -> Iterator[NDArray[np.int64]]:
    """Yields positions of games in groups of about `plies` plies, games of one length together.

    With `rng` the groups are shuffled; without, they come sorted by length.
    """
    lengths = sequences.lengths
    for start in range(0, len(games), _CHUNK):
        chunk = games[start : start + _CHUNK]
        chunk = chunk[np.argsort(lengths[chunk], kind="stable")]
        group = np.cumsum(lengths[chunk]) // plies
        groups = np.split(chunk, np.flatnonzero(np.diff(group)) + 1)
        for index in rng.permutation(len(groups)) if rng is not None else range(len(groups)):
            yield groups[index]


def shares(plies: NDArray[np.int64], count: int) -> list[NDArray[np.int64]]:
    """Returns positions of games, from their lengths (B,), in at most `count` groups, rising in each.

    The groups have about as many plies (longest first, to the group with the fewest); none is empty.
    """
    groups: list[list[int]] = [[] for _ in range(count)]
    loads = np.zeros(count)
    for game in np.argsort(-plies, kind="stable").tolist():
        lightest = int(loads.argmin())
        loads[lightest] += plies[game]
        groups[lightest].append(game)
    return [np.array(sorted(group), np.int64) for group in groups if group]
