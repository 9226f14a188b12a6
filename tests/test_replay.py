"""Replay and legal moves against python-chess, the referee."""

from __future__ import annotations

import random

import chess
import pytest
import torch

from chessgru import vocabulary
from chessgru.replay import BLACK, Boards, from_mover, legal_moves, mirror_tokens, position_keys, replay


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


@pytest.mark.parametrize("seed", range(4))
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
