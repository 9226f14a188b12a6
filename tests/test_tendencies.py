from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from chessgru.checkpoint import Checkpoint
from chessgru.game import Game
from chessgru.identification import map_of_players
from chessgru.learning import memory_only
from chessgru.model import ModelConfig, MoveGRU
from chessgru.pgn import parse
from chessgru.profile_charts import (
    gains_of_profile,
    games_needed,
    habits_against_the_crowd,
    live_game,
    map_of_styles,
    surprise_through_the_game,
    training_curve,
    who_is_it,
)
from chessgru.profiles import Gain, Profile, Report
from chessgru.tendencies import (
    as_himself,
    habits,
    line_of,
    live,
    recognized,
    saved_by_games,
    surprise_by_move,
)

LINES = ["1. e4 c5 2. Nf3 d6 3. d4 cxd4", "1. d4 d5 2. c4 e6 3. Nc3 Nf6"]


def some_games(count: int) -> list[Game]:
    """Dad is White in even games with 1.e4, Son in odd ones with 1.d4."""
    text = ""
    for number in range(count):
        white, black = ("Dad", "Son") if number % 2 == 0 else ("Son", "Dad")
        text += f'[White "{white}"]\n[Black "{black}"]\n[Round "{number}"]\n\n{LINES[number % 2]} *\n\n'
    return parse(text)[0]


@pytest.fixture(scope="module")
def base() -> Checkpoint:
    torch.manual_seed(0)
    model = MoveGRU(ModelConfig(channels=8, blocks=1, hidden=16)).eval()
    return Checkpoint(model=model, digest="0" * 16)


@pytest.fixture(scope="module")
def profiles(base: Checkpoint) -> list[Profile]:
    games = some_games(20)
    return [memory_only(base, games, {name.casefold()}, name=name) for name in ("Dad", "Son")]


def test_a_line_is_written_in_a_row() -> None:
    assert line_of(parse(LINES[0] + " *")[0][0].tokens) == LINES[0]


def test_his_profile_is_less_surprised_than_the_crowd(base: Checkpoint, profiles: list[Profile]) -> None:
    table = surprise_by_move(base, profiles, some_games(4), width=2)
    assert set(table["player"]) == {"Dad", "Son"}
    mean = table.groupby("by")["bits"].mean()
    assert mean["his profile"] < mean["the average person"] / 2
    assert sorted(set(table["move"])) == [1.5, 3.5]


def test_more_games_save_more(base: Checkpoint, profiles: list[Profile]) -> None:
    games = some_games(20)
    table = saved_by_games(base, profiles[0], games[:16], games[16:], (0, 2, 8, 100))
    assert table["games"].tolist() == [0, 2, 8, 16]
    assert set(table["stretch"]) == {"first ten moves"}
    assert table["bits"][0] == pytest.approx(0)
    assert (np.diff(table["bits"]) > 0).all()
    assert games_needed(table).to_dict()["title"]["text"]


def test_himself_reads_memory_and_head_to_head(base: Checkpoint, profiles: list[Profile]) -> None:
    moves = as_himself(base, profiles[0], some_games(2), profiles[0].names)
    assert len(moves) == 6
    assert (moves.rank() == 1).all()


def test_habits_name_the_moves_he_always_makes(base: Checkpoint, profiles: list[Profile]) -> None:
    table = habits(base, profiles, some_games(20), times=8)
    dad = table[table["player"] == "Dad"].set_index("line")
    assert dad.loc["1. e4", "share"] == 1
    assert dad.loc["1. e4", "times"] == 10
    assert dad.loc["1. e4", "crowd"] < 0.2
    assert "1. d4" not in dad.index
    assert "1. d4 d5" in dad.index
    assert table["nats"].is_monotonic_decreasing


def test_rare_positions_are_no_habits(base: Checkpoint, profiles: list[Profile]) -> None:
    assert habits(base, profiles, some_games(20), times=11).empty


def test_players_are_recognized_and_more_games_make_it_surer(
    base: Checkpoint, profiles: list[Profile]
) -> None:
    table = recognized(base, profiles, some_games(6), np.random.default_rng(0), counts=(1, 3, 50), draws=20)
    belief = table.set_index(["player", "games"])["probability"]
    assert set(table["games"]) == {1, 3}  # only six games are there
    for player in ("Dad", "Son"):
        assert 0.5 < belief[player, 1] < belief[player, 3] <= 1


def test_a_live_game_knows_both_players(base: Checkpoint, profiles: list[Profile]) -> None:
    game = some_games(1)[0]
    predictor, table = live(base, game, {profile.name: profile for profile in profiles})
    assert table["player"].tolist() == ["Dad", "Son"] * 3
    assert (table["known"] > table["base"]).all()
    assert predictor.predict([]).white.suggestions[0].san == "e4"


def test_pictures_of_people(base: Checkpoint, profiles: list[Profile]) -> None:
    report = Report(games=2, moves=9, gains=(Gain(parts="base", nll=2.0, top1=0.5, used=True),))
    games = some_games(6)
    _, table = live(base, games[0], {profile.name: profile for profile in profiles})
    found = recognized(base, profiles, games, np.random.default_rng(0), counts=(1,), draws=2)
    charts = [
        gains_of_profile(report, "Dad"),
        training_curve(np.ones(20), {0: 3.0, 20: 2.0}, 3.2),
        surprise_through_the_game(surprise_by_move(base, profiles, games)),
        habits_against_the_crowd(habits(base, profiles, some_games(20))),
        map_of_styles(map_of_players(profiles), ["Dad", "Son"]),
        who_is_it(found),
        live_game(table),
    ]
    for chart in charts:
        assert chart.to_dict()["title"]["subtitle"]


def test_long_lines_keep_their_last_move() -> None:
    long = LINES[0] + " 4. Nxd4 Nf6 5. Nc3 a6 6. Be2"
    row = {"player": "Dad", "line": long, "times": 9, "share": 0.9, "crowd": 0.1, "nats": 1.0}
    spec = habits_against_the_crowd(pd.DataFrame([row])).to_dict()
    (shown,) = (row["line"] for data in spec["datasets"].values() for row in data)
    assert shown.startswith("… ")
    assert shown.endswith("6. Be2")
