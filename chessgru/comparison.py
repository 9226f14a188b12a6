"""GRU, LSTM or plain RNN? Trains the same network with each cell, on the same data, and compares fairly.

Fair means: the same number of parameters (cells with fewer gates get more units), the same games in the
same order, the same settings, PyTorch's own cells; then either the same number of plies read, or the same
processor time.
Differences are taken seed by seed, and come with Student's 95 % interval over the seeds.
"""

from __future__ import annotations

import math
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from chessgru.batches import Batch, batches_of, pad
from chessgru.errors import SettingsError
from chessgru.model import Cell, Context, LegalLogits, ModelConfig, MoveGRU
from chessgru.scores import Estimate
from chessgru.sequences import Sequences

NAMES: Final[dict[Cell, str]] = {"gru": "GRU", "lstm": "LSTM", "rnn": "RNN"}
Fairness = Literal["same data", "same time"]
_STUDENT: Final = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
"""The 97.5 % quantiles of Student's distribution with 1 to 9 degrees of freedom."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How long each network learns, and how."""

    seconds: float = 7.0
    """Of processor time a network, scoring not counted."""
    plies_per_batch: int = 512
    learning_rate: float = 4e-3
    """Constant after a warm-up of 20 steps."""
    scorings: int = 6
    """How often the held-out games are scored on the way, at equal distances in time."""

    def __post_init__(self) -> None:
        if self.seconds <= 0 or self.scorings < 1:
            raise SettingsError(f"{self}: seconds must be above 0 and scorings at least 1")


@dataclass(frozen=True)
class Run:
    """One network's learning: V scorings of the held-out games."""

    cell: Cell
    seed: int
    hidden: int
    """Units of the cell."""
    parameters: int
    plies: NDArray[np.int64]
    """(V,) read so far."""
    seconds: NDArray[np.float64]
    """(V,) of processor time spent so far."""
    nll: NDArray[np.float64]
    """(V,) nats a ply."""
    top1: NDArray[np.float64]
    """(V,)."""

    @property
    def plies_per_second(self) -> float:
        """Of training: reading, backward pass and step."""
        return float(self.plies[-1] / self.seconds[-1])

    def at(self, what: Literal["nll", "top1"], fairness: Fairness, limit: float) -> float:
        """Returns a score after `limit` plies or seconds, by straight lines between the scorings."""
        across = self.plies if fairness == "same data" else self.seconds
        return float(np.interp(limit, across, getattr(self, what)))


def parameters_of(config: ModelConfig) -> int:
    """Returns how many numbers a network of this shape learns."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in MoveGRU(config).parameters())


def with_cell(config: ModelConfig, cell: Cell) -> ModelConfig:
    """Returns the configuration with another cell, with as many units as come closest in parameters."""
    wanted = parameters_of(config)

    def size(units: int) -> int:
        return parameters_of(replace(config, cell=cell, hidden=units))

    units = bisect_left(range(4 * config.hidden), wanted, lo=2, key=size)
    nearest = min((units - 1, units), key=lambda count: abs(size(count) - wanted))
    return replace(config, cell=cell, hidden=nearest)


def _endless(games: Sequences, budget: Budget, seed: int) -> Iterator[Batch]:
    """Yields batches, pass after pass; the order depends on the seed only."""
    rng = np.random.default_rng(seed)
    while True:
        for group in batches_of(games, rng.permutation(len(games)), budget.plies_per_batch, rng):
            yield pad(games, group)


def _read(model: MoveGRU, batch: Batch) -> tuple[LegalLogits, Tensor]:
    styles = torch.zeros(len(batch.lengths), 2, model.config.style)
    result: tuple[LegalLogits, Tensor] = model(
        batch.tokens, batch.lengths, Context(batch.ratings, batch.speed, styles)
    )
    return result


@torch.no_grad()
def score(model: MoveGRU, games: Sequences) -> tuple[float, float]:
    """Returns the NLL (nats a ply) and the share of plies whose move was the network's first choice."""
    nll = hits = 0.0
    for group in batches_of(games, np.arange(len(games)), 4096):
        logits, played = _read(model, pad(games, group))
        nll -= logits.log_probabilities()[played].sum().item()
        best = torch.full((len(played),), -torch.inf)
        best = best.scatter_reduce(0, logits.position, logits.logit, "amax")
        hits += (logits.logit[played] >= best).sum().item()
    return nll / len(games.tokens), hits / len(games.tokens)


class _Learner:
    """A new network with PyTorch's own cell (of ours there is a GRU only), and how it learns."""

    def __init__(self, config: ModelConfig, budget: Budget) -> None:
        self.model = MoveGRU(config)
        if config.cell == "gru":
            inputs = self.model.recurrent.input_size
            self.model.recurrent = nn.GRU(inputs, config.hidden, batch_first=True)
        self._optimizer = torch.optim.AdamW(self.model.parameters(), lr=budget.learning_rate)
        self._warm = torch.optim.lr_scheduler.LambdaLR(
            self._optimizer, lambda step: min(1.0, (step + 1) / 20)
        )

    def step(self, batch: Batch) -> None:
        logits, played = _read(self.model, batch)
        self._optimizer.zero_grad()
        (-logits.log_probabilities()[played].mean()).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimizer.step()
        self._warm.step()


def learn(training: Sequences, held_out: Sequences, config: ModelConfig, budget: Budget, seed: int) -> Run:
    """Trains one network until its time is up, and returns its scores on the way."""
    torch.manual_seed(seed)
    learner = _Learner(config, budget)
    rows: list[tuple[int, float, float, float]] = [(0, 0.0, *score(learner.model, held_out))]
    plies, spent = 0, 0.0
    for batch in _endless(training, budget, seed):
        start = time.process_time()
        learner.step(batch)
        plies, spent = plies + int(batch.lengths.sum()), spent + time.process_time() - start
        if spent >= budget.seconds * len(rows) / budget.scorings:
            rows.append((plies, spent, *score(learner.model, held_out)))
        if spent >= budget.seconds:
            break
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return Run(config.cell, seed, config.hidden, parameters_of(config), *columns)


def compare_cells(
    training: Sequences,
    held_out: Sequences,
    config: ModelConfig,
    budget: Budget,
    seeds: Sequence[int] = (0, 1, 2),
    report: Callable[[Run], None] | None = None,
) -> list[Run]:
    """Trains a network with each cell, seed by seed, so that a busy minute hits all cells alike."""
    shapes = [with_cell(config, cell) for cell in NAMES]
    for shape in shapes:  # what is compiled at the first step is not the first network's to pay for
        _Learner(shape, budget).step(next(_endless(training, budget, 0)))
    runs = []
    for seed in seeds:
        for shape in shapes:
            runs.append(learn(training, held_out, shape, budget, seed))
            if report is not None:
                report(runs[-1])
    return runs


def estimate(values: Sequence[float]) -> Estimate:
    """Returns the mean of 2 to 10 numbers and Student's 95 % interval. Raises SettingsError otherwise.

    >>> estimate([1.0, 2.0, 3.0])
    Estimate(value=2.0, low=-0.48..., high=4.48...)
    """
    if not 2 <= len(values) <= len(_STUDENT) + 1:
        raise SettingsError(f"{len(values)} seeds: an interval here takes 2 to {len(_STUDENT) + 1}")
    mean = float(np.mean(values))
    half = _STUDENT[len(values) - 2] * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return Estimate(mean, mean - half, mean + half)


def limit_of(runs: Sequence[Run], fairness: Fairness) -> float:
    """Returns the most plies, or seconds, that every run has reached."""
    return float(min(run.plies[-1] if fairness == "same data" else run.seconds[-1] for run in runs))


def summary(runs: Sequence[Run]) -> pd.DataFrame:
    """Returns one row a cell: units, parameters, plies a second, and mean scores under both rules."""
    rows = []
    for cell, name in NAMES.items():
        own = [run for run in runs if run.cell == cell]
        row: dict[str, object] = {"cell": name, "units": own[0].hidden, "parameters": own[0].parameters}
        row["plies a second"] = round(float(np.mean([run.plies_per_second for run in own])))
        for rule in ("same data", "same time"):
            limit = limit_of(runs, rule)
            row[f"NLL, {rule}"] = np.mean([run.at("nll", rule, limit) for run in own])
            row[f"top-1, {rule}"] = np.mean([run.at("top1", rule, limit) for run in own])
        rows.append(row)
    return pd.DataFrame(rows).set_index("cell")


def differences(runs: Sequence[Run], to: Cell = "gru") -> pd.DataFrame:
    """Returns how much more NLL than `to` the other cells have, seed by seed, with intervals.

    Columns: `cell`, `rule`, `value`, `low`, `high` (nats a ply; above 0 the other cell is worse).
    """
    rows = []
    for rule in ("same data", "same time"):
        limit = limit_of(runs, rule)
        final = {(run.cell, run.seed): run.at("nll", rule, limit) for run in runs}
        seeds = [run.seed for run in runs if run.cell == to]
        for cell in NAMES:
            if cell != to:
                found = estimate([final[cell, seed] - final[to, seed] for seed in seeds])
                rows.append({"cell": NAMES[cell], "rule": rule, **found._asdict()})
    return pd.DataFrame(rows)


def verdict(difference: Estimate, other: str, one: str = "GRU") -> str:
    """Returns in words what an NLL difference (other minus one) and its interval allow to say.

    >>> verdict(Estimate(0.05, 0.02, 0.08), "RNN")
    'the GRU is ahead of the RNN, by 0.050 nats a ply (0.020 to 0.080)'
    >>> verdict(Estimate(0.01, -0.02, 0.04), "LSTM")
    'GRU and LSTM cannot be told apart: the difference is 0.010 nats a ply (-0.020 to 0.040)'
    """
    value, low, high = difference
    if low > 0:
        return f"the {one} is ahead of the {other}, by {value:.3f} nats a ply ({low:.3f} to {high:.3f})"
    if high < 0:
        return f"the {other} is ahead of the {one}, by {-value:.3f} nats a ply ({-high:.3f} to {-low:.3f})"
    return (
        f"{one} and {other} cannot be told apart: the difference is {value:.3f} nats a ply "
        f"({low:.3f} to {high:.3f})"
    )
