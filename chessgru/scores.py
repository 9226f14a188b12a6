"""Scores of forecasts with their uncertainty: accuracy, likelihood and calibration, by group of plies.

All intervals hold 95 % and come from one bootstrap over games (a game's plies are not independent): the
same resampled games serve every forecaster and group, so that differences are paired.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chessgru.game import TIME_CLASSES

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
BINS: Final = 15
BANDS: Final = ("unknown", "<1200", "1200-1599", "1600-1999", "2000-2399", "2400+")
_BAND_STARTS: Final = (1, 1200, 1600, 2000, 2400)
_OPENING_PLIES: Final = 10
_TOPS: Final = (1, 3, 5)


class Estimate(NamedTuple):
    """A number and its 95 % interval."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> Estimate:
        """Returns the same in another unit."""
        return Estimate(*(factor * number for number in self))


@dataclass(frozen=True, kw_only=True)
class Score:
    """How one forecaster did on one group of plies."""

    group: str
    """"all", or a column and its value, such as "phase: endgame"."""
    forecaster: str
    games: int
    plies: int
    top1: Estimate
    top3: Estimate
    top5: Estimate
    nll: Estimate
    """Mean negative log-likelihood of the moves played, in nats, over the legal moves."""
    ece: Estimate
    """Expected calibration error of the most likely move (Guo et al. 2017), 15 bins of equal width.

    Resampling adds noise to each bin, so its interval lies somewhat high.
    """


class Resampling(NamedTuple):
    """R random draws of G games, with replacement."""

    weights: NDArray[np.float32]
    """(R, G), how often a game is in a draw."""

    @classmethod
    def draw(cls, games: int, rng: np.random.Generator, draws: int = 1000) -> Resampling:
        """Returns draws of as many games as there are."""
        chances = np.full(games, 1 / max(games, 1))
        return cls(rng.multinomial(games, chances, size=draws).astype(np.float32))

    def estimate(self, sums: Floats, plies: Floats, of: _Ratio) -> Estimate:
        """Returns a ratio of sums over games: `sums` is (G, K), `plies` (G,)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            value = of(sums.sum(0)[None], plies.sum()[None])[0]
            drawn = of(self.weights @ sums, self.weights @ plies)
        drawn = drawn[np.isfinite(drawn)]
        low, high = np.percentile(drawn, [2.5, 97.5]) if len(drawn) else (np.nan, np.nan)
        return Estimate(float(value), float(low), float(high))


class _Ratio:
    """How sums (R, K) over plies (R,) become one number each."""

    def __call__(self, sums: Floats, plies: Floats) -> Floats:
        mean: Floats = sums[:, 0] / plies
        return mean


class _CalibrationRatio(_Ratio):
    """ECE: the K columns are hits less confidence, bin by bin."""

    def __call__(self, sums: Floats, plies: Floats) -> Floats:
        error: Floats = np.abs(sums).sum(1) / plies
        return error


def groups(table: pd.DataFrame) -> Iterator[tuple[str, Mask]]:
    """Yields the groups of plies that scores are given for, names and rows, but for empty ones."""
    everything = np.ones(len(table), np.bool_)
    found: list[tuple[str, Mask]] = [("all", everything)]
    found.append((f"plies >= {_OPENING_PLIES}", (table["ply"] >= _OPENING_PLIES).to_numpy()))
    if "seen" in table:
        seen = table["seen"].to_numpy(np.bool_)
        found += [("memory: seen", seen), ("memory: unseen", ~seen)]
    band = np.digitize(table["rating"], _BAND_STARTS)
    found += [(f"rating: {name}", band == number) for number, name in enumerate(BANDS)]
    for column, names in (
        ("phase", ("opening", "middlegame", "endgame")),
        ("speed", (*TIME_CLASSES, "unknown")),
        ("color", ("white", "black")),
    ):
        found += [(f"{column}: {name}", (table[column] == name).to_numpy()) for name in names]
    yield from ((name, rows) for name, rows in found if rows.any())


def score(
    table: pd.DataFrame, forecasters: Sequence[str], rng: np.random.Generator, draws: int = 1000
) -> list[Score]:
    """Returns the scores of each forecaster in each group, of a table of `evaluation.forecast_games`."""
    if not len(table):
        return []
    numbers, game = np.unique(table["game"], return_inverse=True)
    resampling = Resampling.draw(len(numbers), rng, draws)
    return [
        _score(name, table, rows, forecaster, game, resampling)
        for name, rows in groups(table)
        for forecaster in forecasters
    ]


def _per_game(game: NDArray[np.int64], games: int, values: Floats) -> Floats:
    return np.bincount(game, weights=values, minlength=games).astype(np.float64)


def _score(
    group: str, table: pd.DataFrame, rows: Mask, name: str, game: NDArray[np.int64], draws: Resampling
) -> Score:
    """Returns one forecaster's score on the rows of one group; `game` numbers all rows' games from 0."""
    game, games = game[rows], draws.weights.shape[1]
    probability, rank, top1 = (
        table[f"{name}_{column}"].to_numpy()[rows] for column in ("probability", "rank", "top1")
    )
    plies = _per_game(game, games, np.ones(len(game)))

    def mean(values: Floats) -> Estimate:
        return draws.estimate(_per_game(game, games, values)[:, None], plies, _Ratio())

    bins = np.minimum((top1 * BINS).astype(np.int64), BINS - 1)
    gaps = _per_game(game * BINS + bins, games * BINS, (rank == 1) - top1)
    tops = {f"top{k}": mean((rank <= k).astype(np.float64)) for k in _TOPS}
    return Score(
        group=group,
        forecaster=name,
        games=int((plies > 0).sum()),
        plies=len(game),
        nll=mean(-np.log(probability)),
        ece=draws.estimate(gaps.reshape(games, BINS), plies, _CalibrationRatio()),
        **tops,
    )


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How much better one forecaster is than another on the same plies."""

    first: str
    second: str
    games: int
    plies: int
    top1: Estimate
    """Share of plies named by the first, less that of the second."""
    nll: Estimate
    """Nats of the first less nats of the second: below 0 the first is better."""


def compare(
    table: pd.DataFrame, first: str, second: str, rng: np.random.Generator, draws: int = 1000
) -> Comparison:
    """Compares two forecasters ply by ply on a table that holds `NAME_probability`, `NAME_rank` of both."""
    numbers, game = np.unique(table["game"], return_inverse=True)
    resampling = Resampling.draw(len(numbers), rng, draws)
    plies = _per_game(game, len(numbers), np.ones(len(game)))

    def difference(values: pd.Series[float]) -> Estimate:
        sums = _per_game(game, len(numbers), values.to_numpy().astype(np.float64))
        return resampling.estimate(sums[:, None], plies, _Ratio())

    hits = (table[f"{first}_rank"] == 1).astype(float) - (table[f"{second}_rank"] == 1).astype(float)
    nats = np.log(table[f"{second}_probability"]) - np.log(table[f"{first}_probability"])
    return Comparison(
        first=first,
        second=second,
        games=len(numbers),
        plies=len(table),
        top1=difference(hits),
        nll=difference(nats),
    )


class Reliability(NamedTuple):
    """One bin of a calibration plot."""

    low: float
    high: float
    plies: int
    confidence: float
    """Mean probability of the most likely move."""
    accuracy: float
    """How often it was played."""


def reliability(table: pd.DataFrame, name: str) -> list[Reliability]:
    """Returns the calibration of a forecaster's most likely move, bins without plies left out."""
    top1, hit = table[f"{name}_top1"].to_numpy(), table[f"{name}_rank"].to_numpy() == 1
    bins = np.minimum((top1 * BINS).astype(np.int64), BINS - 1)
    return [
        Reliability(
            number / BINS,
            (number + 1) / BINS,
            int(rows.sum()),
            float(top1[rows].mean()),
            float(hit[rows].mean()),
        )
        for number in range(BINS)
        if (rows := bins == number).any()
    ]
