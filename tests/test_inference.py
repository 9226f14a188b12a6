"""The quick way through the network against the plain one, and its parts against PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from legal_games import legal_games
from torch import nn
from torch.nn import functional

from chessgru import kernels, tactics
from chessgru.batches import Batch, pad
from chessgru.inference import GRU, Convolution, _Affine, _product
from chessgru.model import Cell, Context, ModelConfig, MoveGRU
from chessgru.planes import NO_MOVE, token_squares
from chessgru.products import convolution, room, tile_ways
from chessgru.replay import replay
from chessgru.sequences import encode

SMALL = ModelConfig(channels=8, blocks=1, hidden=16, condition=8, style=4, head=8, move_embedding=8)
WIDER = ModelConfig(
    channels=16, blocks=2, late_blocks=2, hidden=24, condition=8, style=4, head=12, move_embedding=8
)


def a_model(config: ModelConfig, cell: Cell = "gru") -> MoveGRU:
    torch.manual_seed(1)
    model = MoveGRU(ModelConfig(**{**vars(config), "cell": cell}))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.temperature.fill_(1.2)
    return model


@pytest.fixture(scope="module")
def batch() -> Batch:
    return pad(encode(legal_games(6, seed=4)), np.arange(6))


def context(batch: Batch) -> Context:
    styles = torch.randn(6, 2, 4, generator=torch.Generator().manual_seed(2))
    return Context(batch.ratings, batch.speed, styles)


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
@pytest.mark.parametrize("config", [SMALL, WIDER], ids=["small", "wider"])
def test_without_gradients_the_numbers_are_the_same(batch: Batch, config: ModelConfig, cell: Cell) -> None:
    model = a_model(config, cell)
    plain, plainly_played = model(batch.tokens, batch.lengths, context(batch))
    with torch.no_grad():
        quick, played = model(batch.tokens, batch.lengths, context(batch))
    assert plain.logit.requires_grad
    assert not quick.logit.requires_grad
    assert torch.equal(plain.position, quick.position)
    assert torch.equal(plain.token, quick.token)
    assert torch.equal(plainly_played, played)
    assert torch.allclose(plain.log_probabilities(), quick.log_probabilities(), atol=2e-5)


def test_some_plies_are_what_they_are_among_all(batch: Batch) -> None:
    model = a_model(WIDER)
    scored = torch.rand(batch.tokens.shape, generator=torch.Generator().manual_seed(3)) < 0.4
    plain, plainly_played = model(batch.tokens, batch.lengths, context(batch), scored)
    with torch.inference_mode():
        quick, played = model(batch.tokens, batch.lengths, context(batch), scored)
    assert torch.equal(plain.position, quick.position)
    assert torch.equal(plainly_played, played)
    assert torch.allclose(plain.log_probabilities(), quick.log_probabilities(), atol=2e-5)


def test_one_step_is_what_it_is_with_gradients(batch: Batch) -> None:
    model = a_model(WIDER)
    boards = replay(batch.tokens[:, :4]).at((slice(None), 4))
    arguments = (model.new_state(6), boards, batch.tokens[:, 3], context(batch))
    plain = model.step(*arguments)
    with torch.inference_mode():
        quick = model.step(*arguments)
    assert torch.allclose(plain.log_probabilities, quick.log_probabilities, atol=2e-5)
    assert torch.allclose(plain.state.hidden, quick.state.hidden, atol=1e-5)


def test_boards_that_share_memory_are_read(batch: Batch) -> None:
    model, count = a_model(SMALL), 40
    first = replay(batch.tokens[:1, :0]).at((slice(None), 0))
    boards = type(first)(*(field.expand(count, *field.shape[1:]) for field in first))
    same = Context(*(field[:1].expand(count, *field.shape[1:]) for field in context(batch)))
    with torch.inference_mode():
        reading = model.step(model.new_state(count), boards, torch.full((count,), NO_MOVE), same)
    assert torch.allclose(reading.log_probabilities, reading.log_probabilities[:1], atol=1e-5)


@pytest.mark.parametrize("channels", [8, 16])
@pytest.mark.parametrize("tiled", [False, True])
def test_a_convolution_by_tiles_is_a_convolution(channels: int, tiled: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    layer = nn.Conv2d(channels, channels, 3, padding=1)
    features = torch.randn(5 * 64, channels, generator=generator)
    scale, shift = torch.randn(2, 3, channels, generator=generator)
    rows = torch.tensor([2, 0, 1, 1, 0])
    boards = features.view(5, 8, 8, channels).permute(0, 3, 1, 2)
    expected = functional.conv2d(boards, layer.weight, padding=1).permute(0, 2, 3, 1).reshape(5, 64, -1)
    expected = functional.relu(expected * scale[rows, None] + shift[rows, None]).flatten(0, 1)
    with torch.no_grad():
        after = _Affine(scale.numpy(), shift.numpy(), rows.numpy(), np.float32(0))
        found = Convolution(layer, tiled=tiled)(features, after)
    assert torch.allclose(found, expected, atol=2e-5)


def test_tiles_see_the_edges_of_the_board() -> None:
    """Every corner, edge and middle: a convolution that sums the squares around counts them."""
    weights = tile_ways() @ np.ones(9)
    ones, found = np.ones((64, 4), np.float32), np.empty((64, 4), np.float32)
    unit, nothing = np.ones(4, np.float32), np.zeros(4, np.float32)
    by_channel = (weights[:, None, None] * np.eye(4)).astype(np.float32).reshape(-1)
    space, rows = np.full(room(4), np.nan, np.float32), np.zeros(1, np.int64)
    convolution(4)(
        ones.reshape(-1), by_channel, unit, nothing, rows, np.float32(0), space, found.reshape(-1)
    )
    counts = np.array([2, 3, 3, 3, 3, 3, 3, 2])
    assert np.allclose(found, np.outer(counts, counts).reshape(64, 1), atol=1e-5)


@pytest.mark.parametrize("rows", [3, 20, 2102])
def test_a_product_is_a_product(rows: int) -> None:
    x, weight, bias = torch.randn(rows, 10), torch.randn(7, 10), torch.randn(7)
    assert torch.allclose(_product(x, weight, bias), functional.linear(x, weight, bias), atol=1e-5)


def test_the_gru_is_that_of_pytorch() -> None:
    torch.manual_seed(0)
    own, theirs = GRU(5, 7, batch_first=True), nn.GRU(5, 7, batch_first=True)
    theirs.load_state_dict(own.state_dict())
    inputs, lengths = torch.randn(3, 11, 5), torch.tensor([4, 11, 7])
    there = torch.arange(11) < lengths[:, None]
    with torch.no_grad():
        expected, last = theirs(inputs)
        assert torch.allclose(own(inputs, None, lengths=None)[1], last, atol=1e-6)
        found = own(inputs[there], None, lengths)[0]
    assert torch.allclose(found, expected[there], atol=1e-6)


def test_what_few_plies_are_scored_in_many_does_not_go_one_by_one(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, scored = a_model(SMALL), torch.zeros(batch.tokens.shape, dtype=torch.bool)
    scored[:, 3] = True
    monkeypatch.setattr(tactics, "on_disk", lambda *_: False)
    monkeypatch.setattr(tactics, "_few_effects", None)
    with torch.no_grad():
        logits, played = model(batch.tokens, batch.lengths, context(batch), scored)
    assert len(played) == 6
    assert logits.positions == 6


def test_links_and_moves_are_the_ones_of_the_tables() -> None:
    dice = np.random.default_rng(0)
    attacks, legal = dice.random((7, 1792)) < 0.05, dice.random((7, 1968)) < 0.02
    links, moves = kernels.find_links(attacks), kernels.find_moves(legal)
    assert len(links.targets) == attacks.sum() == links.starts[-1]
    assert np.all(np.diff(links.pieces) > 0)
    assert np.array_equal(np.stack([moves.position, moves.token], axis=1), np.argwhere(legal))
    assert np.array_equal(moves.origins[moves.origin] >> 6, moves.position)
    squares = token_squares(torch.device("cpu"))
    assert np.array_equal(moves.origins[moves.origin] & 63, squares.origin[moves.token])
    assert np.array_equal(
        moves.targets[moves.target], moves.position * 64 + squares.target[moves.token].numpy()
    )
    assert len(np.unique(moves.targets)) == len(moves.targets)
