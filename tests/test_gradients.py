"""The compiled layers that can be learned from, against PyTorch's own and what it differentiates."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from legal_games import legal_games
from torch import Tensor, nn
from torch.nn import functional

from chessgru import gradients, kernels, model
from chessgru.batches import pad
from chessgru.inference import GRU
from chessgru.model import Block, Context, ModelConfig, MoveGRU
from chessgru.planes import attack_matrix
from chessgru.replay import legal_moves, replay
from chessgru.sequences import encode

CHANNELS = 8


def a_block(modulation: int) -> Block:
    torch.manual_seed(3)
    block = Block(CHANNELS, modulation)
    with torch.no_grad():
        for parameter in block.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return block


def same(one: Tensor, other: Tensor) -> bool:
    one, other = one.detach(), other.detach()
    return torch.allclose(one, other, atol=2e-5 * float(one.abs().max()), rtol=1e-4)


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "a row each"])
def test_a_block_and_its_gradients_are_those_of_the_plain_layers(shared: bool) -> None:
    batch = pad(encode(legal_games(4, seed=5)), np.arange(4))
    boards = replay(batch.tokens[:, :30]).at((slice(None), slice(0, 30, 3)))
    boards = boards._replace(**{name: each.flatten(0, 1) for name, each in boards._asdict().items()})
    attacks = legal_moves(boards).attacks
    count = len(attacks)
    block = a_block(5)
    x = torch.randn(count, CHANNELS, 8, 8).to(memory_format=torch.channels_last).requires_grad_()
    rows = torch.randint(0, 6, (count,)) if shared else None
    modulation = torch.randn(6 if shared else count, 5, requires_grad=True)
    wanted = torch.randn(count, CHANNELS, 8, 8)
    given = (x, modulation, *block.parameters())
    found = []
    for lines in (attack_matrix(attacks, torch.float32), kernels.find_links(attacks.numpy())):
        out = block(x, lines, modulation, rows)
        found.append((out, *torch.autograd.grad(out, given, wanted)))
    assert all(same(plain, compiled) for plain, compiled in zip(*found, strict=True))


def test_one_board_of_any_layout_goes_through_a_block() -> None:
    block, x, modulation = a_block(5), torch.randn(1, CHANNELS, 8, 8), torch.randn(1, 5)
    lines = legal_moves(replay(torch.zeros(1, 0, dtype=torch.int64)).at(slice(0, 1)).flatten())
    attacks = lines.attacks[:1]
    plain = block(x, attack_matrix(attacks, torch.float32), modulation, None)
    assert same(plain, block(x, kernels.find_links(attacks.numpy()), modulation, None))


def test_gradients_of_gradients_are_refused() -> None:
    heard, weight = torch.randn(4, 9, requires_grad=True), torch.randn(9, 3, requires_grad=True)
    states = gradients.states_of(heard, weight, torch.zeros(9), torch.tensor([2, 2]))
    (change,) = torch.autograd.grad(states.square().sum(), weight, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        change.sum().backward()


def test_a_frozen_convolution_passes_its_gradient_on() -> None:
    layer = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1).requires_grad_(False)
    features = torch.randn(3 * 64, CHANNELS, requires_grad=True)
    boards = features.view(3, 8, 8, CHANNELS).permute(0, 3, 1, 2)
    wanted = torch.randn(3 * 64, CHANNELS)
    plain = functional.conv2d(boards, layer.weight, layer.bias, padding=1)
    plain = plain.permute(0, 2, 3, 1).reshape(-1, CHANNELS)
    compiled = gradients.convolved(features, layer)
    assert same(plain, compiled)
    back = [torch.autograd.grad(each, features, wanted)[0] for each in (plain, compiled)]
    assert same(*back)


def test_a_cell_that_reads_games_of_many_lengths_learns_as_pytorchs_does() -> None:
    torch.manual_seed(2)
    cell, lengths = GRU(5, 8, batch_first=True), torch.tensor([3, 9, 1, 6, 9])
    inputs = torch.randn(5, 9, 5, requires_grad=True)
    valid = torch.arange(9) < lengths[:, None]
    wanted = torch.randn(int(lengths.sum()), 8)
    given = (inputs, *cell.parameters())
    both = (cell(inputs)[0][valid], cell(inputs[valid], None, lengths)[0])
    found = [(states, *torch.autograd.grad(states, given, wanted)) for states in both]
    assert all(same(plain, compiled) for plain, compiled in zip(*found, strict=True))


def test_a_model_learns_the_same_from_whole_games(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    config = ModelConfig(channels=CHANNELS, blocks=1, hidden=16, condition=8, style=4, head=8)
    network = MoveGRU(config).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    batch = pad(encode(legal_games(4, seed=6)), np.arange(4))
    context = Context(batch.ratings, batch.speed, torch.zeros(4, 2, 4))
    seen, convolved = [], gradients.convolved
    monkeypatch.setattr(gradients, "convolved", lambda *given: seen.append(given) or convolved(*given))
    found = []
    for least in (10**9, 1):
        monkeypatch.setattr(model, "_WORTH_COMPILING", least)
        assert not seen
        logits, played = network(batch.tokens, batch.lengths, context)
        loss = -logits.log_probabilities().index_select(0, played).mean()
        found.append((loss, *torch.autograd.grad(loss, list(network.parameters()), allow_unused=True)))
    assert len(seen) == config.blocks + config.late_blocks
    for plain, compiled in zip(*found, strict=True):
        assert (plain is None) == (compiled is None)
        assert plain is None or same(plain, compiled)
