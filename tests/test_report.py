"""Reports on players whose games are known by construction."""

from __future__ import annotations

import chess
import numpy as np
import pytest
import torch

from chessgru import vocabulary
from chessgru.checkpoint import Checkpoint
from chessgru.errors import ProfileError, SettingsError
from chessgru.game import Game
from chessgru.memory import remember
from chessgru.model import ModelConfig, MoveGRU
from chessgru.predictor import Predictor, Seat
from chessgru.repertoire import Branch, Tally, numbered, reactions, repertoire
from chessgru.report import PlayerReport, ReportConfig, report_on

TINY = ModelConfig(
    channels=8, blocks=1, late_blocks=1, hidden=16, condition=8, style=4, head=8, move_embedding=8
)
ANN = frozenset({"ann"})


def tokens(line: str) -> tuple[int, ...]:
    board = chess.Board()
    return tuple(vocabulary.token_of(board.push_san(san)) for san in line.split())


def played(line: str, times: int = 1, *, result: str = "1-0", color: str = "white", **more) -> list[Game]:
    people = {"white": "Ann", "black": "Bob"} if color == "white" else {"white": "Bob", "black": "Ann"}
    return [Game(tokens=tokens(line), result=result, **people, **more) for _ in range(times)]


GAMES = [
    *played("e4 c5 Nf3 d6 d4", 6, date="2020.01.01", white_rating=1500),
    *played("e4 c5 Nf3 Nc6 Bb5", 2, result="0-1", date="2021.01.01", white_rating=1520),
    *played("e4 e5 Nf3 Nc6 Bb5", 4, result="1/2-1/2", date="2022.01.01", white_rating=1540),
    *played("Nf3 c5 e4 d6 d4", 3, result="*", date="2023.01.01", white_rating=1560),
    *played("e4 e5 Nf3", 5, result="0-1", color="black", date="2024.01.01", black_rating=1580),
    *played("d4 d5", 1, color="black", date="2024.02.01"),
]


@pytest.fixture(scope="module")
def base() -> Checkpoint:
    torch.manual_seed(1)
    return Checkpoint(model=MoveGRU(TINY).eval(), digest="tiny")


@pytest.fixture(scope="module")
def report(base: Checkpoint) -> PlayerReport:
    return report_on("Ann", GAMES, ANN, base, ReportConfig(read=10, visits=3))


def follow(branches: tuple[Branch, ...], line: str) -> Branch:
    found = None
    for san in line.split():
        found = next(branch for branch in branches if branch.san == san)
        branches = found.branches
    assert found is not None
    return found


def test_tree_counts_games_and_results_by_color() -> None:
    white = repertoire(GAMES, ANN, "white")
    assert white.tally == Tally(15, 6, 4, 2)
    assert white.tally.score == pytest.approx(8 / 12)
    assert [branch.san for branch in white.branches] == ["e4", "Nf3"]
    sicilian = follow(white.branches, "e4 c5")
    assert (sicilian.tally, sicilian.own) == (Tally(8, 6, 0, 2), False)
    assert sicilian.opening == "Sicilian Defense"
    assert follow(white.branches, "e4").own
    black = repertoire(GAMES, ANN, "black")
    assert follow(black.branches, "e4 e5").own
    assert [branch.san for branch in black.branches] == ["e4"]
    assert [branch.san for branch in repertoire(GAMES, ANN, "black", fewest=1).branches] == ["e4", "d4"]
    assert black.tally == Tally(6, 5, 0, 1)


def test_transpositions_are_told_apart() -> None:
    white = repertoire(GAMES, ANN, "white")
    one, other = follow(white.branches, "e4 c5 Nf3"), follow(white.branches, "Nf3 c5 e4")
    assert (one.tally.games, one.here) == (8, 11)
    assert (other.tally.games, other.here) == (3, 11)
    assert other.tally.score is None
    assert follow(white.branches, "e4").here == 12


def test_tree_stops_where_it_should() -> None:
    assert repertoire(GAMES, ANN, "white", plies=1).branches[0].branches == ()
    rare = repertoire(GAMES, ANN, "white", fewest=5)
    assert [branch.san for branch in rare.branches] == ["e4"]
    assert repertoire(GAMES, {"zoe"}, "white").branches == ()


def test_reactions_answer_the_opponents_tries() -> None:
    first = reactions(repertoire(GAMES, ANN, "white"))[0]
    assert (first.line, first.tally.games) == ("1. e4 c5", 8)
    assert [(answer.san, answer.tally.games) for answer in first.answers] == [("Nf3", 8)]
    [black] = reactions(repertoire(GAMES, ANN, "black"))
    assert (black.line, black.answers[0].san) == ("1. e4", "e5")
    assert numbered(["e4", "c5", "Nf3"]) == "1. e4 c5 2. Nf3"


def test_report_holds_both_colors_and_the_facts(report: PlayerReport) -> None:
    assert (report.games, report.read, report.rating) == (21, 10, 1580)
    assert (report.first_date, report.last_date) == ("2020.01.01", "2024.02.01")
    assert [tree.side for tree in report.repertoires] == ["white", "black"]
    assert [each.side for each in report.tendencies] == ["white", "black"]
    assert any("games without a result: 3" in note for note in report.notes)


def test_surprise_is_what_the_predictor_says(report: PlayerReport, base: Checkpoint) -> None:
    bits = []
    for game in GAMES[-10:]:
        seats = (Seat(rating=game.white_rating), Seat(rating=game.black_rating))
        found = Predictor(base.model, *seats).predict(game.tokens)
        bits += found.surprise_bits[game.white != "Ann" :: 2]
    everything = report.predictability[0]
    assert (everything.phase, everything.moves) == ("all", len(bits))
    assert everything.bits == pytest.approx(np.mean(bits), abs=1e-4)
    assert sum(part.moves for part in report.predictability[1:]) == everything.moves


def test_earlier_games_make_him_more_predictable(report: PlayerReport, base: Checkpoint) -> None:
    everything = report.predictability[0]
    assert everything.known_bits is not None
    assert everything.known_bits < everything.bits
    alone = report_on("Ann", GAMES, ANN, base, ReportConfig(read=100))
    assert alone.predictability[0].known_bits is None


def test_deviations_count_all_games_and_weigh_them(report: PlayerReport, base: Checkpoint) -> None:
    start = next(each for each in report.deviations if not each.ucis)
    assert (start.san, start.times, start.visits, start.line) == ("e4", 12, 15, "")
    usual = next(move for move in _first_moves(base) if move.san == "e4")
    assert start.expected == pytest.approx(usual.probability, abs=0.02)
    assert start.bits > 0
    after = next(each for each in report.deviations if each.side == "black")
    assert (after.san, after.times, after.visits, after.line) == ("e5", 5, 5, "1. e4")
    assert [each.bits for each in report.deviations] == sorted(
        (each.bits for each in report.deviations), reverse=True
    )
    assert all(each.visits >= 3 for each in report.deviations)
    for each in report.deviations:
        assert chess.Move.from_uci(each.uci) in chess.Board(each.fen).legal_moves


def test_a_slip_is_no_deviation(base: Checkpoint) -> None:
    games = [*played("e4 e5 Nf3", 8), *played("e4 e5 Ke2", 1)]
    found = report_on("Ann", games, ANN, base).deviations
    assert {each.san for each in found} == {"e4", "Nf3"}


def test_what_is_expected_is_no_deviation(base: Checkpoint) -> None:
    usual = Predictor(base.model, Seat(), Seat()).predict(()).white.suggestions
    games = [game for move in usual for game in played(move.san + " ", round(100 * move.probability))]
    largest = max((each.bits for each in report_on("Ann", games, ANN, base).deviations), default=0.0)
    assert largest < 0.02


def _first_moves(base: Checkpoint):
    return Predictor(base.model, Seat(rating=1550), Seat()).predict(()).white.suggestions


def test_pieces_and_squares_are_shares(report: PlayerReport) -> None:
    for each in report.tendencies:
        assert (len(each.pieces), len(each.squares)) == (6, 64)
        for shares in (each.pieces, each.squares):
            assert sum(share.share for share in shares) == pytest.approx(1)
            assert sum(share.expected for share in shares) == pytest.approx(1, abs=1e-5)
    white, black = report.tendencies
    pieces = {share.name: share.share for share in white.pieces}
    read = [game for game in GAMES[-10:] if game.white == "Ann"]
    moves = sum((len(game.tokens) + 1) // 2 for game in read)
    assert white.moves == moves
    assert pieces["queen"] == 0
    assert pieces["knight"] == pytest.approx(len(read) / moves)
    assert black.favourites(1)[0].name == "e5"
    assert all(square.share > square.expected for square in black.favourites(64))
    assert {share.name: share.share for share in black.pieces}["pawn"] == 1


def test_one_color_and_no_ratings_are_noted(base: Checkpoint) -> None:
    found = report_on("Ann", played("e4 e5", 2), ANN, base)
    assert [tree.side for tree in found.repertoires] == ["white"]
    assert [*found.reactions] == ["white"]
    assert found.rating is None
    assert "no game with black" in found.notes
    assert any("too few" in note for note in found.notes)
    assert any("unknown in 2 of 2" in note for note in found.notes)
    assert found.deviations == ()


def test_games_without_a_move_of_his_are_passed_over(base: Checkpoint) -> None:
    games = [*played("e4", 2, color="black"), *played("e4 e5", 1)]
    found = report_on("Ann", games, ANN, base)
    assert (found.games, found.read) == (3, 1)


def test_no_game_and_bad_settings_are_told(base: Checkpoint) -> None:
    for games in ([], played("e4", 2, color="black"), [Game(tokens=(1,), white="Ann", black="ann")]):
        with pytest.raises(ProfileError, match="Ann: no game to report on"):
            report_on("Ann", games, ANN, base)
    with pytest.raises(SettingsError, match="read must be at least 1"):
        ReportConfig(read=0)


def test_memory_used_for_deviations_is_of_all_games(report: PlayerReport) -> None:
    assert max(each.visits for each in report.deviations) == 15
    assert remember(GAMES, ANN).games == 21
