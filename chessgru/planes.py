"""What the network sees on each square: pieces, rules, the last move, who attacks whom, what captures gain.

Everything is seen from the side to move. Shapes: N positions.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from chessgru import movegen, tactics, vocabulary
from chessgru.replay import PIECE_MOVES, Boards

NO_MOVE: Final = vocabulary.SIZE
"""The token that stands for "no move yet" at the first ply."""
PLANES: Final = 12 + 1 + 2 + 4 + 2 + 1 + tactics.PLANES
"""Pieces, en passant, last move, castling, attackers of either side, halfmove clock, exchanges."""


@cache
def _dense_pairs(device: torch.device) -> Tensor:
    """Returns (4096,) int64: the piece move from i // 64 to i % 64, or PIECE_MOVES if none."""
    index = torch.full((4096,), PIECE_MOVES, dtype=torch.int64)
    for token, move in enumerate(vocabulary.MOVES[:PIECE_MOVES]):
        index[move.from_square * 64 + move.to_square] = token
    return index.to(device)


class TokenSquares(NamedTuple):
    """Squares of the vocabulary, (1968,) int64 each; `piece` is 0..3 of a promotion, else 4."""

    origin: Tensor
    target: Tensor
    piece: Tensor


@cache
def token_squares(device: torch.device) -> TokenSquares:
    """Returns the squares of all moves."""
    moves = vocabulary.MOVES
    columns = (
        [move.from_square for move in moves],
        [move.to_square for move in moves],
        [(move.promotion or 6) - 2 for move in moves],
    )
    return TokenSquares(*(torch.tensor(column, device=device) for column in columns))


def attack_matrix(attacks: Tensor, dtype: torch.dtype) -> Tensor:
    """Returns (N, 64, 64): 1 where the piece on the row's square attacks the column's."""
    if attacks.device.type == "cpu" and len(attacks) >= movegen.MANY:
        return torch.from_numpy(movegen.attack_matrix(attacks.numpy())).to(dtype)
    padded = functional.pad(attacks, (0, 1))
    return padded[:, _dense_pairs(attacks.device)].view(-1, 64, 64).to(dtype)


def board_planes(boards: Boards, matrix: Tensor, last: Tensor) -> Tensor:
    """Returns (N, 64, PLANES): what the network sees on each square, from the mover's side.

    `matrix` is the attack matrix (N, 64, 64); `last` (N,) the move just played as the mover writes it.
    """
    dtype, count = matrix.dtype, len(last)
    codes = torch.arange(1, 13, dtype=torch.int8, device=last.device)
    pieces = boards.squares[..., None] == codes  # (N, 64, 12)
    squares = torch.arange(64, device=last.device)
    moves = token_squares(last.device)
    seen = last.clamp(max=NO_MOVE - 1)
    moved = torch.stack([moves.origin[seen], moves.target[seen]], dim=-1)  # (N, 2)
    moved = torch.where((last == NO_MOVE)[:, None], 64, moved)
    marks = torch.cat([boards.en_passant[:, None], moved], dim=1)[:, None] == squares[:, None]  # (N, 64, 3)
    own = ((boards.squares > 0) & (boards.squares < 7)).to(dtype)
    by_own = (own[:, None] @ matrix).squeeze(1)  # (N, 64)
    by_other = matrix.sum(1) - by_own
    clock = (boards.halfmove_clock / 50).clamp(max=2)[:, None].expand(count, 64)
    attackers = torch.stack([by_own / 2, by_other / 2, clock.to(dtype)], dim=-1)
    castling = boards.castling[:, None].expand(-1, 64, -1)
    exchanges = tactics.exchange_planes(boards).to(dtype)
    return torch.cat([pieces.to(dtype), marks.to(dtype), castling.to(dtype), attackers, exchanges], dim=-1)
