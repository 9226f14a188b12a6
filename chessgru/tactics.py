"""What captures are worth, and what each legal move does.

The network sees a few blocks deep; a swap of pieces on one square can be longer. So it is told, for every
square, what a capture there gains if both sides go on capturing with their least valuable pieces while that
pays (static exchange evaluation), and for every legal move what it takes, what it leaves hanging, what it
threatens, and whether it gives check or mate. Pins are not seen. Values are in pawns: 1, 3, 3, 5, 9.

Compiled for many positions; for a few, before anything is compiled, python-chess does the same.

Pieces, squares and arrays are those of `replay.Boards`, from the mover's side.
"""

from __future__ import annotations

from typing import Any, Final

import chess
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from chessgru import exchanges, movegen, vocabulary
from chessgru.exchanges import UNIT, VALUE
from chessgru.jit import on_disk
from chessgru.movegen import BLACK, KING
from chessgru.replay import Boards

Array = NDArray[Any]
PLANES: Final = 2
"""What a capture on the square gains the mover, and the other side."""
EFFECTS: Final = (
    "pawns taken",
    "pawns at risk on the target",
    "most pawns at risk elsewhere",
    "all pawns at risk elsewhere",
    "most pawns threatened",
    "all pawns threatened",
    "check",
    "mate",
    "pawns at risk on the origin before",
    "most pawns at risk before",
    "pawns taken less the most at risk",
    "pawns to gain on the target before",
    "most pawns to gain before",
    "promotion to a queen",
    "other promotion",
    "castling or en passant",
)
"""What `effects` says of a move, in this order; all but the yes-or-no ones in units of four pawns."""
_MATE: Final = EFFECTS.index("mate")
# For a few ----------------------------------------------------------------------------------


def exchange(board: chess.Board, square: int, color: chess.Color) -> int:
    """Returns the pawns that a side gains by capturing on a square, while each capture pays; at least 0."""
    attackers = board.attackers(color, square)
    if not attackers:
        return 0
    after = board.copy(stack=False)
    taker = after.remove_piece_at(min(attackers, key=lambda each: VALUE[board.piece_type_at(each) or 0]))
    after.set_piece_at(square, taker)
    taken = int(VALUE[board.piece_type_at(square) or 0])
    return max(0, taken - exchange(after, square, not color))


def _exchanges(board: chess.Board) -> dict[int, int]:
    """Returns what the other side's capture of each piece but the kings gains."""
    pieces = board.piece_map().items()
    return {
        square: exchange(board, square, not piece.color)
        for square, piece in pieces
        if piece.piece_type != KING
    }


def _board(boards: Boards, row: int) -> chess.Board:
    """Returns one position, the mover as White."""
    board = chess.Board(None)
    for square, code in enumerate(boards.squares[row].tolist()):
        if code:
            board.set_piece_at(square, chess.Piece(code - BLACK * (code > BLACK), code <= BLACK))
    corners = (chess.BB_H1, chess.BB_A1, chess.BB_H8, chess.BB_A8)
    for right, corner in zip(boards.castling[row].tolist(), corners, strict=True):
        board.castling_rights |= corner * right
    passing = int(boards.en_passant[row])
    board.ep_square = passing if passing < 64 else None
    return board


def _effects_of(board: chess.Board, before: dict[int, int], move: chess.Move) -> list[float]:
    passing, castling = board.is_en_passant(move), board.is_castling(move)
    taken = 1 if passing else int(VALUE[board.piece_type_at(move.to_square) or 0])
    after = board.copy(stack=False)
    after.push(move)
    gains = _exchanges(after)
    on_target = gains.pop(move.to_square, 0)
    risks = [gain for square, gain in gains.items() if after.color_at(square) == chess.WHITE]
    threats = [gain for square, gain in gains.items() if after.color_at(square) == chess.BLACK]
    lost = [gain for square, gain in before.items() if board.color_at(square) == chess.WHITE]
    won = [gain for square, gain in before.items() if board.color_at(square) == chess.BLACK]
    at_risk = max(risks, default=0)
    pawns = [taken, on_target, at_risk, sum(risks), max(threats, default=0), sum(threats)]
    checks = [float(after.is_check()), float(after.is_checkmate())]
    there, here = before.get(move.from_square, 0), before.get(move.to_square, 0)
    more = [there, max(lost, default=0), taken - max(on_target, at_risk), here, max(won, default=0)]
    queens = move.promotion == chess.QUEEN
    flags = [float(queens), float(bool(move.promotion) and not queens), float(passing or castling)]
    return [*(each / 4 for each in pawns), *checks, *(each / 4 for each in more), *flags]


def _few_planes(boards: Boards) -> Array:
    out = np.zeros((len(boards.squares), 64, PLANES), np.float32)
    for row in range(len(out)):
        board = _board(boards, row)
        for square, gain in _exchanges(board).items():
            out[row, square, int(board.color_at(square) == chess.WHITE)] = UNIT * gain
    return out


def _few_effects(boards: Boards, position: Tensor, token: Tensor) -> Array:
    out = np.zeros((len(token), len(EFFECTS)), np.float32)
    for row in range(len(boards.squares)):
        board = _board(boards, row)
        before = _exchanges(board)
        for move in (position == row).nonzero().flatten().tolist():
            out[move] = _effects_of(board, before, vocabulary.MOVES[token[move]])
    return out


# For many ---------------------------------------------------------------------------------------------


def _many_effects(boards: Boards, position: Tensor, token: Tensor) -> Array:
    found = np.empty((len(token), len(EFFECTS)), np.float32)
    squares, rows, tokens = (each.contiguous().numpy() for each in (boards.squares, position, token))
    exchanges.effects(squares, rows, tokens, found)
    doubtful = found[:, _MATE].nonzero()[0]
    after, passing = np.empty((len(doubtful), 64), np.int8), np.empty(len(doubtful), np.int64)
    exchanges.replies(squares, rows[doubtful], tokens[doubtful], after, passing)
    legal, _ = movegen.legal_moves(after, np.zeros((len(doubtful), 4), np.bool_), passing)
    found[doubtful, _MATE] = ~legal.any(1)
    return found


def worth(positions: int) -> bool:
    """Tells whether to use the compiled functions for so many positions: for few only if they are there."""
    used = (exchanges.exchange_planes, exchanges.effects, exchanges.replies)
    return positions >= movegen.MANY or on_disk(*used)


def exchange_planes(boards: Boards, *, compiled: bool = False) -> Tensor:
    """Returns (N, 64, PLANES) float32 of N positions as the mover sees them, in units of four pawns.

    `compiled` says not to shun the compiler, however few they are.
    """
    device, boards = boards.squares.device, Boards(*(field.cpu() for field in boards))
    if not (compiled or worth(len(boards.squares))):
        return torch.from_numpy(_few_planes(boards)).to(device)
    out = np.empty((len(boards.squares), 64, PLANES), np.float32)
    exchanges.exchange_planes(boards.squares.contiguous().numpy(), out)
    return torch.from_numpy(out).to(device)


def effects(boards: Boards, position: Tensor, token: Tensor, *, compiled: bool = False) -> Tensor:
    """Returns (L, len(EFFECTS)) float32: what each legal move of N positions does.

    `boards` are as the mover sees them; the moves are given as in `model.LegalLogits`: the position of each
    (L,), rising, and the token (L,). `compiled` says not to shun the compiler, however few they are.
    """
    device, boards = boards.squares.device, Boards(*(field.cpu() for field in boards))
    find = _many_effects if compiled or worth(len(boards.squares)) else _few_effects
    return torch.from_numpy(find(boards, position.cpu(), token.cpu())).to(device)
