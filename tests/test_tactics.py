"""What captures are worth and what moves do: known positions, and both ways against each other."""

from __future__ import annotations

import random

import chess
import pytest
import torch
from test_replay import random_game

from chessgru import movegen, tactics, vocabulary
from chessgru.positions import boards_of
from chessgru.replay import Boards, from_mover, legal_moves, mirror_tokens, replay
from chessgru.tactics import EFFECTS, effects, exchange, exchange_planes


@pytest.fixture(params=["compiled", "one by one"])
def way(request, monkeypatch):
    """Both ways to the same answer."""
    monkeypatch.setattr(tactics, "worth", lambda _: request.param == "compiled")


def effects_of(board: chess.Board) -> dict[str, dict[str, float]]:
    """What each legal move does, by its UCI notation and the effect's name; pawns in pawns."""
    seen = from_mover(boards_of(board))
    position, token = legal_moves(seen).moves.nonzero().unbind(1)
    found = effects(seen, position, token)
    moves = mirror_tokens(token, torch.tensor(board.turn == chess.BLACK).expand_as(token))
    return {
        vocabulary.MOVES[int(move)].uci(): {
            name: value * 4 if "pawn" in name else value
            for name, value in zip(EFFECTS, row.tolist(), strict=True)
        }
        for move, row in zip(moves, found, strict=True)
    }


@pytest.mark.parametrize(
    ("fen", "square", "gain"),
    [
        ("4k3/8/8/3p4/8/8/3R4/4K3 w - - 0 1", "d5", 1),  # nobody defends it
        ("4k3/8/2p5/3p4/8/8/3R4/4K3 w - - 0 1", "d5", 0),  # a rook for a pawn
        ("4k3/8/2p5/3p4/4P3/8/3R4/4K3 w - - 0 1", "d5", 1),  # the pawn takes first, the rook stands behind
        ("3rk3/3r4/8/3q4/8/8/3R4/3RK3 w - - 0 1", "d5", 4),  # a queen for a rook, and no more
        ("4k3/8/4p3/3n4/8/1B6/B7/4K3 w - - 0 1", "d5", 1),  # bishop and bishop against knight and pawn
        ("8/8/3k4/3p4/8/8/8/3RK3 w - - 0 1", "d5", 0),  # the king defends
        ("8/8/3k4/3p4/8/8/3R4/3RK3 w - - 0 1", "d5", 1),  # he may not take back
        ("4k3/8/8/3p4/4K3/8/8/8 w - - 0 1", "d5", 1),  # a king takes
        ("4k3/8/2p5/3p4/4K3/8/8/8 w - - 0 1", "d5", 0),
    ],
)
def test_an_exchange_is_played_while_it_pays(way, fen: str, square: str, gain: int) -> None:
    board, at = chess.Board(fen), chess.parse_square(square)
    assert exchange(board, at, chess.WHITE) == gain
    planes = exchange_planes(from_mover(boards_of(board)))
    assert planes[0, at].tolist() == [gain / 4, 0]


def test_what_moves_take_and_leave_behind(way) -> None:
    board = chess.Board("4k3/8/1p6/2n5/8/1R3N2/8/4K3 w - - 0 1")
    found = effects_of(board)
    assert found["b3b6"]["pawns taken"] == 1
    assert found["b3b6"]["pawns at risk on the target"] == 0
    assert found["b3c3"]["pawns at risk on the target"] == 0
    assert found["b3c3"]["most pawns threatened"] == 0  # the pawn defends the knight
    assert found["f3e5"]["most pawns at risk elsewhere"] == 5  # the knight takes the rook
    assert {each["most pawns at risk before"] for each in found.values()} == {5}
    assert found["b3b1"]["pawns at risk on the origin before"] == 5
    assert found["f3e5"]["pawns at risk on the origin before"] == 0


def test_checks_and_mates(way) -> None:
    board = chess.Board()
    for move in ("f3", "e5", "g4"):
        board.push_san(move)
    found = effects_of(board)
    assert [move for move, each in found.items() if each["mate"]] == ["d8h4"]
    assert [move for move, each in found.items() if each["check"]] == ["d8h4"]
    board = chess.Board("rnbqkbnr/ppppp1pp/8/8/8/8/PPPP1PPP/RNBQKBNR w KQkq - 0 1")
    found = effects_of(board)
    assert found["d1h5"]["check"] == 1
    assert found["d1h5"]["mate"] == 0


def test_a_check_is_no_mate_if_the_pawn_can_be_taken_en_passant(way) -> None:
    board = chess.Board("6R1/8/8/6Bk/5p2/7K/6P1/8 w - - 0 1")
    assert effects_of(board)["g2g4"]["check"] == 1
    assert effects_of(board)["g2g4"]["mate"] == 0
    board.remove_piece_at(chess.F4)
    assert effects_of(board)["g2g4"]["mate"] == 1


def test_special_moves(way) -> None:
    board = chess.Board("r3k2r/1P6/8/4pP2/8/8/8/R3K2R w KQkq e6 0 1")
    found = effects_of(board)
    assert found["f5e6"]["castling or en passant"] == 1
    assert found["f5e6"]["pawns taken"] == 1
    assert found["e1g1"]["castling or en passant"] == 1
    assert found["b7a8q"]["promotion to a queen"] == 1
    assert found["b7a8q"]["check"] == 1
    assert found["b7a8n"]["other promotion"] == 1
    assert found["b7a8n"]["pawns taken"] == 5
    assert found["f5f6"]["castling or en passant"] == 0


def positions(seed: int, games: int) -> Boards:
    rng = random.Random(seed)
    lines = [replay(torch.tensor([random_game(rng, 80)])).flatten() for _ in range(games)]
    return Boards(*(torch.cat(fields) for fields in zip(*lines, strict=True)))


def test_both_ways_say_the_same(monkeypatch) -> None:
    seen = from_mover(positions(seed=3, games=4))
    position, token = legal_moves(seen).moves.nonzero().unbind(1)
    results = []
    for compiled in (True, False):
        monkeypatch.setattr(tactics, "worth", lambda _, compiled=compiled: compiled)
        results.append((exchange_planes(seen), effects(seen, position, token)))
    (planes, found), (expected_planes, expected) = results
    assert torch.equal(planes, expected_planes)
    wrong = (found != expected).nonzero()
    assert not len(wrong), [EFFECTS[int(column)] for _, column in wrong[:5]]
    seldom = [name for name, column in zip(EFFECTS, expected.T, strict=True) if not column.any()]
    assert not seldom


def test_few_positions_do_not_wait_for_the_compiler(monkeypatch) -> None:
    monkeypatch.setattr(tactics, "on_disk", lambda *_: False)
    assert not tactics.worth(1)
    assert tactics.worth(movegen.MANY)
