from __future__ import annotations

import pytest
import torch
from torch import nn

from chessgru import data_parallel
from chessgru.model import Cell, ModelConfig, MoveGRU
from chessgru.optimization import Optimizer

GATES: dict[Cell, int] = {"gru": 3, "lstm": 4, "rnn": 1}
DECAY = 0.0


def network(cell: Cell = "gru") -> dict[str, nn.Parameter]:
    torch.manual_seed(0)
    config = ModelConfig(channels=16, blocks=1, hidden=24, condition=8, style=4, head=8, cell=cell)
    model = MoveGRU(config).to(memory_format=torch.channels_last)
    return {**dict(model.named_parameters()), "styles": nn.Parameter(torch.zeros(5, 4))}


def optimizer(parameters: dict[str, nn.Parameter], cell: Cell = "gru", decay: float = DECAY) -> Optimizer:
    return Optimizer(parameters, cell=cell, weight_decay=decay, styles="styles")


def give_gradients(parameters: dict[str, nn.Parameter], seed: int = 1) -> None:
    dice = torch.Generator().manual_seed(seed)
    for parameter in parameters.values():
        parameter.grad = torch.randn(parameter.shape, generator=dice)


def step_of(parameters: dict[str, nn.Parameter], cell: Cell = "gru") -> dict[str, torch.Tensor]:
    """Takes one step at rates 1e-3, 2e-3 and 5e-3 and returns how each parameter moved."""
    before = {name: parameter.detach().clone() for name, parameter in parameters.items()}
    taken = optimizer(parameters, cell)
    give_gradients(parameters)
    taken.step(1e-3, 2e-3, 5e-3)
    return {name: parameter.detach() - before[name] for name, parameter in parameters.items()}


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_a_step_has_one_length_in_all_directions_of_each_gate(cell):
    moved = step_of(network(cell), cell)["recurrent.weight_hh_l0"]
    gates = moved.chunk(GATES[cell])
    assert [tuple(gate.shape) for gate in gates] == [(24, 24)] * GATES[cell]
    for gate in gates:
        lengths = torch.linalg.svdvals(gate) / (2e-3 * 0.2 * 24**0.5)
        assert 0.5 < lengths.min() <= lengths.max() < 1.3


def test_filters_are_one_matrix_with_a_row_an_output_channel():
    moved = step_of(network())["blocks.0.first.weight"]
    lengths = torch.linalg.svdvals(moved.permute(0, 2, 3, 1).reshape(16, 144)) / (2e-3 * 0.2 * 12)
    assert 0.5 < lengths.min() <= lengths.max() < 1.3


def test_all_else_is_changed_as_adam_does():
    """Adam's first step is the rate times the gradient's sign."""
    moved = step_of(network())
    for name in ("stem.weight", "place", "condition.mix.weight", "last_move.weight", "blocks.0.first.bias"):
        torch.testing.assert_close(moved[name].abs(), torch.full_like(moved[name], 1e-3), rtol=0.1, atol=0)
    torch.testing.assert_close(moved["styles"].abs(), torch.full((5, 4), 5e-3), rtol=0.1, atol=0)


def test_every_parameter_moves():
    assert not [name for name, moved in step_of(network()).items() if not moved.any()]


def test_weight_decay_shrinks_what_has_no_gradient_to_follow():
    parameters = network()
    before = {name: parameter.detach().clone() for name, parameter in parameters.items()}
    shrinking = optimizer(parameters, decay=0.5)
    for parameter in parameters.values():
        parameter.grad = torch.zeros_like(parameter)
    shrinking.step(1e-2, 2e-2, 1e-2)
    for name, share in (("recurrent.weight_hh_l0", 0.99), ("stem.weight", 0.995)):
        torch.testing.assert_close(parameters[name].detach(), share * before[name])


def test_what_is_kept_and_loaded_goes_on_with_the_same_bits():
    one, other = network(), network()
    first = optimizer(one)
    for seed in range(3):
        give_gradients(one, seed)
        first.step(1e-3, 2e-3, 5e-3)
    second = optimizer(other)
    with torch.no_grad():
        for name, parameter in other.items():
            parameter.copy_(one[name])
    second.load(first.tensors())
    for parameters, each in ((one, first), (other, second)):
        give_gradients(parameters, 9)
        each.step(1e-3, 2e-3, 5e-3)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_filters_that_cannot_be_seen_as_a_matrix_are_refused():
    parameters = network()
    parameters["blocks.0.first.weight"] = nn.Parameter(torch.zeros(16, 16, 3, 3))
    with pytest.raises(ValueError, match="channels last"):
        optimizer(parameters)


def test_processes_that_join_later_are_refused(monkeypatch):
    """Each would change every matrix, and the sums over the processes would be too large."""
    parameters = network()
    taken = optimizer(parameters)
    give_gradients(parameters)
    monkeypatch.setattr(data_parallel, "processes", lambda: 3)
    with pytest.raises(RuntimeError, match="before the processes met"):
        taken.step(1e-3, 1e-3, 1e-3)
