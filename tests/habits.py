"""Made-up people with habits, their games, and a tiny untrained model: enough to learn a person from."""

from __future__ import annotations

import random

import chess
import torch

from chessgru.checkpoint import Checkpoint, model_digest
from chessgru.game import Game
from chessgru.model import ModelConfig, MoveGRU
from chessgru.vocabulary import token_of

torch.set_num_threads(1)  # more of them only wait for each other on such small games

LIKES = {"Ann": chess.KNIGHT, "Bob": chess.PAWN, "Cid": chess.BISHOP}


def tiny_model() -> MoveGRU:
    torch.manual_seed(3)
    config = ModelConfig(
        channels=8, blocks=1, late_blocks=1, hidden=16, condition=8, style=4, head=8, move_embedding=4
    )
    return MoveGRU(config).eval()


def tiny_base() -> Checkpoint:
    model = tiny_model()
    return Checkpoint(model=model, digest=model_digest(model))


def _move(board: chess.Board, name: str, rng: random.Random) -> chess.Move:
    moves = sorted(board.legal_moves, key=str)
    liked = [move for move in moves if board.piece_type_at(move.from_square) == LIKES.get(name)]
    usual = (liked or moves)[-1 if name == "Cid" else 0]
    return usual if rng.random() < 0.5 else rng.choice(liked or moves)


def play(white: str, black: str, seed: int, plies: int = 24, **tags: object) -> Game:
    """Returns one game: everybody moves the piece he likes, half of the time always the same way."""
    rng, board, tokens = random.Random(seed), chess.Board(), []
    while len(tokens) < plies and not board.is_game_over():
        move = _move(board, white if board.turn else black, rng)
        tokens.append(token_of(move))
        board.push(move)
    date = f"20{10 + seed // 300:02d}.{1 + seed // 28 % 12:02d}.{1 + seed % 28:02d}"
    return Game(tokens=tuple(tokens), white=white, black=black, date=date, **tags)  # type: ignore[arg-type]


def games_of(name: str, count: int, *, first: int = 0, other: str = "Dan", plies: int = 24) -> list[Game]:
    """Returns games of somebody with both colors in turn, by date."""
    return [
        play(name, other, seed, plies) if seed % 2 else play(other, name, seed, plies)
        for seed in range(first, first + count)
    ]
