"""Finding people and seating them, with a real library."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from chessgru.checkpoint import Checkpoint
from chessgru.errors import UnknownPlayerError
from chessgru.game import Game
from chessgru.learning import memory_only
from chessgru.library import Library
from chessgru.model import ModelConfig, MoveGRU
from chessgru.predictor import Predictor
from chessgru.profiles import profile_path, save_profile
from chessgru.seats import find_person, seat

TINY = ModelConfig(
    channels=8, blocks=1, late_blocks=1, hidden=16, condition=8, style=4, head=8, move_embedding=8
)


@pytest.fixture(scope="module")
def base() -> Checkpoint:
    torch.manual_seed(1)
    return Checkpoint(model=MoveGRU(TINY).eval(), digest="tiny")


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with Library(tmp_path / "library.sqlite") as library:
        games = [
            Game(tokens=(10, 20), white="Ann", black="Bob", white_rating=1400 + day, date=f"2024.01.0{day}")
            for day in (1, 2, 3)
        ]
        library.add(games, source="test")
        yield library


def test_samples_are_known_without_a_library() -> None:
    son = find_person("son", None)
    assert (son.name, son.rating) == ("Son", 1100)
    assert len(son.games) > 100


def test_sample_son_answers_the_kings_pawn_with_the_sicilian(base: Checkpoint) -> None:
    dad, son = find_person("Dad", None), find_person("Son", None)
    white, _ = seat(dad, base, opponent=son)
    black, _ = seat(son, base, opponent=dad)
    predictor = Predictor(base.model, white, black)
    first = predictor.predict(()).white.suggestions[0]
    assert first.san == "e4"
    token = next(game.tokens[0] for game in dad.games if game.white == "Dad" and game.tokens[1])
    best = predictor.predict((token,)).black.suggestions[0]
    assert best.san == "c5"
    assert best.h2h_of == best.of > 50


def test_person_has_the_latest_rating_and_the_head_to_head(library: Library, base: Checkpoint) -> None:
    ann, bob = find_person("ANN", library), find_person("Bob", library)
    found, trouble = seat(ann, base, library=library, opponent=bob)
    assert (found.rating, trouble) == (1403, "")
    assert found.memory is not None
    assert found.head_to_head is not None
    assert found.memory.games == found.head_to_head.games == 3


def test_unknown_name_gets_the_nearest(library: Library) -> None:
    with pytest.raises(UnknownPlayerError, match="'Ann'"):
        find_person("Anne", library)


def test_damaged_profile_is_told_and_left_out(library: Library, base: Checkpoint) -> None:
    path = profile_path(library.path.parent, "Ann")
    path.parent.mkdir()
    path.write_bytes(b"no profile")
    found, trouble = seat(find_person("Ann", library), base, library=library)
    assert "damaged profile" in trouble
    assert found.model is None


def test_profile_of_other_names_is_told_and_left_out(library: Library, base: Checkpoint) -> None:
    ann, path = find_person("Ann", library), profile_path(library.path.parent, "Ann")
    style = np.ones(TINY.style, np.float32)
    profile = replace(memory_only(base, ann.games, ann.names, name="Ann"), style=style)
    save_profile(profile, path)
    found, trouble = seat(ann, base, library=library)
    assert (found.style is not None, trouble) == (True, "")
    save_profile(replace(profile, names=ann.names | {"annie"}), path)
    found, trouble = seat(ann, base, library=library)
    assert trouble == f"{path}: learned under other names; learn him again"
    assert found.style is None
    assert found.memory is not None
