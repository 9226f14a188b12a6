from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from chessgru.cells import GRUWeights, LSTMWeights, RNNWeights, sigmoid
from chessgru.model import Cell, Context, ModelConfig, MoveGRU
from chessgru.pgn import parse
from chessgru.trace import Trace, context_of, run_cell, surprise_without_memory, trace

PGN = """[White "Dad"]
[Black "Son"]
[WhiteElo "1500"]
[BlackElo "1100"]
[TimeControl "600"]
[Result "1-0"]

1. e4 c5 2. Nf3 d6 3. d4 cxd4 4. Nxd4 Nf6 5. Nc3 a6 6. Be2 e5 7. Nb3 Be7 8. O-O O-O 9. Be3 Be6 1-0
"""
GAME = parse(PGN)[0][0]
KINDS = {"gru": nn.GRU, "lstm": nn.LSTM, "rnn": nn.RNN}


def tiny(cell: Cell = "gru", seed: int = 0) -> MoveGRU:
    torch.manual_seed(seed)
    return MoveGRU(ModelConfig(channels=8, blocks=1, cell=cell, hidden=24)).eval()


def sharp(module: nn.Module) -> None:
    """Makes gates open and close for real: fresh weights leave them all near a half."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(3)


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_equations_equal_the_module(cell: Cell) -> None:
    torch.manual_seed(1)
    module = KINDS[cell](7, 11, batch_first=True)
    sharp(module)
    inputs = torch.randn(1, 60, 7)
    theirs = module(inputs)[0][0].detach().numpy()
    ours = run_cell(module, inputs[0].double().numpy())["hidden"]
    assert np.abs(ours - theirs).max() < 1e-6


def test_gates_at_double_precision_leave_rounding_alone() -> None:
    torch.manual_seed(2)
    module = nn.GRU(5, 9, batch_first=True).double()
    inputs = torch.randn(1, 200, 5, dtype=torch.float64)
    ours = run_cell(module, inputs[0].numpy())["hidden"]
    assert np.abs(ours - module(inputs)[0][0].detach().numpy()).max() < 1e-13


def test_memory_of_an_lstm_equals_the_module() -> None:
    torch.manual_seed(3)
    module = nn.LSTM(5, 9, batch_first=True)
    inputs = torch.randn(1, 30, 5)
    memory = run_cell(module, inputs[0].double().numpy())["memory"]
    assert np.abs(memory[-1] - module(inputs)[1][1][0, 0].detach().numpy()).max() < 1e-6


def test_papers_reset_placement_is_another_function_but_the_same_at_reset_one() -> None:
    torch.manual_seed(4)
    module = nn.GRU(5, 9)
    weights, x, h = GRUWeights.of(module), np.random.default_rng(0).normal(size=5), np.full(9, 0.5)
    after, before = weights.step(x, h), weights.step(x, h, "before the product")
    assert np.abs(after.hidden - before.hidden).max() > 1e-3
    with torch.no_grad():
        module.bias_ih_l0[:9] = 100.0  # the reset gate stays open
    weights = GRUWeights.of(module)
    after, before = weights.step(x, h), weights.step(x, h, "before the product")
    np.testing.assert_allclose(after.hidden, before.hidden, atol=1e-12)


def test_an_update_gate_of_one_keeps_the_state() -> None:
    module = nn.GRU(5, 9)
    with torch.no_grad():
        module.bias_ih_l0[9:18] = 100.0
    h = np.linspace(-1, 1, 9)
    np.testing.assert_allclose(GRUWeights.of(module).step(np.ones(5), h).hidden, h)


def test_weights_read_every_kind() -> None:
    assert GRUWeights.of(nn.GRU(3, 4)).candidate.input.shape == (4, 3)
    assert LSTMWeights.of(nn.LSTM(3, 4)).output.recurrent.shape == (4, 4)
    assert RNNWeights.of(nn.RNN(3, 4)).candidate.input_bias.shape == (4,)


def test_sigmoid_does_not_overflow() -> None:
    np.testing.assert_allclose(sigmoid(np.array([-1e5, 0.0, 1e5])), [0, 0.5, 1])


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_trace_of_a_game_equals_reading_it_step_by_step(cell: Cell) -> None:
    model = tiny(cell)
    seen = trace(model, GAME)
    assert len(seen) == len(GAME.tokens)
    with torch.no_grad():
        theirs = model.recurrent(torch.from_numpy(seen.inputs[None]).float())[0][0].numpy()
    assert np.abs(seen.hidden - theirs).max() < 1e-6


def test_surprise_is_what_the_model_says() -> None:
    model = tiny()
    context = context_of(GAME, model.config.style)
    with torch.no_grad():
        logits, played = model(torch.tensor([GAME.tokens]), torch.tensor([len(GAME.tokens)]), context)
    np.testing.assert_allclose(trace(model, GAME).surprise, -logits.log_probabilities()[played], rtol=1e-6)


def test_each_cell_has_its_own_gates() -> None:
    gru, lstm, rnn = (trace(tiny(cell), GAME) for cell in ("gru", "lstm", "rnn"))
    assert gru.reset is not None
    assert gru.forget is None
    assert lstm.forget is not None
    assert lstm.update is None
    assert rnn.update is None
    assert rnn.forget is None
    for seen, gate in ((gru, gru.update), (lstm, lstm.forget)):
        np.testing.assert_array_equal(seen.kept, gate)
    assert not rnn.kept.any()


def test_context_changes_the_trace() -> None:
    model = tiny()
    stranger = Context(torch.zeros(1, 2), torch.zeros(1, dtype=torch.int64), torch.ones(1, 2, 16))
    assert np.abs(trace(model, GAME).hidden - trace(model, GAME, stranger).hidden).max() > 1e-4


def test_trace_leaves_no_hook_behind() -> None:
    model = tiny()
    trace(model, GAME)
    assert not model.recurrent._forward_pre_hooks


def test_survival_counts_only_units_that_were_written() -> None:
    seen = Trace(
        cell="gru",
        tokens=np.arange(2),
        surprise=np.zeros(2),
        inputs=np.zeros((2, 1)),
        hidden=np.zeros((2, 2)),
        candidate=np.array([[1.0, 1.0], [0.0, 0.0]]),
        update=np.array([[1.0, 0.5], [1.0, 0.25]]),  # the first unit keeps nothing but what it never got
    )
    np.testing.assert_allclose(seen.written[0], [0, 0.5])
    np.testing.assert_allclose(seen.survival(0), [1, 0.25])


def test_survival_is_the_product_of_the_gates() -> None:
    kept = np.array([[0.5], [0.5], [0.25], [1.0]])
    seen = Trace(
        cell="gru",
        tokens=np.arange(4),
        surprise=np.zeros(4),
        inputs=np.zeros((4, 1)),
        hidden=np.array([[0.0], [1.0], [1.0], [0.0]]),
        candidate=np.zeros((4, 1)),
        update=kept,
    )
    np.testing.assert_allclose(seen.survival(1), [0, 1, 0.25, 0.25])
    np.testing.assert_allclose(seen.changed, [0, 1, 0, 1])
    np.testing.assert_allclose(seen.half_lives(), np.log(0.5) / np.log(0.5625))


def test_without_memory_only_the_first_ply_is_the_same() -> None:
    model = tiny()
    sharp(model.recurrent)
    with_memory, without = trace(model, GAME).surprise, surprise_without_memory(model, GAME)
    assert with_memory[0] == pytest.approx(without[0], abs=1e-5)
    assert np.abs(with_memory[1:] - without[1:]).max() > 1e-3


def test_without_memory_reads_each_position_as_a_game_of_its_own() -> None:
    model = tiny()
    with torch.no_grad():  # a cell that forgets everything gives the same with or without its state
        for name in ("weight_hh_l0", "bias_hh_l0"):
            getattr(model.recurrent, name).zero_()
        model.recurrent.bias_ih_l0[24:48] = -100.0
    np.testing.assert_allclose(trace(model, GAME).surprise, surprise_without_memory(model, GAME), atol=1e-5)
