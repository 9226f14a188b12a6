from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from habits import games_of, play, tiny_base

from chessgru.errors import ProfileError, SettingsError
from chessgru.learning import LearningConfig, game_number, learn, memory_only, take_in
from chessgru.own_moves import history, read
from chessgru.profiles import adapted

QUICK = LearningConfig(
    style_steps=4,
    passes=6,
    rank=2,
    adapters_from=20,
    adapter_rate=4e-2,
    bias_rate=1e-2,
    plies_per_batch=300,
)


@pytest.fixture(scope="module")
def base():
    torch.set_num_threads(1)
    return tiny_base()


@pytest.fixture(scope="module")
def ann(base):
    return learn(base, games_of("Ann", 40), {"ann"}, name="Ann", config=QUICK)


def surprise(base, profile, games):
    network = read(adapted(base.model, profile), history(games, profile.names), profile.style)
    return network.mixed(profile.memory, profile.k_own).nll().mean()


def test_a_person_is_learned(base, ann):
    later = games_of("Ann", 10, first=500)
    counts = memory_only(base, games_of("Ann", 40), {"ann"}, config=QUICK)
    nothing = read(base.model, history(later, {"ann"})).nll().mean()
    assert surprise(base, counts, later) < nothing
    assert surprise(base, ann, later) < surprise(base, counts, later) - 0.1


def test_the_report_says_what_each_part_gained(ann):
    assert ann.report.games == 6
    assert [gain.parts for gain in ann.report.gains] == [
        "base",
        "memory",
        "memory + style",
        "memory + style + adapters",
    ]
    used = [gain.nll for gain in ann.report.gains if gain.used]
    assert used == sorted(used, reverse=True)


def test_what_does_not_help_is_not_used(base):
    rng = np.random.default_rng(0)
    games = games_of("Ann", 34)
    aside = [play("Nan", "Dan", int(seed)) for seed in rng.integers(2000, 3000, 6)]
    turned = [replace(game, white="Ann", date="2029.01.01") for game in aside]  # plays quite otherwise now
    wild = replace(QUICK, adapter_rate=5.0)
    profile = learn(base, games + turned, {"ann"}, config=wild)
    gains = profile.report.gains
    for place, gain in enumerate(gains[2:], 2):
        before = min(other.nll for other in gains[1:place] if other.used)
        assert gain.used == (gain.nll < before)
    assert not gains[-1].used
    assert profile.adapters == {}


def test_one_game_gives_a_memory(base):
    profile = learn(base, games_of("Ann", 1), {"ann"}, config=QUICK)
    assert profile.games == 1
    assert not profile.style.any()
    assert profile.report.gains == ()


def test_a_player_without_games_is_an_error_of_one_line(base):
    with pytest.raises(ProfileError, match="no games of 'Zoe' among 3: import some") as caught:
        learn(base, games_of("Ann", 3), {"zoe"}, name="Zoe")
    assert "\n" not in str(caught.value)


def test_games_of_one_color_without_dates_ratings_and_with_namesakes(base):
    games = [replace(play("Ann", "Dan", seed), date="") for seed in range(8)]
    profile = learn(base, [*games, play("Ann", "Ann", 99)], {"ann"}, config=QUICK)
    assert profile.games == 8
    assert np.isfinite(profile.style).all()


def test_a_finished_game_is_taken_in_and_the_style_kept(base, ann):
    game = play("Ann", "Dan", 901)
    grown = take_in(ann, [game, play("Bob", "Cid", 902)])
    assert grown.games == ann.games + 1
    assert grown.memory.games == ann.memory.games + 1
    assert (grown.style == ann.style).all()
    assert take_in(grown, [game]) is grown


def test_learning_again_with_nothing_new_changes_nothing(base, ann):
    assert learn(base, games_of("Ann", 40), {"ann"}, previous=ann, config=QUICK) is ann


def test_a_few_new_games_go_into_the_memory(base, ann):
    again = learn(base, games_of("Ann", 43), {"ann"}, previous=ann, config=QUICK)
    assert again.games == 43
    assert again.adapters is ann.adapters


def test_more_new_games_go_on_from_the_last_style(base, ann):
    again = learn(base, games_of("Ann", 56), {"ann"}, previous=ann, config=QUICK)
    assert again.games == 56
    assert [gain.parts for gain in again.report.gains][2:] == [
        "the last profile's style",
        "style with the new games",
    ]
    later = games_of("Ann", 10, first=500)
    assert surprise(base, again, later) < surprise(base, ann, later) + 0.02


def test_growing_in_small_steps_learns_the_style_too(base, ann):
    profile, kinds = ann, []
    for count in range(48, 88, 8):
        grown = learn(base, games_of("Ann", count), {"ann"}, previous=profile, config=QUICK)
        kinds.append(grown.adapters is profile.adapters)
        profile = grown
    assert kinds == [True, False, True, False, True]
    assert len(profile.fitted) == 72
    assert profile.games == 80


def test_adapters_are_tried_once_there_are_games_enough(base):
    few = learn(base, games_of("Ann", 18), {"ann"}, config=QUICK)
    assert few.adapters == {}
    enough = learn(base, games_of("Ann", 24), {"ann"}, previous=few, config=QUICK)
    assert enough.report.gains[-1].parts == "memory + style + adapters"


def test_a_style_that_does_not_help_any_more_goes(base, ann):
    absurd = replace(ann, style=-100 * ann.style, adapters={})
    still = replace(QUICK, style_rate=0.0)
    again = learn(base, games_of("Ann", 56), {"ann"}, previous=absurd, config=still)
    assert [gain.used for gain in again.report.gains[2:]] == [False, False]
    assert not again.style.any()
    assert again.adapters == {}


def test_games_in_which_the_player_never_moved_are_no_trouble(base, ann):
    game = play("Dan", "Ann", 0)
    resigned = [replace(game, tokens=game.tokens[:1], date=f"2030.01.{day:02d}") for day in range(1, 6)]
    few = learn(base, [*games_of("Ann", 4), *resigned], {"ann"}, config=QUICK)
    assert few.games == 9
    assert np.isfinite([gain.nll for gain in few.report.gains]).all()
    only = learn(base, resigned, {"ann"}, config=QUICK)
    assert only.games == 5
    assert len(only.memory.keys) == 0
    new = [replace(each, site_id=str(number)) for number, each in enumerate(resigned * 3)]
    assert learn(base, [*games_of("Ann", 40), *new], {"ann"}, previous=ann, config=QUICK).games == 55


def test_a_profile_whose_games_are_gone_is_not_gone_on_from(base, ann):
    again = learn(base, games_of("Ann", 30, first=10), {"ann"}, previous=ann, config=QUICK)
    assert again.games == 30
    other = replace(ann, base="0" * 16)
    fresh = learn(base, games_of("Ann", 41), {"ann"}, previous=other, config=QUICK)
    assert fresh.base == base.digest


def test_learning_is_deterministic_and_tells_how_far_it_is(base):
    told = []
    one, other = (
        learn(
            base,
            games_of("Bob", 24),
            {"bob"},
            config=QUICK,
            progress=lambda share, what: told.append(share),
        )
        for _ in range(2)
    )
    assert (one.style == other.style).all()
    assert told[0] == 0
    assert told[-1] == 1
    assert game_number(play("Ann", "Bob", 1)) == game_number(play("Ann", "Bob", 1))


def test_settings_out_of_range_are_refused():
    with pytest.raises(SettingsError, match="aside_share"):
        LearningConfig(aside_share=1.5)
