"""A real predictor without a model: it likes captures, checks and the center, whoever plays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import chess

from chessgru.game import Side
from chessgru.ui.contract import Opened
from chessgru.ui.state import Seating
from chessgru.vocabulary import MOVES


@dataclass(frozen=True)
class Suggestion:
    uci: str
    san: str
    probability: float
    network: float
    own: float
    head_to_head: float
    seen: int
    of: int
    h2h_seen: int
    h2h_of: int


@dataclass(frozen=True)
class Reply:
    if_uci: str
    if_san: str
    probability_of_if: float
    suggestions: tuple[Suggestion, ...]


@dataclass(frozen=True)
class Prediction:
    color: Side
    suggestions: tuple[Suggestion, ...]
    replies: tuple[Reply, ...] = ()


@dataclass(frozen=True)
class Predictions:
    white: Prediction
    black: Prediction
    to_move: Side
    surprise_bits: tuple[float, ...]


def _weight(board: chess.Board, move: chess.Move) -> float:
    file, rank = chess.square_file(move.to_square), chess.square_rank(move.to_square)
    center = 3.5 - max(abs(file - 3.5), abs(rank - 3.5))
    bonus = 2.0 if board.is_capture(move) else 0.0
    return math.exp(0.9 * center + bonus + (1.0 if board.gives_check(move) else 0.0))


def moves_of(board: chess.Board) -> tuple[Suggestion, ...]:
    weights = {move: _weight(board, move) for move in board.legal_moves}
    total = sum(weights.values())
    rows = []
    for move, weight in sorted(weights.items(), key=lambda item: -item[1]):
        p = weight / total
        seen = round(31 * p) if board.fullmove_number < 6 else 0
        of = 31 if board.fullmove_number < 6 else 0
        own, h2h = (0.4 * p, 0.2 * p) if of else (0.0, 0.0)
        rows.append(
            Suggestion(
                move.uci(), board.san(move), p, p - own - h2h, own, h2h, seen, of, seen // 6, of // 6
            )
        )
    return tuple(rows)


def _replies(board: chess.Board, likely: Sequence[Suggestion]) -> tuple[Reply, ...]:
    replies = []
    for move in likely:
        board.push_uci(move.uci)
        replies.append(Reply(move.uci, move.san, move.probability, moves_of(board)[:3]))
        board.pop()
    return tuple(replies)


class TinyPredictor:
    def predict(self, tokens: Sequence[int]) -> Predictions:
        board = chess.Board()
        bits = []
        for token in tokens:
            move = MOVES[token]
            p = next(row.probability for row in moves_of(board) if row.uci == move.uci())
            bits.append(-math.log2(p))
            board.push(move)
        likely = moves_of(board)
        replies = _replies(board, likely[:4])
        answers = sorted(
            {row.uci: row for reply in replies for row in reply.suggestions}.values(),
            key=lambda row: -row.probability,
        )
        mover: Side = "white" if board.turn else "black"
        waiting: Side = "black" if board.turn else "white"
        first, second = Prediction(mover, likely), Prediction(waiting, tuple(answers), replies)
        white, black = (first, second) if board.turn else (second, first)
        return Predictions(white, black, mover, tuple(bits))


def open_tiny(seating: Seating) -> Opened:
    return Opened(TinyPredictor())
