"""What many people played in the same position, counted: the opening book that speaks over the network.

A small network cannot learn by heart which of several good moves is in fashion after 1. e4 c5 2. Nf3 d6; a
table can. In a position of the book, with n visits of which n_m chose move m, the model's opinion p is the
mean of a Dirichlet posterior, (n_m + k * p(m)) / (n + k). The concentration k, how many visits the
network's opinion is worth, depends on who plays, for amateurs follow masters' games less, and grows with n,
because visits of other people are not draws from this person's habits:
log k = weights[rating] + weights[-1] * log(1 + n), fitted by likelihood on validation games.

Shapes: N positions with L legal moves in all, K rating features.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from chessgru import vocabulary
from chessgru.batches import batches_of, pad
from chessgru.counts import Counts
from chessgru.replay import position_keys, replay
from chessgru.sequences import Sequences

PLIES: Final = 40
"""A book goes no deeper: later positions hardly ever come again."""
LEAST: Final = 2
"""The fewest visits that put a position into a book."""
_MOST: Final = 32767  # visits of one move; above, all counts of the position are scaled down
_PLIES_AT_ONCE: Final = 32_768
_CAUTION: Final = 1e-3  # how strongly neighbouring ratings' weights are held together while fitting


class Evidence(NamedTuple):
    """What a book's weights are fitted on: N positions of the book in validation games."""

    ratings: Tensor
    """(N, K) rating features of the mover."""
    prior: Tensor
    """(N,) the network's probability of the move that was played."""
    times: Tensor
    """(N,) how often the book's players chose that move."""
    visits: Tensor
    """(N,)."""


@dataclass(frozen=True, eq=False)
class Book:
    """Counts of moves by position, and how much they weigh. It is a value: copies share it."""

    counts: Counts
    """By position key."""
    weights: Tensor
    """(K + 1,) float32, see the module's docstring."""

    def __len__(self) -> int:
        return len(self.counts.keys)

    def __deepcopy__(self, memo: object) -> Book:
        return self

    def look_up(
        self, keys: NDArray[np.int64], position: NDArray[np.int64], token: NDArray[np.int64]
    ) -> tuple[Tensor, Tensor]:
        """Returns (L,) how often each legal move was played, and (N,) how often each position was met.

        `keys` is (N,); `position` (L,) and `token` (L,) name the legal moves, in absolute coordinates.
        """
        times, visits = self.counts.look_up(keys, position, token)
        return torch.from_numpy(times).float(), torch.from_numpy(visits).float()

    def concentration(self, ratings: Tensor, visits: Tensor) -> Tensor:
        """Returns (N,): the visits that the network's opinion is worth; `ratings` is (N, K) features."""
        weights = self.weights.to(visits.dtype)
        return torch.exp(ratings.to(visits.dtype) @ weights[:-1] + weights[-1] * torch.log1p(visits))

    def speak(self, logs: Tensor, keys: Tensor, position: Tensor, token: Tensor, ratings: Tensor) -> Tensor:
        """Returns (L,) log-probabilities after the book has spoken; `logs` (L,) are the network's."""
        times, visits = (
            each.to(logs.device)
            for each in self.look_up(*(each.cpu().numpy() for each in (keys, position, token)))
        )
        k, n = (each[position] for each in (self.concentration(ratings, visits), visits))
        mixed = torch.log(times + k * logs.exp()) - torch.log(n + k)
        return torch.where(n > 0, mixed, logs)

    def fitted(self, evidence: Evidence) -> Book:
        """Returns the book with the weights that make the moves played likeliest."""
        visits, ratings = evidence.visits.double(), evidence.ratings.double()
        weights = torch.zeros(ratings.shape[1] + 1, dtype=torch.float64, requires_grad=True)
        search = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

        def loss() -> Tensor:
            search.zero_grad()
            k = replace(self, weights=weights).concentration(ratings, visits)
            chosen = (evidence.times + k * evidence.prior) / (visits + k)
            bends = weights[:-1].diff().square().sum() + 0.01 * weights.square().sum()
            found: Tensor = _CAUTION * bends - torch.log(chosen).mean()
            found.backward()  # type: ignore[no-untyped-call]
            return found

        search.step(loss)  # type: ignore[no-untyped-call]
        return replace(self, weights=weights.detach().float())

    def packed(self) -> dict[str, Tensor]:
        """Returns the tensors that a file holds, each as narrow as its values allow."""
        keys, times = self.counts.keys, self.counts.times
        rows, tokens = np.divmod(self.counts.moves, vocabulary.SIZE)
        peak = np.zeros(len(self))
        np.maximum.at(peak, rows, times)
        scaled = times * (_MOST / np.maximum(peak, _MOST))[rows]
        return {
            "keys": torch.from_numpy(keys),
            "choices": torch.from_numpy(np.bincount(rows, minlength=len(self)).astype(np.uint8)),
            "tokens": torch.from_numpy(tokens.astype(np.int16)),
            "times": torch.from_numpy(np.maximum(scaled.round(), 1).astype(np.int16)),
            "weights": self.weights,
        }

    @classmethod
    def unpacked(cls, tensors: dict[str, Tensor]) -> Book:
        """Returns the book that `packed` made these tensors of. Raises ValueError if they do not fit."""
        keys, choices, tokens, times = (
            tensors[name].numpy().astype(np.int64) for name in ("keys", "choices", "tokens", "times")
        )
        if len(keys) != len(choices) or not choices.sum() == len(tokens) == len(times):
            raise ValueError(f"{len(keys)} positions, {len(tokens)} moves and {len(times)} counts")
        moves = np.repeat(np.arange(len(keys)), choices) * vocabulary.SIZE + tokens
        return cls(Counts(keys, moves, times.astype(np.float64)), tensors["weights"])


def count_openings(games: Sequences, features: int, *, plies: int = PLIES, least: int = LEAST) -> Book:
    """Returns a book of what was played in the first `plies` plies of games.

    Positions met fewer than `least` times are left out. The weights, of `features` rating features, are
    zero: `Book.fitted` sets them.
    """
    counts = Counts.of(*_moves_played(_openings(games, plies)))
    return Book(counts.met(least), torch.zeros(features + 1))


def _openings(games: Sequences, plies: int) -> Sequences:
    """Returns the first plies of all games."""
    lengths = np.minimum(games.lengths, plies)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    place = np.repeat(games.offsets[:-1] - offsets[:-1], lengths) + np.arange(offsets[-1])
    return replace(games, tokens=games.tokens[place], offsets=offsets)


def _moves_played(games: Sequences) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns the keys of the positions in which every move of some games was played, and the moves."""
    keys, tokens = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for group in batches_of(games, np.arange(len(games)), _PLIES_AT_ONCE):
        batch = pad(games, group)
        valid = torch.arange(batch.tokens.shape[1]) < batch.lengths[:, None]
        keys.append(position_keys(replay(batch.tokens[:, :-1]).at(valid)).numpy())
        tokens.append(batch.tokens[valid].numpy())
    return np.concatenate(keys), np.concatenate(tokens)
