"""What a model and a memory say about every move one player made in some games.

Learning and scoring use it. The distributions are sparse: the L legal moves of the player's N positions
stand one after another.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from chessgru.adapters import OwnPlies
from chessgru.batches import batches_of, pad
from chessgru.counts import posterior
from chessgru.game import Game, Side, name_key
from chessgru.memory import Memory, text_number
from chessgru.model import MoveGRU
from chessgru.replay import mirror_tokens, position_keys, replay
from chessgru.sequences import Sequences, date_number, encode
from chessgru.threads import in_threads

_PLIES_AT_ONCE: Final = 2048


@dataclass(frozen=True)
class History:
    """G games of one player, in the order given."""

    sequences: Sequences
    side: NDArray[np.int64]
    """(G,), 0 where he was White, 1 where Black."""
    opponents: NDArray[np.int64]
    """(G,), a number for the opponent's name."""

    def __len__(self) -> int:
        return len(self.side)

    def select(self, games: NDArray[np.int64]) -> History:
        """Returns some of the games."""
        return History(self.sequences.select(games), self.side[games], self.opponents[games])

    def batch(self, games: NDArray[np.int64]) -> OwnPlies:
        """Returns some of the games as tensors."""
        padded = pad(self.sequences, games)
        return OwnPlies(
            tokens=padded.tokens,
            lengths=padded.lengths,
            ratings=padded.ratings,
            speed=padded.speed,
            side=torch.from_numpy(self.side[games]),
        )


def games_of(games: Sequence[Game], names: Collection[str]) -> list[Game]:
    """Returns the games that the player with these `name_key`s played against somebody else."""
    return [game for game in games if game.side_of(names) is not None]


def with_moves(games: Sequence[Game], names: Collection[str]) -> list[Game]:
    """Returns those of a player's games in which he made a move: one ply is none of Black's."""
    return [game for game in games if len(game.tokens) > (game.side_of(names) == "black")]


def by_time(games: Sequence[Game]) -> list[Game]:
    """Returns games by date, undated ones first; games of one day keep their order unless a time tells."""
    return sorted(games, key=lambda game: (date_number(game.date), game.time))


def history(games: Sequence[Game], names: Collection[str]) -> History:
    """Returns the games of the player with these `name_key`s, in their order; others are passed over."""
    played = games_of(games, names)
    return seen_from(played, [side for game in played if (side := game.side_of(names)) is not None])


def seen_from(games: Sequence[Game], sides: Sequence[Side]) -> History:
    """Returns games seen from one side each, whoever sat there."""
    others = [
        game.black if side == "white" else game.white for game, side in zip(games, sides, strict=True)
    ]
    return History(
        encode(games),
        np.array([int(side == "black") for side in sides], np.int64),
        np.array([text_number(name_key(name)) for name in others], np.int64),
    )


@dataclass(frozen=True)
class OwnMoves:
    """Distributions over the legal moves of the N positions in which the player moved, L moves in all."""

    game: NDArray[np.int64]
    """(N,), position of the game in the history."""
    ply: NDArray[np.int64]
    """(N,), 0-based."""
    key: NDArray[np.int64]
    """(N,) position keys."""
    opponent: NDArray[np.int64]
    """(N,) a number for the opponent's name."""
    position: NDArray[np.int64]
    """(L,) rising, which position a legal move belongs to."""
    token: NDArray[np.int64]
    """(L,)."""
    probability: NDArray[np.float64]
    """(L,), summing to 1 in each position."""
    played: NDArray[np.int64]
    """(N,) indices into the L moves."""

    def __len__(self) -> int:
        return len(self.game)

    def nll(self) -> NDArray[np.float64]:
        """Returns (N,): the surprise of the played moves, in nats."""
        nats: NDArray[np.float64] = -np.log(np.maximum(self.probability[self.played], 1e-12))
        return nats

    def rank(self) -> NDArray[np.int64]:
        """Returns (N,): 1 where the played move was the likeliest, and so on; ties count against it."""
        chosen = self.probability[self.played]
        above = self.probability >= chosen[self.position]
        return np.bincount(self.position[above], minlength=len(self))

    def mixed(self, memory: Memory, concentration: float) -> OwnMoves:
        """Returns the distributions after a memory has spoken: (n_m + k p) / (n + k)."""
        return self._after(*memory.times(self.key, self.position, self.token), concentration)

    def mixed_head_to_head(self, by_opponent: Memory, concentration: float) -> OwnMoves:
        """Returns the same for the games against each position's opponent (`Memory.by_opponent`)."""
        keys = self.key ^ self.opponent
        return self._after(*by_opponent.times(keys, self.position, self.token), concentration)

    def _after(self, times: NDArray[np.float64], visits: NDArray[np.float64], k: float) -> OwnMoves:
        return replace(self, probability=posterior(self.probability, times, visits, self.position, k))


def read(model: MoveGRU, games: History, style: NDArray[np.float32] | None = None) -> OwnMoves:
    """Returns the model's distributions for all of the player's moves, game by game and ply by ply.

    `style` (S,) is the player's; None is the average person.
    """
    vector = torch.zeros(model.config.style) if style is None else torch.from_numpy(style)
    order = np.arange(len(games))
    groups = [some for some in batches_of(games.sequences, order, _PLIES_AT_ONCE) if len(some)]
    return _in_order(list(in_threads(lambda some: _read_batch(model, games, some, vector), groups)))


@torch.inference_mode()
def _read_batch(model: MoveGRU, games: History, some: NDArray[np.int64], style: torch.Tensor) -> OwnMoves:
    batch = games.batch(some)
    scored = batch.scored()
    logits, played = model(batch.tokens, batch.lengths, batch.context(style), scored=scored)
    row, ply = scored.nonzero(as_tuple=True)
    keys = position_keys(replay(batch.tokens[:, :-1]).at(scored))
    black = batch.side.index_select(0, row).bool()
    tokens = mirror_tokens(logits.token, black.index_select(0, logits.position))
    game = some[row.numpy()]
    return OwnMoves(
        game=game,
        ply=ply.numpy(),
        key=keys.numpy(),
        opponent=games.opponents[game],
        position=logits.position.numpy(),
        token=tokens.numpy(),
        probability=logits.log_probabilities().double().exp().numpy(),
        played=played.numpy(),
    )


def _in_order(parts: list[OwnMoves]) -> OwnMoves:
    """Joins parts, sorted by game and ply."""
    counts = [len(part) for part in parts]
    lengths = [len(part.token) for part in parts]
    first = np.concatenate([[0], np.cumsum(counts)])
    begin = np.concatenate([[0], np.cumsum(lengths)])
    shifted = [
        replace(part, position=part.position + first[i], played=part.played + begin[i])
        for i, part in enumerate(parts)
    ]
    names = ("game", "ply", "key", "opponent", "position", "token", "probability", "played")
    joined = OwnMoves(
        *(
            np.concatenate([np.zeros(0, _DTYPES.get(name, np.int64)), *(getattr(p, name) for p in shifted)])
            for name in names
        )
    )
    return _permuted(joined, np.lexsort((joined.ply, joined.game)))


_DTYPES: Final = {"probability": np.float64}


def _permuted(moves: OwnMoves, order: NDArray[np.int64]) -> OwnMoves:
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    position = place[moves.position]
    entries = np.argsort(position, kind="stable")
    entry_place = np.empty_like(entries)
    entry_place[entries] = np.arange(len(entries))
    return OwnMoves(
        game=moves.game[order],
        ply=moves.ply[order],
        key=moves.key[order],
        opponent=moves.opponent[order],
        position=position[entries],
        token=moves.token[entries],
        probability=moves.probability[entries],
        played=entry_place[moves.played[order]],
    )


def fit_concentration(
    moves: OwnMoves, memory: Memory, *, expected: float, doubt: float, by_opponent: bool = False
) -> float:
    """Returns the k that makes the played moves likeliest when `memory` speaks over these distributions.

    log k has a normal prior around log `expected` with standard deviation `doubt`, so that a few moves do
    not carry it away. Searched on a grid of factors 2^(1/4) from 1/16 to 1024.
    """
    keys = moves.key ^ moves.opponent if by_opponent else moves.key
    times, visits = memory.times(keys, moves.position, moves.token)
    seen = visits > 0
    n_m, n, prior = times[moves.played][seen], visits[seen], moves.probability[moves.played][seen]
    grid = 2.0 ** np.arange(-4, 10.25, 0.25)
    posterior = (n_m + grid[:, None] * np.maximum(prior, 1e-12)) / (n + grid[:, None])
    fit = np.log(posterior).sum(1) - 0.5 * (np.log(grid / expected) / doubt) ** 2
    return float(grid[int(fit.argmax())])
