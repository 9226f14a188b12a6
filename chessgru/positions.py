"""Positions of python-chess as the arrays of `replay`, for games that did not begin at the start."""

from __future__ import annotations

import chess
import torch

from chessgru.replay import BLACK, Boards


def boards_of(board: chess.Board) -> Boards:
    """Returns one position, fields of shape (1, ...).

    >>> int(boards_of(chess.Board()).squares[0, chess.E8])
    12
    """
    squares = torch.zeros(1, 64, dtype=torch.int8)
    for square, piece in board.piece_map().items():
        squares[0, square] = piece.piece_type + (0 if piece.color else BLACK)
    rights = [
        has(color)
        for color in (chess.WHITE, chess.BLACK)
        for has in (board.has_kingside_castling_rights, board.has_queenside_castling_rights)
    ]
    return Boards(
        squares=squares,
        castling=torch.tensor([rights]),
        en_passant=torch.tensor([64 if board.ep_square is None else board.ep_square]),
        black_to_move=torch.tensor([board.turn == chess.BLACK]),
        halfmove_clock=torch.tensor([board.halfmove_clock]),
    )
