"""The move vocabulary: the 1,968 UCI moves that a piece can make on an 8x8 board.

A *token* is an index into `MOVES`. The list is generated from the geometry of the pieces, in a fixed
order: all queen and knight moves by (from-square, to-square), then the promotions by (from-square,
to-square, piece). Castling is the king's two-square move (`e1g1`), as in UCI for standard chess.
"""

from __future__ import annotations

import hashlib
from typing import Final

import chess

PROMOTION_PIECES: Final = (chess.KNIGHT, chess.BISHOP, chess.ROOK, chess.QUEEN)


def _piece_moves() -> list[chess.Move]:
    """Returns every move that a queen or a knight can make on an empty board."""
    moves = []
    for from_square in chess.SQUARES:
        queen = chess.BB_RANK_ATTACKS[from_square][0] | chess.BB_FILE_ATTACKS[from_square][0]
        reach = queen | chess.BB_DIAG_ATTACKS[from_square][0] | chess.BB_KNIGHT_ATTACKS[from_square]
        moves += [chess.Move(from_square, to_square) for to_square in chess.scan_forward(reach)]
    return moves


def _promotions() -> list[chess.Move]:
    """Returns every promotion, for White from rank 7 and for Black from rank 2."""
    moves = []
    for from_square in chess.SQUARES:
        color = {6: chess.WHITE, 1: chess.BLACK}.get(chess.square_rank(from_square))
        if color is None:
            continue
        ahead = from_square + (8 if color else -8)
        targets = chess.BB_PAWN_ATTACKS[color][from_square] | chess.BB_SQUARES[ahead]
        for to_square in chess.scan_forward(targets):
            moves += [chess.Move(from_square, to_square, piece) for piece in PROMOTION_PIECES]
    return moves


MOVES: Final[tuple[chess.Move, ...]] = tuple(_piece_moves() + _promotions())
UCI: Final[tuple[str, ...]] = tuple(move.uci() for move in MOVES)
SIZE: Final = len(MOVES)
DIGEST: Final = hashlib.sha256(" ".join(UCI).encode()).hexdigest()[:16]
"""Names this vocabulary in checkpoints; a model with another digest is refused."""

_TOKENS: Final = {move: token for token, move in enumerate(MOVES)}


def token_of(move: chess.Move) -> int:
    """Returns the token of a move in standard chess notation.

    Raises KeyError for a null move, a drop, or a move that no piece can make.

    >>> token_of(chess.Move.from_uci("e2e4")) == UCI.index("e2e4")
    True
    """
    return _TOKENS[move]


def _mirrored(move: chess.Move) -> chess.Move:
    return chess.Move(
        chess.square_mirror(move.from_square), chess.square_mirror(move.to_square), move.promotion
    )


MIRROR: Final[tuple[int, ...]] = tuple(_TOKENS[_mirrored(move)] for move in MOVES)
"""The token of the same move with ranks 1..8 swapped for 8..1: how the other side would write it."""
