from __future__ import annotations

import math

from chessgru.game import Game
from chessgru.overview import games_table, opening_name, sharing, sides_table
from chessgru.overview_charts import lengths_of_games, openings_of_players, sharing_by_ply
from chessgru.pgn import parse

PGN = """[White "Dad"]
[Black "Son"]
[Result "1-0"]

1. e4 c5 2. Nf3 1-0

[White "Son"]
[Black "Dad"]
[Result "1/2-1/2"]

1. Nf3 c5 2. e4 1/2-1/2

[White "Dad"]
[Black "Son"]
[Result "*"]

1. e4 c5 2. Nc3 *
"""


def games() -> list[Game]:
    return parse(PGN)[0]


def test_games_and_sides() -> None:
    table = games_table(games())
    assert table["opening"].tolist() == ["Sicilian Defense"] * 3
    assert table["plies"].tolist() == [3, 3, 3]
    points = sides_table(table).set_index(["player", "color"])["points"].sort_index()
    assert points["Dad", "Black"].item() == 0.5
    assert points["Son", "Black"].tolist()[0] == 0
    assert math.isnan(points["Dad", "White"].tolist()[1])


def test_a_game_without_a_known_opening_has_none() -> None:
    assert opening_name(Game(tokens=())) == ""


def test_sharing_counts_moves_and_positions() -> None:
    table = sharing(games(), plies=3).set_index("ply")
    assert table["games"].tolist() == [3, 3, 3]
    assert table.loc[1, "moves"] == 2 / 3  # 1.e4 twice, 1.Nf3 once
    assert table.loc[2, "position"] == 2 / 3
    assert table.loc[3, "moves"] == 0
    assert table.loc[3, "position"] == 2 / 3  # the first two games met again


def test_sharing_leaves_out_games_that_are_over() -> None:
    short = parse("1. e4 *")[0]
    table = sharing([*games(), *short], plies=10)
    assert table["games"].tolist() == [4, 3, 3]


def test_pictures_show_the_numbers() -> None:
    table = games_table(games())
    lengths = lengths_of_games(table).to_dict()
    assert "median, 2 moves" in lengths["title"]["subtitle"]
    openings = openings_of_players(sides_table(table), ["Dad", "Son"]).to_dict()
    rows = [row for data in openings["datasets"].values() for row in data]
    assert sum(row["size"] for row in rows) == 6
    assert sharing_by_ply(sharing(games(), 3)).to_dict()["mark"]["type"] == "line"
