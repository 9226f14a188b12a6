from __future__ import annotations

import io
import random

import chess
import chess.pgn
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chessgru.errors import MoveError
from chessgru.game import Game
from chessgru.session import LiveGame
from chessgru.vocabulary import MOVES


def played(text: str) -> LiveGame:
    return LiveGame.from_moves(text.split())


def random_line(seed: int, plies: int) -> list[str]:
    rng = random.Random(seed)
    board = chess.Board()
    moves = []
    while len(moves) < plies and not board.is_game_over():
        move = rng.choice(list(board.legal_moves))
        moves.append(move.uci())
        board.push(move)
    return moves


@pytest.mark.parametrize(
    ("before", "text", "san"),
    [
        ("", "e4", "e4"),
        ("", "e2e4", "e4"),
        ("", "E2E4", "e4"),
        ("", "nf3", "Nf3"),
        ("", " Nf3!? ", "Nf3"),
        ("e4 e5 Nf3 Nc6 Bc4 Bc5", "0-0", "O-O"),
        ("e4 e5 Nf3 Nc6 Bc4 Bc5", "o-o", "O-O"),
        ("e4 e5 Nf3 Nc6 Bc4 Bc5", "e1g1", "O-O"),
        ("e4 d5", "exd5", "exd5"),
        ("e4 d5 exd5 c6 dxc6 Nf6 cxb7 Nd5", "bxa8=Q", "bxa8=Q"),
        ("e4 d5 exd5 c6 dxc6 Nf6 cxb7 Nd5", "b7a8n", "bxa8=N"),
        ("f3 e5 g4", "Qh4+", "Qh4#"),
        ("e4 d5 Bb5+", "bd7", "Bd7"),
    ],
)
def test_a_move_is_read_as_san_or_uci(before: str, text: str, san: str) -> None:
    assert played(before).play(text).sans[-1] == san


def test_a_pawn_move_is_not_taken_for_a_bishops() -> None:
    game = played("e4 e5 Nf3 Nc6 d4 exd4 c3 dxc3")
    assert game.play("bxc3").line[-1].uci == "b2c3"


@pytest.mark.parametrize(
    "text", ["", "  ", "e5", "Ke2", "xyzzy", "e2e5", "0000", "--", "e9", "x" * 500, "Nf3\nNf6"]
)
def test_what_is_no_legal_move_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(MoveError) as caught:
        LiveGame().play(text)
    assert "not a legal move for White" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 120


def test_playing_returns_a_new_game_and_leaves_the_old_one() -> None:
    first = LiveGame()
    second = first.play("e4")
    assert (first.line, first.cursor) == ((), 0)
    assert (second.sans, second.cursor, second.to_move) == (("e4",), 1, "black")


def test_the_position_and_the_tokens_follow_the_cursor() -> None:
    game = played("e4 c5 Nf3")
    back = game.back()
    assert [MOVES[token].uci() for token in back.tokens] == ["e2e4", "c7c5"]
    assert back.board().fen() == back.fen
    assert game.start().fen == chess.STARTING_FEN
    assert back.forward() == game
    assert game.start().back() == game.start()
    assert game.end().forward() == game
    assert game.at(99).cursor == 3
    assert game.at(-4).cursor == 0


def test_a_cursor_outside_of_the_line_is_refused() -> None:
    with pytest.raises(MoveError, match="ply 1 is outside"):
        LiveGame(cursor=1)


def test_a_move_from_an_earlier_position_replaces_the_rest() -> None:
    game = played("e4 c5 Nf3").at(1).play("e5")
    assert game.sans == ("e4", "e5")


def test_taking_back_removes_plies_but_first_undoes_an_agreed_ending() -> None:
    game = played("e4 c5 Nf3")
    assert game.take_back().sans == ("e4", "c5")
    assert game.take_back(2).sans == ("e4",)
    assert LiveGame().take_back() == LiveGame()
    assert game.resign("black").take_back() == game
    mated = played("f3 e5 g4 Qh4")
    assert mated.take_back().sans == ("f3", "e5", "g4")
    assert not mated.take_back().is_over


def test_taking_back_while_an_earlier_position_is_looked_at_loses_one_ply_only() -> None:
    game = played("e4 c5 Nf3 d6").at(1).take_back()
    assert (game.sans, game.at_end) == (("e4", "c5", "Nf3"), True)
    assert played("e4 c5").resign("white").at(0).take_back() == played("e4 c5")


@pytest.mark.parametrize(
    ("moves", "result", "ending"),
    [
        ("f3 e5 g4 Qh4", "0-1", "checkmate"),
        (
            "e3 a5 Qh5 Ra6 Qxa5 h5 h4 Rah6 Qxc7 f6 Qxd7+ Kf7 Qxb7 Qd3 Qxb8 Qh7 Qxc8 Kg6 Qe6",
            "1/2-1/2",
            "stalemate",
        ),
    ],
)
def test_the_board_ends_a_game(moves: str, result: str, ending: str) -> None:
    game = played(moves)
    assert (game.result, game.ending) == (result, ending)
    assert game.moves() == {}
    assert game.back().moves()
    with pytest.raises(MoveError, match="the game is over"):
        game.play("a6")


def test_five_times_the_same_position_is_a_draw() -> None:
    shuffle = ["Nf3", "Nf6", "Ng1", "Ng8"]
    game = LiveGame.from_moves(shuffle * 3)
    assert game.repetitions() == 4
    assert not game.is_over
    assert LiveGame.from_moves(shuffle * 4).ending == "the position came up five times"


def test_players_end_a_game() -> None:
    game = played("e4 e5")
    assert game.start().resign("white").result == "0-1"
    assert game.start().resign("white").at_end
    assert game.resign("black").ending == "Black resigned"
    assert game.draw().result == "1/2-1/2"
    assert game.flag("white").result == "0-1"
    with pytest.raises(MoveError, match="over already"):
        game.draw().resign("white")


def bare_white_king() -> LiveGame:
    """Returns a game in which Black took everything, White moving as he must."""
    rng = random.Random(3)
    game, board = LiveGame(), chess.Board()
    while board.occupied_co[chess.WHITE] & ~board.kings:
        moves = [move for move in board.legal_moves if board.turn or not _ends(board, move)]
        captures = [move for move in moves if board.is_capture(move) and not board.turn]
        harmless = [move for move in moves if not board.is_capture(move)]
        move = rng.choice(captures or harmless or moves)
        board.push(move)
        game = game.play(move.uci())
    return game


def _ends(board: chess.Board, move: chess.Move) -> bool:
    board.push(move)
    over = board.is_game_over()
    board.pop()
    return over


def test_out_of_time_against_a_lone_king_is_a_draw() -> None:
    game = bare_white_king()
    assert game.flag("black").result == "1/2-1/2"
    assert game.flag("white").result == "0-1"


def test_legal_moves_are_those_of_python_chess() -> None:
    game = LiveGame.from_moves(random_line(5, 31))
    board = game.board()
    assert game.moves() == {move.uci(): board.san(move) for move in board.legal_moves}


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), plies=st.integers(0, 60))
def test_moves_tokens_and_pgn_come_back_as_they_were(seed: int, plies: int) -> None:
    game = LiveGame.from_moves(random_line(seed, plies))
    again = LiveGame.from_tokens([ply.token for ply in game.line], result=game.result)
    assert again == game
    read = chess.pgn.read_game(io.StringIO(game.to_pgn()))
    assert read is not None
    assert read.errors == []
    assert [move.uci() for move in read.mainline_moves()] == [ply.uci for ply in game.line]
    assert read.headers["Result"] == game.result


def test_a_game_of_a_file_keeps_its_clocks_and_result() -> None:
    tokens = tuple(ply.token for ply in played("e4 c5").line)
    game = LiveGame.from_game(Game(tokens=tokens, clocks=(3661.5, None), result="1-0"))
    assert game.line[0].clock == 3661.5
    assert game.result == "1-0"
    assert "{[%clk 1:01:01.5]}" in game.to_pgn()


@pytest.mark.parametrize(
    "name", ['A "quoted" \\ name', "two\nlines\r\n[Evil", "tab\tand\x00null", "ü" * 300]
)
def test_no_name_can_break_the_pgn(name: str) -> None:
    text = played("e4").to_pgn({"White": name})
    read = chess.pgn.read_game(io.StringIO(text))
    assert read is not None
    assert [move.uci() for move in read.mainline_moves()] == ["e2e4"]
    assert sum(line.startswith("[") for line in text.splitlines()) == 7
