"""Short legal games between two invented people of plain habits, for tests that train and score."""

from __future__ import annotations

import random

import chess

from chessgru.game import Game
from chessgru.vocabulary import token_of

ANNA, BERT = "Anna", "Bert"
_LINES = ("e2e4 c7c5 g1f3 d7d6 d2d4", "e2e4 e7e5 g1f3 b8c6 f1b5", "d2d4 d7d5 c2c4 e7e6 b1c3")


def legal_game(rng: random.Random, plies: int) -> tuple[int, ...]:
    """A known opening, then random legal moves that prefer captures."""
    board, tokens = chess.Board(), []
    opening = rng.choices(_LINES, (5, 3, 2))[0].split()
    while len(tokens) < plies and not board.is_game_over():
        moves = sorted(board.legal_moves, key=chess.Move.uci)
        captures = [move for move in moves if board.is_capture(move)]
        move = rng.choice(captures if captures and rng.random() < 0.7 else moves)
        if len(tokens) < len(opening):
            move = chess.Move.from_uci(opening[len(tokens)])
        tokens.append(token_of(move))
        board.push(move)
    return tuple(tokens)


def legal_games(count: int, *, seed: int = 0, plies: int = 24) -> list[Game]:
    """Games between Anna and Bert, who change colors; of different lengths, oldest first."""
    rng = random.Random(seed)
    games = []
    for number in range(count):
        white, black = (ANNA, BERT) if number % 2 == 0 else (BERT, ANNA)
        ratings = {ANNA: 1500 if number % 5 else None, BERT: 1150}
        games.append(
            Game(
                tokens=legal_game(rng, rng.randint(plies // 2, plies)),
                white=white,
                black=black,
                white_rating=ratings[white],
                black_rating=ratings[black],
                result="1/2-1/2",
                date=f"2024.{1 + number // 28 % 12:02}.{1 + number % 28:02}",
                time_control=("600+5", "180", "")[number % 3],
                round=str(number),
                index=number,
            )
        )
    return games
