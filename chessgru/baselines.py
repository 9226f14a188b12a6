"""What anything that predicts moves must offer, and the simplest things that do.

A `Forecaster` says how likely each legal move is, before every ply of a batch of games. The network is
one, and so are the baselines here: any move is as good as another, what was played in this position
before, what followed the last moves before. They can stand in for each other wherever games are scored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

import numpy as np
import torch

from chessgru import vocabulary
from chessgru.batches import Batch, batches_of, pad
from chessgru.counts import Counts, Floats, Longs, posterior
from chessgru.memory import Memory
from chessgru.replay import (
    BLACK,
    PAWN,
    Boards,
    from_mover,
    legal_moves,
    mirror_tokens,
    position_keys,
    replay,
)
from chessgru.sequences import Sequences

DEFAULT_CONCENTRATION: Final = 5.0
_PLIES_AT_ONCE: Final = 8192
_GAMES_ASIDE: Final = 100
_MIRROR: Final = np.array(vocabulary.MIRROR)


class Line(NamedTuple):
    """The N positions before each ply of some games, game by game, and their L legal moves."""

    batch: Batch
    number: Longs
    """(B,), where the batch's games stand among all that are scored."""
    game: Longs
    """(N,), row of the batch."""
    ply: Longs
    """(N,), 0-based; Black moves at odd ones."""
    keys: Longs
    """(N,), position keys."""
    pieces: Longs
    """(N,), how many pieces other than kings and pawns are left."""
    position: Longs
    """(L,), rising: which position a legal move belongs to."""
    token: Longs
    """(L,), as the mover writes it (mirrored for Black), rising within a position."""
    played: Longs
    """(N,), which of the L legal moves was played."""

    def absolute(self) -> Longs:
        """Returns (L,): the tokens of the legal moves in absolute coordinates."""
        tokens: Longs = np.where(self.ply[self.position] % 2 == 1, _MIRROR[self.token], self.token)
        return tokens


class Forecaster(Protocol):
    """Whatever says how likely each legal move is."""

    @property
    def name(self) -> str:
        """What tables call it."""

    def forecast(self, line: Line) -> Floats:
        """Returns (L,): the log-probability of every legal move, in nats, given the game up to it."""


def _own_plies(batch: Batch) -> tuple[Longs, Longs, Boards]:
    """Returns the row and ply of the N positions, and their boards in absolute coordinates."""
    valid = torch.arange(batch.tokens.shape[1]) < batch.lengths[:, None]  # (B, T)
    game, ply = (column.numpy() for column in valid.nonzero().unbind(1))
    return game, ply, replay(batch.tokens[:, :-1]).at(valid)


def read_line(games: Sequences, number: Longs, players: Longs | None = None) -> Line:
    """Returns the positions of the games `number` with their legal moves, in the order of `MoveGRU`.

    `players` maps player numbers to style rows, as in `batches.pad`.
    """
    batch = pad(games, number, players)
    game, ply, boards = _own_plies(batch)
    position, token = (
        column.numpy() for column in legal_moves(from_mover(boards)).moves.nonzero().unbind(1)
    )
    played = mirror_tokens(batch.tokens[game, ply], boards.black_to_move).numpy()
    codes, wanted = position * vocabulary.SIZE + token, np.arange(len(played)) * vocabulary.SIZE + played
    kinds = boards.squares % BLACK  # pawns 1 ... kings 0
    return Line(
        batch=batch,
        number=number,
        game=game,
        ply=ply,
        keys=position_keys(boards).numpy(),
        pieces=(kinds > PAWN).sum(1).numpy(),
        position=position,
        token=token,
        played=np.searchsorted(codes, wanted),
    )


@dataclass(frozen=True)
class Uniform:
    """Holds every legal move for as likely as any other."""

    name: str = "uniform"

    def forecast(self, line: Line) -> Floats:
        """Returns (L,) log-probabilities."""
        logs: Floats = -np.log(np.bincount(line.position, minlength=len(line.ply)))[line.position]
        return logs


def count_positions(games: Sequences) -> Counts:
    """Returns what everybody played in each position of some games."""
    keys, tokens = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for group in batches_of(games, np.arange(len(games)), _PLIES_AT_ONCE):
        batch = pad(games, group)
        game, ply, boards = _own_plies(batch)
        keys.append(position_keys(boards).numpy())
        tokens.append(batch.tokens[game, ply].numpy())
    return Counts.of(np.concatenate(keys), np.concatenate(tokens))


def count_memory(memory: Memory) -> Counts:
    """Returns one player's moves by position as counts, old games weighing as much as new ones."""
    return Counts.of(memory.keys, memory.tokens)


def times_after(counts: Counts, keys: Longs, line: Line) -> tuple[Floats, Floats]:
    """Returns (L,) how often each legal move was played after the keys (N,) of a line, and (N,) sums."""
    times = counts.look_up(keys, line.position, line.absolute())[0]
    return times, np.bincount(line.position, weights=times, minlength=len(keys)).astype(np.float64)


@dataclass(frozen=True)
class CountTable:
    """Repeats what was played in a position, and asks its prior where that is little."""

    counts: Counts
    prior: Forecaster = field(default_factory=Uniform)
    concentration: float = DEFAULT_CONCENTRATION
    """How many observations the prior is worth."""
    name: str = "count table"

    @classmethod
    def learn(cls, games: Sequences) -> CountTable:
        """Returns the table of some games; what their latest tenth says sets the concentration."""
        earlier, later = _split(games)
        rough = count_positions(earlier)
        evidence = _Evidence()
        for line in _lines(later):
            evidence.add(np.exp(Uniform().forecast(line)), *times_after(rough, line.keys, line), line)
        return cls(count_positions(games), concentration=evidence.concentration())

    def forecast(self, line: Line) -> Floats:
        """Returns (L,) log-probabilities."""
        prior = np.exp(self.prior.forecast(line))
        found = times_after(self.counts, line.keys, line)
        logs: Floats = np.log(posterior(prior, *found, line.position, self.concentration))
        return logs


def _last_moves(tokens: Longs, order: int) -> Longs:
    """Returns (B, T): a number that tells the color and the `order` moves before each ply apart."""
    plies = tokens.shape[1]
    keys = np.tile(np.arange(plies) % 2, (len(tokens), 1))
    for back in range(1, order + 1):
        before = np.zeros_like(tokens)
        before[:, back:] = tokens[:, : max(plies - back, 0)] + 1
        keys = keys * (vocabulary.SIZE + 1) + before
    return keys


@dataclass(frozen=True)
class NGram:
    """Repeats what followed the last moves, backing off to fewer where they are rare."""

    orders: tuple[Counts, ...]
    """Counts after the last 0, 1, 2, … moves; each is the prior of the next, uniform that of the first."""
    concentrations: tuple[float, ...]
    """How many observations the prior of each order is worth."""
    name: str = "n-gram"

    @classmethod
    def learn(cls, games: Sequences, order: int = 3) -> NGram:
        """Returns the model of some games that looks at up to `order` (at most 5) moves.

        What their latest tenth says sets the concentrations.
        """
        earlier, later = _split(games)
        rough = _count_moves(earlier, order)
        evidences = tuple(_Evidence() for _ in rough)
        for line in _lines(later):
            # Each order is fitted over uniform: what it is worth by itself.
            uniform = np.exp(Uniform().forecast(line))
            for length, (counts, evidence) in enumerate(zip(rough, evidences, strict=True)):
                evidence.add(uniform, *times_after(counts, _line_keys(line, length), line), line)
        return cls(_count_moves(games, order), tuple(each.concentration() for each in evidences))

    def forecast(self, line: Line) -> Floats:
        """Returns (L,) log-probabilities."""
        probabilities = np.exp(Uniform().forecast(line))
        for length, (counts, k) in enumerate(zip(self.orders, self.concentrations, strict=True)):
            found = times_after(counts, _line_keys(line, length), line)
            probabilities = posterior(probabilities, *found, line.position, k)
        logs: Floats = np.log(probabilities)
        return logs


def _line_keys(line: Line, order: int) -> Longs:
    keys: Longs = _last_moves(line.batch.tokens.numpy(), order)[line.game, line.ply]
    return keys


def _count_moves(games: Sequences, order: int) -> tuple[Counts, ...]:
    """Returns what was played after the last 0, 1, … `order` moves."""
    keys: list[list[Longs]] = [[np.zeros(0, np.int64)] for _ in range(order + 1)]
    tokens = [np.zeros(0, np.int64)]
    for group in batches_of(games, np.arange(len(games)), _PLIES_AT_ONCE):
        batch = pad(games, group)
        valid = (torch.arange(batch.tokens.shape[1]) < batch.lengths[:, None]).numpy()
        tokens.append(batch.tokens.numpy()[valid])
        for length, found in enumerate(keys):
            found.append(_last_moves(batch.tokens.numpy(), length)[valid])
    return tuple(Counts.of(np.concatenate(found), np.concatenate(tokens)) for found in keys)


def _split(games: Sequences) -> tuple[Sequences, Sequences]:
    """Returns games and the last tenth of them, at most 100, by position."""
    aside = min(_GAMES_ASIDE, len(games) // 10)
    order = np.arange(len(games))
    return games.select(order[: len(games) - aside]), games.select(order[len(games) - aside :])


def _lines(games: Sequences) -> Iterator[Line]:
    for group in batches_of(games, np.arange(len(games)), _PLIES_AT_ONCE // 4):
        yield read_line(games, group)


class _Evidence:
    """Collects what a concentration is fitted on, line by line."""

    def __init__(self) -> None:
        self._rows: list[tuple[Floats, Floats, Floats]] = []

    def add(self, prior: Floats, times: Floats, visits: Floats, line: Line) -> None:
        self._rows.append((prior[line.played], times[line.played], visits))

    def concentration(self) -> float:
        if not self._rows:
            return DEFAULT_CONCENTRATION
        return likeliest_concentration(
            *(np.concatenate(column) for column in zip(*self._rows, strict=True))
        )


def likeliest_concentration(prior: Floats, times: Floats, total: Floats) -> float:
    """Returns the concentration that makes the moves played most likely.

    For each of N positions: the prior of the move played, how often it had been played there, and how
    often any. Positions without counts say nothing; without any, the default is returned.
    """
    seen = total > 0
    if not seen.any():
        return DEFAULT_CONCENTRATION
    candidates = np.geomspace(0.05, 1000, 100)
    losses = [
        -np.log((times[seen] + k * prior[seen]) / (total[seen] + k)).sum() for k in candidates.tolist()
    ]
    return float(candidates[int(np.argmin(losses))])
