"""Plays forecasters through real games: one row a scored ply, for scores and for other programs.

A row says what was played, how likely each forecaster held it, and at which rank. Rank 1 is the most
likely move; of equally likely moves the one with the lower token, as the mover writes it, comes first.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from chessgru import vocabulary
from chessgru.baselines import Forecaster, Line, read_line, times_after
from chessgru.batches import batches_of
from chessgru.book import Book, Evidence
from chessgru.counts import Counts, Floats, Longs
from chessgru.game import TIME_CLASSES
from chessgru.model import Condition, Context, MoveGRU
from chessgru.sequences import Sequences
from chessgru.threads import in_threads

_PLIES_AT_ONCE: Final = 2048
_OPENING_PLIES: Final = 20
_OPENING_PIECES: Final = 11
_ENDGAME_PIECES: Final = 6
PHASES: Final = ("opening", "middlegame", "endgame")
SPEEDS: Final = ("unknown", *TIME_CLASSES)
_SEATED: Final = np.array([1, 0])  # style rows: 1 for player 0, 0 for nobody in particular


@dataclass(frozen=True)
class Network:
    """A `MoveGRU` as a forecaster, in float32 and without dropout."""

    model: MoveGRU
    name: str = "base"
    styles: NDArray[np.float32] | None = None
    """(2, S), a style vector for each row that `Batch.players` names: zeros, then the scored player's.

    None is average people."""
    with_ratings: bool = True

    @torch.no_grad()
    def forecast(self, line: Line) -> Floats:
        """Returns (L,) log-probabilities."""
        self.model.eval()
        batch = line.batch
        size = self.model.config.style
        rows = np.zeros((1, size), np.float32) if self.styles is None else self.styles
        players = batch.players if self.styles is not None else torch.zeros_like(batch.players)
        ratings = batch.ratings if self.with_ratings else torch.zeros_like(batch.ratings)
        context = Context(ratings, batch.speed, torch.from_numpy(rows)[players])
        logits, _ = self.model(batch.tokens, batch.lengths, context)
        logs: Floats = logits.log_probabilities().double().numpy()
        return logs


class Forecast(NamedTuple):
    """What a forecaster said about the N moves played."""

    probability: Floats
    """(N,), of the move played."""
    rank: Longs
    """(N,), 1 for the most likely move."""
    top1: Floats
    """(N,), the probability of the most likely move."""


def judge(logs: Floats, line: Line) -> Forecast:
    """Returns how a forecast (L,) of log-probabilities met the moves played."""
    chosen = logs[line.played][line.position]
    earlier = np.arange(len(logs)) < line.played[line.position]
    better = (logs > chosen) | ((logs == chosen) & earlier)
    starts = np.searchsorted(line.position, np.arange(len(line.ply)))
    return Forecast(
        probability=np.exp(logs[line.played]),
        rank=1 + np.bincount(line.position[better], minlength=len(line.ply)),
        top1=np.exp(np.maximum.reduceat(logs, starts)),
    )


def phase_of(ply: Longs, pieces: Longs) -> Longs:
    """Returns (N,) indices into PHASES.

    Endgame: at most 6 pieces other than kings and pawns are left, of both sides together. Opening: before
    that, the first 20 plies with at least 11 such pieces on the board. Middlegame: all else.
    """
    opening = (ply < _OPENING_PLIES) & (pieces >= _OPENING_PIECES)
    phase: Longs = np.where(pieces <= _ENDGAME_PIECES, 2, np.where(opening, 0, 1))
    return phase


def _circumstances(line: Line, index: Longs, own: Counts | None) -> dict[str, object]:
    """Returns the columns that do not depend on a forecaster, and on which scores are split."""
    batch, color = line.batch, line.ply % 2
    token = line.token[line.played]
    absolute = np.where(color == 1, np.array(vocabulary.MIRROR)[token], token)
    columns: dict[str, object] = {
        "game": index[line.number[line.game]],
        "ply": line.ply,
        "uci": np.array(vocabulary.UCI)[absolute],
        "rating": batch.ratings.numpy()[line.game, color].astype(np.int64),
        "speed": np.array(SPEEDS)[batch.speed.numpy()[line.game]],
        "color": np.array(["white", "black"])[color],
        "phase": np.array(PHASES)[phase_of(line.ply, line.pieces)],
    }
    if own is not None:
        _, visits = times_after(own, line.keys, line)
        columns["seen"] = visits > 0
    return columns


def forecast_games(
    games: Sequences,
    forecasters: Sequence[Forecaster],
    *,
    index: NDArray[np.int64] | None = None,
    seats: NDArray[np.int64] | None = None,
    memory: Counts | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> pd.DataFrame:
    """Returns one row a scored ply, in the order of the games.

    `index` (G,) numbers the games, by default 0, 1, 2, …; `seats` (G,) names the one side of each game that
    is scored, 0 White or 1 Black, by default both. `memory` adds the column `seen`: whether it holds the
    position. For each forecaster there are `NAME_probability`, `NAME_rank` and `NAME_top1` (the
    probability of its most likely move). `progress` is told the number of plies done so far.
    """
    index = np.arange(len(games)) if index is None else index
    if seats is not None:
        games = _seated(games, seats)

    def rows(group: Longs) -> pd.DataFrame:
        line = read_line(games, group, None if seats is None else _SEATED)
        columns = _circumstances(line, index, memory)
        for forecaster in forecasters:
            verdict = judge(forecaster.forecast(line), line)._asdict()
            columns |= {f"{forecaster.name}_{name}": value for name, value in verdict.items()}
        frame = pd.DataFrame(columns)
        return frame if seats is None else frame[line.ply % 2 == seats[line.number[line.game]]]

    groups, frames, done = list(batches_of(games, np.arange(len(games)), _PLIES_AT_ONCE)), [], 0
    with closing(in_threads(rows, groups)) as found:
        for group, frame in zip(groups, found, strict=True):
            frames.append(frame)
            done += int(games.lengths[group].sum())
            progress(done)
    if not frames:
        return pd.DataFrame()
    table: pd.DataFrame = pd.concat(frames, ignore_index=True)
    ordered: pd.DataFrame = table.sort_values(["game", "ply"], ignore_index=True)
    return ordered


def _seated(games: Sequences, seats: Longs) -> Sequences:
    """Returns the games with player 0 on the seats given and nobody in particular on the others."""
    players = np.full((len(games), 2), -1, np.int32)
    players[np.arange(len(games)), seats] = 0
    return replace(games, players=players)


def without_book(model: MoveGRU) -> MoveGRU:
    """Returns the network alone; the weights are shared."""
    bare = copy.copy(model)
    bare.book = None
    return bare


def fit_book(model: MoveGRU, book: Book, games: Sequences) -> Book:
    """Returns the book with weights fitted on validation games, once with their ratings and once without.

    The games must not be among those that the book counted.
    """
    found: list[Evidence] = []
    for with_ratings in (True, False):
        network = Network(without_book(model), with_ratings=with_ratings)
        groups = batches_of(games, np.arange(len(games)), _PLIES_AT_ONCE)
        found += [_evidence(network, book, read_line(games, group)) for group in groups]
    return book.fitted(Evidence(*(torch.cat(parts) for parts in zip(*found, strict=True))))


def _evidence(network: Network, book: Book, line: Line) -> Evidence:
    times, visits = book.look_up(line.keys, line.position, line.absolute())
    played = torch.from_numpy(line.played)
    side = line.ply % 2
    ratings = line.batch.ratings[torch.from_numpy(line.game), torch.from_numpy(side)]
    features = Condition.rating_knots(ratings if network.with_ratings else torch.zeros_like(ratings))
    prior = torch.from_numpy(network.forecast(line)).exp()[played]
    known = visits > 0
    return Evidence(features[known], prior[known], times[played][known], visits[known])


def fit_temperature(model: MoveGRU, games: Sequences) -> float:
    """Returns the temperature that makes the moves of validation games most likely (Guo et al. 2017).

    It is the value for `model.temperature`, whatever that was, and the book has no say in it; the model is
    left as it is.
    """
    network = Network(without_book(model))
    logs, position, played, offset, plies = [], [], [], 0, 0
    for group in batches_of(games, np.arange(len(games)), _PLIES_AT_ONCE):
        line = read_line(games, group)
        logs.append(network.forecast(line))
        position.append(line.position + plies)
        played.append(line.played + offset)
        offset, plies = offset + len(line.token), plies + len(line.ply)
    values, place = torch.from_numpy(np.concatenate(logs)), torch.from_numpy(np.concatenate(position))
    chosen = torch.from_numpy(np.concatenate(played))

    def loss(log_temperature: float) -> float:
        scaled = values * np.exp(-log_temperature)
        totals = torch.zeros(plies, dtype=torch.float64).index_add(0, place, scaled.exp())
        return float((totals.log() - scaled[chosen]).mean())

    return float(model.temperature) * float(np.exp(_minimum(loss, -1.5, 1.5)))


def _minimum(function: Callable[[float], float], low: float, high: float, steps: int = 40) -> float:
    """Returns where a function with one valley is lowest, by golden-section search."""
    ratio = (np.sqrt(5) - 1) / 2
    for _ in range(steps):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (low, right) if function(left) < function(right) else (left, high)
    return float((low + high) / 2)


def plies_table(table: pd.DataFrame, forecaster: str, others: Sequence[str] = ()) -> pd.DataFrame:
    """Returns the columns that other programs rely on, one row a scored ply.

    They are `game`, `ply`, `uci`; `probability`, `rank` and `top1` of one forecaster; and for each of
    `others`, NAME_probability and NAME_rank. `top1` is the probability of the most likely move: with `rank`
    it tells the calibration.
    """
    own = {f"{forecaster}_{name}": name for name in Forecast._fields}
    columns = ["game", "ply", "uci", *own]
    columns += [f"{other}_{name}" for other in others for name in ("probability", "rank")]
    chosen: pd.DataFrame = table[columns].rename(columns=own)
    return chosen
