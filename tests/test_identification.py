from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from habits import LIKES, games_of, tiny_base

from chessgru.errors import ProfileError
from chessgru.identification import identify, map_of_players
from chessgru.learning import LearningConfig, learn, memory_only


@pytest.fixture(scope="module")
def base():
    return tiny_base()


@pytest.fixture(scope="module")
def profiles(base):
    return [memory_only(base, games_of(name, 20), {name.casefold()}, name=name) for name in LIKES]


def sides_of(games, name):
    return [game.side_of({name.casefold()}) for game in games]


@pytest.mark.parametrize("name", list(LIKES))
def test_everybody_is_recognised_by_games_not_learned_from(base, profiles, name):
    games = games_of(name, 5, first=300)
    answer = identify(base, games, sides_of(games, name), profiles)
    first = answer.candidates[0]
    assert first.name == name
    assert first.odds > 3
    assert first.learned_from == 0
    assert (answer.games, answer.moves) == (5, 60)
    assert sum(candidate.probability for candidate in answer.candidates) == pytest.approx(1)


def test_games_without_a_move_of_his_say_nothing(base, profiles):
    games = games_of("Ann", 5, first=300)
    resigned = replace(games_of("Ann", 1, first=400)[0], tokens=(games[0].tokens[0],))
    assert resigned.side_of({"ann"}) == "black"
    with_them = identify(base, [*games, resigned], [*sides_of(games, "Ann"), "black"], profiles)
    without = identify(base, games, sides_of(games, "Ann"), profiles)
    assert with_them.candidates == without.candidates
    with pytest.raises(ProfileError, match="1 games without a move of his"):
        identify(base, [resigned], ["black"], profiles)


def test_style_speaks_too(base):
    config = LearningConfig(
        style_steps=4, passes=4, rank=2, adapters_from=10, adapter_rate=4e-2, bias_rate=1e-2
    )
    learned = [
        learn(base, games_of(name, 20), {name.casefold()}, name=name, config=config)
        for name in ("Ann", "Bob")
    ]
    games = games_of("Bob", 5, first=300)
    told = []
    answer = identify(
        base, games, sides_of(games, "Bob"), learned, progress=lambda share, what: told.append(share)
    )
    assert answer.candidates[0].name == "Bob"
    plain = identify(
        base,
        games,
        sides_of(games, "Bob"),
        [memory_only(base, games_of(name, 20), {name.casefold()}, name=name) for name in ("Ann", "Bob")],
    )
    assert answer.candidates[0].log_likelihood != pytest.approx(
        plain.candidates[0].log_likelihood, abs=1e-3
    )
    assert told[-1] == 1


def test_games_that_were_learned_from_are_counted(base, profiles):
    games = games_of("Ann", 22)
    answer = identify(base, games, sides_of(games, "Ann"), profiles)
    assert answer.candidates[0].learned_from == 20


def test_nothing_to_choose_from_is_an_error(base, profiles):
    games = games_of("Ann", 1)
    with pytest.raises(ProfileError, match="1 profiles to choose from"):
        identify(base, games, sides_of(games, "Ann"), profiles[:1])
    with pytest.raises(ProfileError, match="no games"):
        identify(base, [], [], profiles)


def test_people_who_play_alike_stand_close_on_the_map(base, profiles):
    again = memory_only(base, games_of("Ann", 20, first=200), {"ann"}, name="Ann again")
    alike = map_of_players([*profiles, again])
    assert alike.names == ("Ann", "Bob", "Cid", "Ann again")
    assert np.allclose(np.diag(alike.likeness), 1)
    assert alike.likeness[0].argsort()[-2] == 3
    distance = np.linalg.norm(alike.places - alike.places[0], axis=1)
    assert distance[3] < min(distance[1], distance[2])


def test_a_map_of_few(profiles):
    assert map_of_players([]).places.shape == (0, 2)
    assert map_of_players(profiles[:1]).places.tolist() == [[0, 0]]
