from __future__ import annotations

import numpy as np
import pytest
from habits import games_of, play, tiny_model

from chessgru.memory import mix, remember, text_number
from chessgru.own_moves import by_time, fit_concentration, history, read, seen_from
from chessgru.vocabulary import SIZE


@pytest.fixture(scope="module")
def model():
    return tiny_model()


@pytest.fixture(scope="module")
def moves(model):
    return read(model, history(games_of("Ann", 12), {"ann"}))


def test_every_own_move_is_there_once_in_order(moves):
    games = games_of("Ann", 12)
    expected = [
        (number, ply, token)
        for number, game in enumerate(games)
        for ply, token in enumerate(game.tokens)
        if (ply % 2 == 1) == (game.black == "Ann")
    ]
    found = zip(moves.game.tolist(), moves.ply.tolist(), moves.token[moves.played].tolist(), strict=True)
    assert list(found) == expected
    assert np.allclose(np.bincount(moves.position, moves.probability), 1)


def test_keys_are_those_of_the_memory(moves):
    memory = remember(games_of("Ann", 12), {"ann"})
    assert sorted(moves.key.tolist()) == memory.keys.tolist()


def test_a_memory_speaks_as_in_a_live_game(moves):
    memory = remember(games_of("Ann", 12), {"ann"})
    mixed = moves.mixed(memory, 3.0)
    for row in (0, 5, len(moves) - 1):
        at = moves.position == row
        prior = np.zeros(SIZE)
        prior[moves.token[at]] = moves.probability[at]
        live = mix(prior, memory.look_up(int(moves.key[row])), 3.0)
        assert np.allclose(mixed.probability[at], live[moves.token[at]])


def test_the_head_to_head_memory_speaks_only_against_that_opponent(moves):
    against_eve = remember(games_of("Ann", 12, other="Eve"), {"ann"}).by_opponent()
    assert (moves.mixed_head_to_head(against_eve, 1.0).probability == moves.probability).all()
    against_dan = remember(games_of("Ann", 12), {"ann"}).by_opponent()
    assert moves.mixed_head_to_head(against_dan, 1.0).nll().mean() < moves.nll().mean()


def test_rank_and_surprise(moves):
    for row in (0, 7):
        inside = moves.probability[moves.position == row]
        own = moves.probability[moves.played[row]]
        assert moves.rank()[row] == (inside >= own).sum()
        assert moves.nll()[row] == pytest.approx(-np.log(own))


def test_a_style_changes_the_prediction(model, moves):
    other = read(model, history(games_of("Ann", 12), {"ann"}), np.ones(4, np.float32))
    assert not np.allclose(other.probability, moves.probability)


def test_concentration_trusts_a_memory_that_is_right_and_not_one_that_is_wrong(moves):
    right = remember(games_of("Ann", 12), {"ann"})
    strict = fit_concentration(moves, right, expected=4.0, doubt=10.0)
    from dataclasses import replace

    wrong = replace(right, tokens=np.roll(right.tokens, 7))
    loose = fit_concentration(moves, wrong, expected=4.0, doubt=10.0)
    assert strict < 0.1
    assert loose > 4.0
    assert fit_concentration(moves, remember([], ()), expected=4.0, doubt=1.0) == 4.0


def test_games_are_ordered_by_time_and_undated_ones_come_first():
    late, early = play("Ann", "Bob", 40), play("Ann", "Bob", 3)
    undated = play("Ann", "Bob", 5)
    object.__setattr__(undated, "date", "")
    assert by_time([late, undated, early]) == [undated, early, late]


def test_a_side_can_be_seen_without_a_name():
    games = [play("", "", 1), play("", "", 2)]
    seen = seen_from(games, ["white", "black"])
    assert seen.side.tolist() == [0, 1]
    assert seen.opponents.tolist() == [text_number("")] * 2
