from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from habits import games_of, tiny_base, tiny_model

from chessgru.adapters import Factors
from chessgru.errors import ProfileError
from chessgru.learning import memory_only
from chessgru.model import ModelConfig, MoveGRU
from chessgru.profiles import (
    Gain,
    Report,
    adapted,
    delete_profile,
    delete_profiles,
    load_profile,
    profile_path,
    save_profile,
)


@pytest.fixture(scope="module")
def base():
    return tiny_base()


@pytest.fixture
def profile(base):
    from dataclasses import replace

    plain = memory_only(base, games_of("Ann", 5), {"ann", "a. smith"}, name="Ann")
    gain = Gain(parts="base", nll=2.0, top1=0.4, used=True)
    pool = dict(base.model.named_parameters())["pool.weight"]
    factors = {
        "pool.weight": Factors(torch.ones(len(pool), 2) / 8, torch.ones(2, pool.shape[1]) / 8),
        "pool.bias": Factors(torch.ones(len(pool)) / 4, torch.zeros(0, 0)),
    }
    return replace(
        plain,
        style=np.full(4, 0.5, np.float32),
        half_life=50.0,
        adapters=factors,
        report=Report(games=1, moves=12, gains=(gain,)),
    )


def test_positions_whose_keys_are_far_apart_are_sorted_still(base, profile, tmp_path):
    """A difference of more than 2**63 wraps."""
    keys = np.array([-(2**63), -5, 2**63 - 1], np.int64)
    columns = {
        name: getattr(profile.memory, name)[:3]
        for name in ("tokens", "paths", "opponents", "game", "weights")
    }
    path = tmp_path / "few.safetensors"
    save_profile(replace(profile, memory=replace(profile.memory, keys=keys, **columns)), path)
    assert (load_profile(path, base.digest, base.model).memory.keys == keys).all()
    wrong = replace(profile.memory, keys=keys[[0, 2, 1]], **columns)
    save_profile(replace(profile, memory=wrong), path)
    with pytest.raises(ProfileError, match="not sorted"):
        load_profile(path, base.digest, base.model)


def test_a_profile_comes_back_as_it_was(base, profile, tmp_path):
    path = profile_path(tmp_path, profile.name)
    save_profile(profile, path)
    again = load_profile(path, base.digest, base.model)
    for name in ("name", "names", "base", "k_own", "k_h2h", "half_life", "report", "games"):
        assert getattr(again, name) == getattr(profile, name)
    for name in ("keys", "tokens", "paths", "opponents", "game", "weights"):
        one, other = getattr(again.memory, name), getattr(profile.memory, name)
        assert one.dtype == other.dtype
        assert (one == other).all()
    assert (again.style == profile.style).all()
    assert (again.taken == profile.taken).all()
    for name, factors in profile.adapters.items():
        assert all(
            torch.equal(one, other) for one, other in zip(factors, again.adapters[name], strict=True)
        )
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_the_personal_model_is_a_plain_model_with_changed_weights(base, profile):
    personal = adapted(base.model, profile)
    assert isinstance(personal, MoveGRU)
    change = personal.pool.weight - base.model.pool.weight
    assert torch.allclose(change, torch.full_like(change, 2 / 64))
    assert torch.allclose(personal.pool.bias - base.model.pool.bias, torch.tensor(0.25))


def test_without_adapters_the_personal_model_is_the_base(base, profile):
    from dataclasses import replace

    assert adapted(base.model, replace(profile, adapters={})) is base.model


def test_a_profile_whose_style_learned_from_all_its_games_is_saved(base, profile, tmp_path):
    path = tmp_path / "x.safetensors"
    save_profile(replace(profile, fitted=profile.taken), path)
    assert (load_profile(path, base.digest, base.model).fitted == profile.taken).all()


def test_a_missing_profile_says_what_to_do(base, tmp_path):
    with pytest.raises(ProfileError, match="no profile yet; make one with `chessgru learn PLAYER`"):
        load_profile(tmp_path / "none.safetensors", base.digest, base.model)


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"PK" + b[2:]])
def test_a_damaged_file_is_refused_in_one_line(base, profile, tmp_path, damage):
    path = tmp_path / "x.safetensors"
    save_profile(profile, path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ProfileError, match="damaged profile") as caught:
        load_profile(path, base.digest, base.model)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_profile_is_refused(base, tmp_path):
    from safetensors.torch import save_file

    save_file({"style": torch.zeros(4)}, tmp_path / "x.safetensors")
    with pytest.raises(ProfileError, match="damaged profile"):
        load_profile(tmp_path / "x.safetensors", base.digest, base.model)


def _rewritten(path, change):
    """Writes a profile's file again with its tensors and metadata changed."""
    from safetensors import safe_open
    from safetensors.torch import save_file

    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        about = json.loads(file.metadata()["profile"])
    about = change(tensors, about) or about
    save_file(tensors, path, {"profile": json.dumps(about)})


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors, about: about | {"format": 99},
        lambda tensors, about: [1],
        lambda tensors, about: tensors.update({"memory.game": tensors["memory.game"][1:]}),
        lambda tensors, about: tensors.update({"memory.keys": tensors["memory.keys"].flip(0)}),
        lambda tensors, about: tensors.__delitem__("fitted"),
    ],
    ids=["format", "list", "short column", "unsorted", "missing column"],
)
def test_a_file_of_another_form_is_refused_in_one_line(base, profile, tmp_path, change):
    path = tmp_path / "x.safetensors"
    save_profile(profile, path)
    _rewritten(path, change)
    with pytest.raises(ProfileError, match="damaged profile") as caught:
        load_profile(path, base.digest, base.model)
    assert "\n" not in str(caught.value)


def test_the_profile_of_another_base_is_refused_with_both_named(base, profile, tmp_path):
    save_profile(profile, tmp_path / "x.safetensors")
    with pytest.raises(ProfileError, match=f"{base.digest}.*'ffff'"):
        load_profile(tmp_path / "x.safetensors", "ffff", tiny_model())


def test_shapes_that_do_not_fit_are_refused(base, profile, tmp_path):
    save_profile(profile, tmp_path / "x.safetensors")
    other = MoveGRU(ModelConfig(channels=8, blocks=1, hidden=24, condition=8, style=4, head=8))
    with pytest.raises(ProfileError, match="damaged profile"):
        load_profile(tmp_path / "x.safetensors", base.digest, other)


def test_file_names_are_readable_and_tell_people_apart(tmp_path):
    one, other = profile_path(tmp_path, "Müller, J."), profile_path(tmp_path, "Möller, J.")
    assert one != other
    assert one == profile_path(tmp_path, " müller,j. ")
    assert profile_path(tmp_path, "../../etc").parent == tmp_path / "profiles"


def test_a_profile_can_be_deleted(profile, tmp_path):
    path = tmp_path / "x.safetensors"
    save_profile(profile, path)
    assert delete_profile(path)
    assert not delete_profile(path)


def test_all_that_knows_moves_of_somebody_can_be_deleted(profile, tmp_path):
    others = profile_path(tmp_path, "Bob"), profile_path(tmp_path, "Cid")
    for path, names in zip(others, ({"bob", "ann"}, {"cid"}), strict=True):
        save_profile(replace(profile, names=frozenset(names)), path)
    damaged = profile_path(tmp_path, "Ann"), profile_path(tmp_path, "Dan")
    for path in damaged:
        path.write_bytes(b"PK")
    delete_profiles(tmp_path, ["Ann"])
    assert [path.exists() for path in (*others, *damaged)] == [False, True, False, True]
