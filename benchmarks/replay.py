"""Compares replayed boards and legal moves with python-chess on real games, square by square, move by move.

    python benchmarks/replay.py GAMES.pgn … [--games 2000]

Exits with 1 at the first difference, naming the game and the ply.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from itertools import chain, islice
from pathlib import Path

import chess
import torch
from torch import Tensor

from chessgru import vocabulary
from chessgru.game import Game
from chessgru.pgn import read_games
from chessgru.replay import BLACK, Boards, from_mover, legal_moves, mirror_tokens, replay

GAMES_AT_ONCE = 64


def codes(board: chess.Board) -> list[int]:
    """Returns the 64 piece codes of a python-chess board."""
    squares = [0] * 64
    for square, piece in board.piece_map().items():
        squares[square] = piece.piece_type + (0 if piece.color else BLACK)
    return squares


def absolute(moves: Tensor, black: Tensor) -> list[set[int]]:
    """Returns each position's legal tokens in absolute coordinates."""
    found: list[set[int]] = [set() for _ in black]
    position, token = moves.nonzero().unbind(1)
    for row, each in zip(position.tolist(), mirror_tokens(token, black[position]).tolist(), strict=True):
        found[row].add(each)
    return found


def check(game: Game, line: Boards, seen: Counter[str]) -> None:
    """Compares one game; raises SystemExit at a difference."""
    squares, legal = (
        line.squares.tolist(),
        absolute(legal_moves(from_mover(line)).moves, line.black_to_move),
    )
    board = chess.Board()
    for ply in range(len(game.tokens) + 1):
        if squares[ply] != codes(board):
            raise SystemExit(
                f"{game.source}: game {game.index}, ply {ply}: other squares than {board.fen()}"
            )
        if legal[ply] != {vocabulary.token_of(move) for move in board.legal_moves}:
            raise SystemExit(f"{game.source}: game {game.index}, ply {ply}: other moves than {board.fen()}")
        seen["positions"] += 1
        if ply < len(game.tokens):
            move = vocabulary.MOVES[game.tokens[ply]]
            seen["castlings"] += board.is_castling(move)
            seen["en passant"] += board.is_en_passant(move)
            seen["promotions"] += move.promotion is not None
            board.push(move)


def main() -> None:
    """Compares and prints what was seen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--games", type=int, default=2000, help="of each file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    outcomes = (islice(read_games(path), options.games) for path in options.files)
    games = [game for game in chain.from_iterable(outcomes) if isinstance(game, Game)]
    seen: Counter[str] = Counter(games=len(games))
    spent = 0.0
    for start in range(0, len(games), GAMES_AT_ONCE):
        some = games[start : start + GAMES_AT_ONCE]
        longest = max(len(game.tokens) for game in some)
        tokens = torch.tensor([[*game.tokens, *([0] * (longest - len(game.tokens)))] for game in some])
        began = time.process_time()
        boards = replay(tokens)
        spent += time.process_time() - began
        for row, game in enumerate(some):
            check(game, boards.at((row, slice(len(game.tokens) + 1))), seen)
    print(", ".join(f"{count:,} {what}" for what, count in seen.items()) + ": no difference")
    print(f"replay alone: {seen['positions'] / spent:,.0f} boards a second of processor time")


if __name__ == "__main__":
    main()
