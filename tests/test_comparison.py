from __future__ import annotations

import random
import time

import chess
import numpy as np
import pytest
from torch import nn

from chessgru import comparison
from chessgru.batches import Batch
from chessgru.comparison import (
    Budget,
    Run,
    compare_cells,
    differences,
    estimate,
    learn,
    limit_of,
    parameters_of,
    summary,
    verdict,
    with_cell,
)
from chessgru.errors import SettingsError
from chessgru.game import Game
from chessgru.model import Cell, ModelConfig, MoveGRU
from chessgru.scores import Estimate
from chessgru.sequences import Sequences, encode
from chessgru.vocabulary import token_of

SHAPE = ModelConfig(channels=8, blocks=1, late_blocks=0, hidden=24, head=8, condition=8, move_embedding=8)


def random_games(count: int, seed: int) -> Sequences:
    rng, games = random.Random(seed), []
    for _ in range(count):
        board = chess.Board()
        for _ in range(12):
            board.push(rng.choice(list(board.legal_moves)))
        games.append(Game(tokens=tuple(token_of(move) for move in board.move_stack), white="A", black="B"))
    return encode(games)


def run(cell: Cell, seed: int, nll: list[float], speed: float = 100.0) -> Run:
    seconds = np.arange(len(nll), dtype=float)
    plies = (seconds * speed).astype(np.int64)
    return Run(cell, seed, 8, 1000, plies, seconds, np.array(nll), np.array(nll) / 10)


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_cells_get_equal_parameters(cell: Cell) -> None:
    shape = with_cell(SHAPE, cell)
    assert shape.cell == cell
    found, wanted = parameters_of(shape), parameters_of(SHAPE)
    assert abs(found - wanted) < 0.02 * wanted
    assert found == sum(parameter.numel() for parameter in MoveGRU(shape).parameters())


def test_units_are_ordered_as_gates_are_not() -> None:
    units = {cell: with_cell(SHAPE, cell).hidden for cell in ("gru", "lstm", "rnn")}
    assert units["lstm"] < units["gru"] == SHAPE.hidden < units["rnn"]


def test_learning_lowers_the_error_and_counts_its_time() -> None:
    games = random_games(6, 0)
    found = learn(games, games, SHAPE, Budget(seconds=1.0, plies_per_batch=36, scorings=3), seed=0)
    assert found.nll[-1] < found.nll[0]
    assert found.plies[0] == 0
    assert (np.diff(found.plies) > 0).all()
    assert found.seconds[-1] >= 1.0
    assert len(found.nll) == len(found.top1) >= 2


def test_no_network_pays_for_what_happens_at_the_first_step_of_all(monkeypatch) -> None:
    step, models = comparison._Learner.step, []

    def slow_at_first(learner: comparison._Learner, batch: Batch) -> None:
        start = time.process_time()
        while not models and time.process_time() < start + 3:
            pass
        models.append(learner.model)
        step(learner, batch)

    monkeypatch.setattr(comparison._Learner, "step", slow_at_first)
    games = random_games(4, 1)
    runs = compare_cells(games, games, SHAPE, Budget(seconds=0.05, scorings=1), (0,))
    assert max(run.seconds[-1] for run in runs) < 3
    assert {type(model.recurrent) for model in models} == {nn.GRU, nn.LSTM, nn.RNN}


def test_every_cell_and_seed_runs() -> None:
    games, seen = random_games(4, 1), []
    runs = compare_cells(games, games, SHAPE, Budget(seconds=0.05, scorings=1), (0, 1), seen.append)
    assert [(run.cell, run.seed) for run in runs] == [
        (cell, seed) for seed in (0, 1) for cell in ("gru", "lstm", "rnn")
    ]
    assert seen == runs
    assert list(summary(runs).index) == ["GRU", "LSTM", "RNN"]


def test_differences_are_paired_by_seed() -> None:
    runs = []
    for seed, level in ((0, 3.0), (1, 2.0), (2, 2.5)):  # seeds differ much, cells by a constant
        runs += [
            run("gru", seed, [4, level]),
            run("lstm", seed, [4, level]),
            run("rnn", seed, [4, level + 0.1]),
        ]
    table = differences(runs).set_index(["cell", "rule"])
    assert tuple(table.loc[("RNN", "same data")]) == pytest.approx((0.1, 0.1, 0.1))
    assert tuple(table.loc[("LSTM", "same time")]) == pytest.approx((0, 0, 0))


def test_a_faster_cell_gains_under_the_same_time_only() -> None:
    runs = []
    for seed in (0, 1):
        runs += [
            run("gru", seed, [4, 3, 2]),
            run("lstm", seed, [4, 3, 2]),
            run("rnn", seed, [4, 3, 2], 200),
        ]
    assert limit_of(runs, "same data") == 200
    assert limit_of(runs, "same time") == 2
    table = differences(runs).set_index(["cell", "rule"])["value"]
    assert table["RNN", "same time"] == 0
    assert table["RNN", "same data"] == pytest.approx(1)
    assert summary(runs).loc["RNN", "plies a second"] == 200


def test_interval_is_students() -> None:
    value, low, high = estimate([1.0, 2.0, 3.0, 4.0])
    assert value == 2.5
    assert high - value == pytest.approx(3.182 * np.std([1, 2, 3, 4], ddof=1) / 2)
    assert value - low == pytest.approx(high - value)


@pytest.mark.parametrize("count", [1, 11])
def test_interval_refuses_too_few_and_too_many(count: int) -> None:
    with pytest.raises(SettingsError, match=f"{count} seeds"):
        estimate([1.0] * count)


def test_verdict_says_when_nothing_can_be_said() -> None:
    assert "cannot be told apart" in verdict(Estimate(0.1, -0.1, 0.3), "LSTM")
    assert verdict(Estimate(-0.1, -0.2, -0.05), "LSTM").startswith("the LSTM is ahead of the GRU, by 0.100")


@pytest.mark.parametrize("wrong", [{"seconds": 0.0}, {"scorings": 0}])
def test_impossible_budgets_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match="must be above 0"):
        Budget(**wrong)
