"""Replay and legal moves against python-chess, the referee."""

from __future__ import annotations

import random

import chess
import pytest
import torch

from chessgru import movegen, vocabulary
from chessgru import replay as rules
from chessgru.jit import on_disk
from chessgru.positions import boards_of
from chessgru.replay import BLACK, Boards, from_mover, legal_moves, mirror_tokens, position_keys, replay


@pytest.fixture(params=["compiled", "arrays"])
def way(request, monkeypatch):
    """Both ways to the same answer: compiled on the processor, and array operations for other devices."""
    monkeypatch.setattr(rules, "_compiled", lambda _: request.param == "compiled")


def random_game(rng: random.Random, plies: int = 160) -> list[int]:
    """A playout that prefers captures, checks, castling, promotions and en passant."""
    board, tokens = chess.Board(), []
    while len(tokens) < plies and not board.is_game_over():
        moves = list(board.legal_moves)
        sharp = [
            move
            for move in moves
            if board.is_castling(move)
            or board.is_en_passant(move)
            or move.promotion
            or board.gives_check(move)
        ]
        pushes = [move for move in moves if board.piece_type_at(move.from_square) == chess.PAWN]
        pool = sharp if sharp and rng.random() < 0.5 else pushes if pushes and rng.random() < 0.4 else moves
        move = rng.choice(pool)
        tokens.append(vocabulary.token_of(move))
        board.push(move)
    return tokens


def piece_codes(board: chess.Board) -> list[int]:
    pieces = [board.piece_at(square) for square in chess.SQUARES]
    return [piece.piece_type + (0 if piece.color else BLACK) if piece else 0 for piece in pieces]


def assert_same(boards: Boards, legal: torch.Tensor, board: chess.Board) -> None:
    assert boards.squares.tolist() == piece_codes(board)
    rights = [board.has_kingside_castling_rights(True), board.has_queenside_castling_rights(True)]
    rights += [board.has_kingside_castling_rights(False), board.has_queenside_castling_rights(False)]
    assert boards.castling.tolist() == rights
    assert boards.en_passant.item() == (64 if board.ep_square is None else board.ep_square)
    assert boards.halfmove_clock.item() == board.halfmove_clock
    expected = {vocabulary.token_of(move) for move in board.legal_moves}
    assert set(legal.nonzero().flatten().tolist()) == expected, board.fen()


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("seed", range(2))
def test_every_position_of_random_games_equals_python_chess(seed: int) -> None:
    rng = random.Random(seed)
    games = [random_game(rng) for _ in range(40)]
    longest = max(map(len, games))
    tokens = torch.tensor([game + [0] * (longest - len(game)) for game in games])
    boards = replay(tokens)
    for row, game in enumerate(games):
        line = boards.at((row, slice(len(game) + 1)))
        moves = legal_moves(from_mover(line)).moves  # as the mover writes them
        board = chess.Board()
        for ply in range(len(game) + 1):
            mover_tokens = moves[ply].nonzero().flatten()
            black = line.black_to_move[ply]
            absolute = torch.zeros(vocabulary.SIZE, dtype=torch.bool)
            absolute[mirror_tokens(mover_tokens, black.expand_as(mover_tokens))] = True
            assert_same(line.at(ply), absolute, board)
            if ply < len(game):
                board.push(vocabulary.MOVES[game[ply]])


@pytest.mark.usefixtures("way")
def test_attacks_equal_python_chess() -> None:
    game = random_game(random.Random(9), 60)
    line = replay(torch.tensor([game])).at(0)
    attacks = legal_moves(from_mover(line)).attacks
    board = chess.Board()
    for ply, token in enumerate(game):
        seen = board if board.turn else board.mirror()
        for pair in range(0, attacks.shape[1], 7):
            move = vocabulary.MOVES[pair]
            assert attacks[ply, pair].item() == (move.to_square in seen.attacks(move.from_square))
        board.push(vocabulary.MOVES[token])


def test_position_keys_are_equal_where_the_position_repeats() -> None:
    rng = random.Random(5)
    seen: dict[int, str] = {}
    for _ in range(20):
        game = random_game(rng, 60)
        line = replay(torch.tensor([game])).at(0)
        board = chess.Board()
        for ply, key in enumerate(position_keys(line).tolist()):
            ready = board.ep_square is not None and board.has_pseudo_legal_en_passant()
            passing = board.ep_square if ready else "-"
            name = f"{board.board_fen()} {board.turn} {board.castling_xfen()} {passing}"
            assert seen.setdefault(key, name) == name
            if ply < len(game):
                board.push(vocabulary.MOVES[game[ply]])
    assert len(set(seen.values())) == len(seen)


def test_transposed_orders_reach_one_key() -> None:
    orders = ["d2d4 g8f6 c2c4", "c2c4 g8f6 d2d4"]
    tokens = torch.tensor([[vocabulary.UCI.index(uci) for uci in order.split()] for order in orders])
    first, second = position_keys(replay(tokens).at((slice(None), 3)))
    assert first == second


def test_what_follows_a_game_is_harmless() -> None:
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(vocabulary.SIZE, (50, 60), generator=generator)  # nonsense, as padding is
    boards = replay(tokens).flatten()
    assert int(boards.squares.min()) >= 0
    legal = legal_moves(from_mover(boards))
    assert legal.moves.shape == (50 * 61, vocabulary.SIZE)


@pytest.mark.parametrize(
    "fen",
    [
        "8/8/8/KPp4r/8/8/8/7k w - c6 0 1",  # two pawns leave the rank at once
        "r3k2r/8/8/8/8/8/6q1/R3K2R w KQkq - 0 1",
        "4k3/8/8/8/1b6/8/3N4/4K3 w - - 0 1",
        "4k3/P6P/8/8/8/8/p6p/1N2K1N1 b - - 5 1",
        "k7/8/8/3pP3/8/8/8/4K2R w K d6 0 1",
        "8/8/8/8/8/8/8/8 w - - 0 1",
    ],
)
def test_positions_that_are_set_up(fen: str) -> None:
    board = chess.Board(fen)
    here = from_mover(boards_of(board))
    moves = legal_moves(here).moves[0].nonzero().flatten()
    absolute = mirror_tokens(moves, here.black_to_move.expand_as(moves)).tolist()
    assert set(absolute) == {vocabulary.token_of(move) for move in board.legal_moves}


def test_nobody_waits_for_the_compiler_for_a_few_positions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(movegen, "on_disk", lambda *_: False)
    assert not movegen.worth(movegen.MANY - 1)
    assert movegen.worth(movegen.MANY)
    monkeypatch.setattr(movegen, "on_disk", lambda *_: True)
    assert movegen.worth(1)  # a long game was read meanwhile


def test_what_many_positions_compiled_is_found_on_disk() -> None:
    replay(torch.zeros(2, movegen.MANY, dtype=torch.int64))
    assert on_disk(movegen._replay) == (movegen._replay.stats.cache_path is not None)
    assert not on_disk(len)
