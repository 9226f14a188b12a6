"""The games that come with the project."""

from __future__ import annotations

from chessgru.game import Game
from chessgru.pgn import read_all
from chessgru.samples import sample_games, sample_path


def test_samples_are_labelled_and_read_as_our_own_reader_does() -> None:
    games = sample_games()
    expected, rejected = read_all(sample_path())
    assert rejected == []
    assert [game.tokens for game in games] == [game.tokens for game in expected]
    for game, other in zip(games, expected, strict=True):
        for field in ("white", "black", "white_rating", "black_rating", "result", "date", "event", "round"):
            assert getattr(game, field) == getattr(other, field)


def test_both_sit_on_both_sides() -> None:
    games: list[Game] = sample_games()
    assert {(game.white, game.black) for game in games} == {("Dad", "Son"), ("Son", "Dad")}
    assert all(game.event == "Simulated game" for game in games)
