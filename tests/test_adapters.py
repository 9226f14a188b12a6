from __future__ import annotations

import numpy as np
import pytest
import torch
from habits import games_of, tiny_model

from chessgru import adapters, inference
from chessgru.adapters import Factors, Learner, merged, new_adapters
from chessgru.memory import remember
from chessgru.model import MoveGRU
from chessgru.own_moves import history, read


@pytest.fixture
def model():
    return tiny_model()


@pytest.fixture
def games():
    return history(games_of("Ann", 6), {"ann"})


def learner_of(model, adapters, memory=None):
    return Learner(
        model,
        torch.zeros(4),
        adapters,
        style_rate=0.05,
        adapter_rate=6e-2,
        bias_rate=2e-2,
        style_decay=0.0,
        memory=memory,
    )


def adapters_of(model):
    return new_adapters(model, 2, torch.Generator().manual_seed(0))


def test_new_adapters_change_nothing(model, games):
    same = read(merged(model, adapters_of(model)), games)
    assert (same.probability == read(model, games).probability).all()


def test_adapters_reach_every_block_and_the_recurrent_cell(model):
    names = set(adapters_of(model))
    for wanted in ("recurrent.weight_hh_l0", "blocks.0.first.weight", "late_blocks.0.second.weight"):
        assert wanted in names
    assert not any(name.startswith("last_move") for name in names)


def test_a_change_is_up_times_down():
    factors = Factors(torch.arange(4.0).view(2, 2), torch.ones(2, 9))
    change = factors.change(torch.zeros(2, 1, 3, 3))
    assert change.shape == (2, 1, 3, 3)
    assert change[1, 0, 0, 0] == 5


def test_learning_makes_the_moves_likelier_and_leaves_the_base_alone(model, games):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    learner = learner_of(model, adapters_of(model))
    batch = games.batch(np.arange(len(games)))
    losses = [learner.step(batch, 1.0) for _ in range(12)]
    assert losses[-1] < losses[0] - 0.1
    assert all((before[name] == value).all() for name, value in model.state_dict().items())


def test_the_trained_model_is_the_base_merged_with_its_adapters(model, games):
    learner = learner_of(model, adapters_of(model))
    for _ in range(3):
        learner.step(games.batch(np.arange(len(games))), 1.0)
    one = read(learner.model, games, learner.vector.numpy())
    other = read(merged(model, learner.adapters), games, learner.vector.numpy())
    assert np.allclose(one.probability, other.probability, atol=1e-6)
    assert not np.allclose(one.probability, read(model, games).probability, atol=1e-3)


def test_the_recurrent_cell_learns_too(model, games):
    learner = learner_of(model, adapters_of(model))
    for _ in range(3):
        learner.step(games.batch(np.arange(len(games))), 1.0)
    assert learner.adapters["recurrent.weight_ih_l0"].up.abs().max() > 0


def test_factors_get_the_gradient_that_autograd_would_give(model, games):
    adapters = adapters_of(model)
    learner = learner_of(model, adapters)
    learner._halved = False
    batch = games.batch(np.arange(len(games)))
    learner.step(batch, 0.0)
    name = "pool.weight"
    up, down = (part.clone().requires_grad_() for part in adapters[name])
    whole = dict(merged(model, {}).named_parameters()) | {
        name: dict(model.named_parameters())[name] + up @ down
    }
    logits, played = torch.func.functional_call(
        model, whole, (batch.tokens, batch.lengths, batch.context(torch.zeros(4)), batch.scored())
    )
    (-logits.log_probabilities()[played].mean()).backward()
    assert torch.allclose(learner._factors[name].up.grad, up.grad, atol=1e-6)


def test_only_the_players_own_moves_are_scored(model, games):
    batch = games.batch(np.arange(2))
    assert batch.scored()[0, :4].tolist() == [False, True, False, True]  # he was Black
    assert batch.scored()[1, :4].tolist() == [True, False, True, False]
    logits, played = model(
        batch.tokens, batch.lengths, batch.context(torch.zeros(4)), scored=batch.scored()
    )
    every, chosen = model(batch.tokens, batch.lengths, batch.context(torch.zeros(4)))
    valid = torch.arange(batch.tokens.shape[1]) < batch.lengths[:, None]
    own = batch.scored()[valid]
    expected = every.log_probabilities()[chosen][own]
    assert torch.allclose(logits.log_probabilities()[played], expected, atol=1e-5)


def test_what_the_memory_tells_is_not_learned_again(model):
    same = history(games_of("Ann", 1) * 8, {"ann"})
    memory = remember(games_of("Ann", 1) * 8, {"ann"})
    plain, through = (learner_of(model, adapters_of(model), m) for m in (None, memory))
    batch = same.batch(np.arange(8))
    assert through.step(batch, 1.0) < 0.5 * plain.step(batch, 1.0)


@pytest.mark.parametrize(("halved", "off"), [(False, 1e-4), (True, 0.05)])
@pytest.mark.parametrize("threads", [2, 4])
def test_threads_share_a_step(model, games, threads, halved, off):
    batch, before, found = games.batch(np.arange(len(games))), torch.get_num_threads(), []
    for count in (1, threads):
        torch.set_num_threads(count)
        learner = learner_of(model, adapters_of(model))
        learner._halved = halved
        found.append((learner.step(batch, 1.0), learner._style.grad, learner._factors["pool.bias"].up.grad))
        torch.set_num_threads(before)
    (one, *plain), (other, *shared) = found
    assert abs(one - other) < off
    for alone, together in zip(plain, shared, strict=True):
        assert 0 < alone.norm() < torch.inf
        assert (alone - together).norm() < off * alone.norm()


def test_parts_of_a_batch_hold_each_game_once(games):
    parts = games.batch(np.arange(6)).split(4)
    assert sorted(torch.cat([part.lengths for part in parts]).tolist()) == sorted(
        games.sequences.lengths.tolist()
    )
    assert all(part.tokens.shape == (len(part.side), part.lengths.max()) for part in parts)


@pytest.mark.parametrize("compiled", [True, False])
def test_how_the_other_sides_positions_look_is_not_learned_from(model, games, monkeypatch, compiled):
    seen, trunk, see = [], MoveGRU._trunk, inference.see

    def watched_trunk(self, planes, *rest):
        seen.append((len(planes), torch.is_grad_enabled()))
        return trunk(self, planes, *rest)

    def watched_see(net, boards, last, *rest):
        seen.append((len(last), torch.is_grad_enabled()))
        return see(net, boards, last, *rest)

    monkeypatch.setattr(inference, "worth", lambda _positions: compiled)
    monkeypatch.setattr(MoveGRU, "_trunk", watched_trunk)
    monkeypatch.setattr(inference, "see", watched_see)
    batch = games.batch(np.arange(2))
    model(batch.tokens, batch.lengths, batch.context(torch.zeros(4)), scored=batch.scored())
    own = int(batch.scored().sum())
    assert seen == [(own, True), (int(batch.lengths.sum()) - own, False)]


def test_positions_only_glanced_at_look_the_same(model, games, monkeypatch):
    batch, found = games.batch(np.arange(2)), []
    for compiled in (True, False):
        monkeypatch.setattr(inference, "worth", lambda _positions, answer=compiled: answer)
        context = batch.context(torch.zeros(4))
        found.append(model(batch.tokens, batch.lengths, context, scored=batch.scored())[0].logit)
    assert torch.allclose(*found, atol=1e-4)
    assert found[0].requires_grad


@pytest.mark.parametrize(
    ("processor", "amx", "bfloat16", "expected"),
    [
        ("znver4", False, True, True),
        ("znver3", False, False, False),
        ("emeraldrapids", False, True, False),
        ("emeraldrapids", True, True, True),
    ],
)
def test_bfloat16_is_used_where_it_is_faster(
    processor: str, amx: bool, bfloat16: bool, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapters, "get_host_cpu_name", lambda: processor)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: bfloat16)
    assert adapters.halves_well.__wrapped__() == expected
