from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from chessgru.errors import SettingsError
from chessgru.memory_task import CopyTask, Rememberer, gradient_reach, learn_to_copy


def test_a_batch_shows_waits_and_asks() -> None:
    task = CopyTask(distance=3, symbols=2, alphabet=5)
    sequences, answers = task.batch(16, torch.Generator().manual_seed(0))
    assert sequences.shape == (16, task.steps) == (16, 7)
    assert torch.equal(sequences[:, :2], answers)
    assert (sequences[:, 2:5] == 5).all()
    assert (sequences[:, 5:] == 6).all()
    assert set(answers.flatten().tolist()) == set(range(5))


@pytest.mark.parametrize("wrong", [{"distance": -1}, {"symbols": 0}, {"alphabet": 1}])
def test_impossible_tasks_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(SettingsError, match="are needed"):
        CopyTask(**wrong)


def test_gru_learns_what_an_rnn_cannot() -> None:
    task = CopyTask(distance=12, alphabet=4)
    gru, rnn = (
        learn_to_copy(task, cell, steps=100, hidden=16, batch=32, learning_rate=1e-2)
        for cell in ("gru", "rnn")
    )
    assert gru.accuracy[-20:].mean() > 0.95
    assert rnn.accuracy[-20:].mean() < 0.5
    assert gru.loss[0] == pytest.approx(math.log(4), abs=0.3)


def test_learning_is_the_same_for_the_same_seed_and_reports_each_step() -> None:
    task, steps = CopyTask(distance=2), []
    first = learn_to_copy(task, "gru", steps=5, report=steps.append)
    again = learn_to_copy(task, "gru", steps=5)
    np.testing.assert_array_equal(first.loss, again.loss)
    assert steps == [0, 1, 2, 3, 4]


def test_gradient_of_an_rnn_fades_faster() -> None:
    torch.manual_seed(0)
    task = CopyTask(distance=20)
    reach = {cell: gradient_reach(Rememberer(task, cell)) for cell in ("gru", "lstm", "rnn")}
    assert all(len(norms) == task.steps for norms in reach.values())
    left = {cell: norms[-1] / norms[0] for cell, norms in reach.items()}
    assert left["rnn"] < left["gru"] / 100
    assert left["rnn"] < left["lstm"] / 100


def test_keep_bias_lengthens_the_reach() -> None:
    torch.manual_seed(0)
    far = []
    for bias in (0.0, 2.0):
        torch.manual_seed(0)
        far.append(gradient_reach(Rememberer(CopyTask(distance=20), "gru", keep_bias=bias))[-1])
    assert far[1] > 10 * far[0]
