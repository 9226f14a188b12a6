"""The rules of chess on arrays, compiled: written moves become tokens, and positions legal tokens.

A position is an int8 array of 67: the pieces on a1, b1 .. h8 (python-chess's numbers, negative for
Black), the side to move (1 or -1), the castling rights (1 white short, 2 white long, 4 and 8 for
Black) and the square that a pawn has just skipped (-1 if none). A legal move is found by trying each
piece of its kind: 64 squares are fewer than it costs to be clever.

A *written move* is a row of five numbers: the letter of its piece (0 if none), the file and rank of
departure (-1 if not given), the target square, the letter of the promotion (0 if none). `pieces` says
what a letter means; the codes below 32 are the same in every language.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from chessgru.jit import jit
from chessgru.vocabulary import MOVES, SIZE

Position = NDArray[np.int8]

PAWN, KNIGHT, BISHOP, ROOK, QUEEN, KING = range(1, 7)
SIDE: Final = 64
CASTLING: Final = 65
EN_PASSANT: Final = 66

SHORT_CASTLING: Final = 16
LONG_CASTLING: Final = 17
NULL_MOVE: Final = 18
UNREADABLE: Final = 19
"""Codes for the letter of a written move that is not a plain one."""

OK, ILLEGAL, NULL, UNREAD = range(4)
"""Why `play_written` stopped."""

START: Final = np.array(
    [4, 2, 3, 5, 6, 3, 2, 4, *[1] * 8, *[0] * 32, *[-1] * 8, -4, -2, -3, -5, -6, -3, -2, -4, 1, 15, -1],
    dtype=np.int8,
)


def _token_tables() -> tuple[NDArray[np.int16], NDArray[np.int8]]:
    """Returns the token by (from, to, promotion), -1 if none, and the reverse as rows."""
    tokens = np.full((64, 64, 6), -1, dtype=np.int16)
    rows = np.array([(m.from_square, m.to_square, m.promotion or 0) for m in MOVES], dtype=np.int8)
    tokens[rows[:, 0], rows[:, 1], rows[:, 2]] = np.arange(SIZE)
    return tokens, rows


TOKENS, MOVE_ROWS = _token_tables()


@jit
def _wide(number: int) -> int:
    """Returns a number as 64 bits: what is called with it is then compiled for one type, not for four."""
    return number + 0


@jit
def _set_up(board: Position, position: Position) -> None:
    """Copies a position; assigning slices would do, but takes numba a second to compile."""
    for i in range(67):
        board[i] = position[i]


@jit
def _clear(position: Position, start: int, end: int) -> bool:
    """Whether the squares strictly between two squares of one line are empty."""
    files = (end & 7) - (start & 7)
    ranks = (end >> 3) - (start >> 3)
    step = (files > 0) - (files < 0) + 8 * ((ranks > 0) - (ranks < 0))
    square = start + step
    while square != end:
        if position[square] != 0:
            return False
        square += step
    return True


@jit
def attacks(position: Position, start: int, end: int) -> bool:
    """Whether the piece on one square attacks another square."""
    piece = position[start]
    kind = abs(piece)
    ranks = (end >> 3) - (start >> 3)
    files = abs((end & 7) - (start & 7))
    if kind == PAWN:
        return files == 1 and ranks == piece
    ranks = abs(ranks)
    if kind == KNIGHT:
        return files * ranks == 2
    if kind == KING:
        return max(files, ranks) == 1
    straight = (files == 0) != (ranks == 0)
    diagonal = files == ranks and files != 0
    if (straight and kind != BISHOP) or (diagonal and kind != ROOK):
        return _clear(position, start, end)
    return False


@jit
def attacked(position: Position, target: int, by: int) -> bool:
    """Whether a side (1 or -1) attacks a square."""
    for square in range(64):
        if position[square] * by <= 0:
            continue
        files = abs((square & 7) - (target & 7))
        ranks = abs((square >> 3) - (target >> 3))
        aligned = files == ranks or files == 0 or ranks == 0
        if (aligned or files + ranks == 3) and attacks(position, square, target):
            return True
    return False


@jit
def _can_reach(position: Position, start: int, end: int, promotion: int) -> bool:
    """Whether the piece may move so, its own king's safety and castling left aside."""
    side = position[SIDE]
    if position[start] * side <= 0 or position[end] * side > 0:
        return False
    if abs(position[start]) != PAWN:
        return promotion == 0 and attacks(position, start, end)
    if (end >> 3 == 0 or end >> 3 == 7) != (KNIGHT <= promotion <= QUEEN):
        return False
    if promotion != 0 and not KNIGHT <= promotion <= QUEEN:
        return False
    if (start & 7) != (end & 7):
        return attacks(position, start, end) and (position[end] != 0 or end == position[EN_PASSANT])
    if position[end] != 0:
        return False
    if end - start == 8 * side:
        return True
    home = 1 if side > 0 else 6
    return end - start == 16 * side and start >> 3 == home and position[start + 8 * side] == 0


@jit
def _can_castle(position: Position, start: int, end: int) -> bool:
    """Whether the side to move may castle with its king moving so."""
    side = _wide(position[SIDE])
    home = 4 if side > 0 else 60
    if start != home or abs(end - start) != 2 or position[home] != KING * side:
        return False
    short = end > start
    right = (1 if short else 2) << (0 if side > 0 else 2)
    rook = home + 3 if short else home - 4
    if not position[CASTLING] & right or not _clear(position, home, rook):
        return False
    return not (
        attacked(position, home, -side)
        or attacked(position, (start + end) // 2, -side)
        or attacked(position, end, -side)
    )


@jit
def _move(position: Position, start: int, end: int, promotion: int) -> None:
    """Makes a move that the rules allow, in place."""
    side = position[SIDE]
    piece = position[start]
    if abs(piece) == PAWN and (start & 7) != (end & 7) and position[end] == 0:
        position[end - 8 * side] = 0
    if abs(piece) == KING and abs(end - start) == 2:
        rook = start + 3 if end > start else start - 4
        position[(start + end) // 2] = position[rook]
        position[rook] = 0
    position[start] = 0
    position[end] = promotion * side if promotion != 0 else piece
    position[EN_PASSANT] = (start + end) // 2 if abs(piece) == PAWN and abs(end - start) == 16 else -1
    for corner, right in ((7, 1), (0, 2), (63, 4), (56, 8), (4, 3), (60, 12)):
        if start == corner or end == corner:
            position[CASTLING] &= ~right
    position[SIDE] = -side


@jit
def _king_is_safe(position: Position, trial: Position, start: int, end: int, promotion: int) -> bool:
    """Makes the move on the trial board and tells whether the mover's king stands unattacked."""
    _set_up(trial, position)
    _move(trial, start, end, promotion)
    side = _wide(position[SIDE])
    for square in range(64):
        if trial[square] == KING * side:
            return not attacked(trial, square, -side)
    return False


@jit
def is_legal(position: Position, trial: Position, start: int, end: int, promotion: int) -> bool:
    """Whether a move is legal; if so the trial board shows the position after it."""
    if _can_reach(position, start, end, promotion):
        return _king_is_safe(position, trial, start, end, promotion)
    if promotion == 0 and _can_castle(position, start, end):
        _set_up(trial, position)
        _move(trial, start, end, promotion)
        return True
    return False


@jit
def _exact(position: Position, trial: Position, start: int, end: int, promotion: int) -> int:
    """Returns the move of two given squares packed into a number, or -1 if illegal."""
    side = position[SIDE]
    if start == (4 if side > 0 else 60) and position[start] == KING * side and position[end] == ROOK * side:
        if end == start + 3:
            end = start + 2
        elif end == start - 4:
            end = start - 2
    if is_legal(position, trial, start, end, promotion):
        return (start * 64 + end) * 8 + promotion
    return -1


@jit
def _find(
    position: Position, trial: Position, piece: int, file: int, rank: int, end: int, promotion: int
) -> int:
    """Returns the one legal move of such a piece packed into a number, or -1 if none or several."""
    found = -1
    if piece == PAWN and file < 0:
        file = end & 7
    wanted = piece * position[SIDE]
    for start in range(64):
        if position[start] != wanted:
            continue
        if (file >= 0 and start & 7 != file) or (rank >= 0 and start >> 3 != rank):
            continue
        if _can_reach(position, start, end, promotion) and _king_is_safe(
            position, trial, start, end, promotion
        ):
            if found >= 0:
                return -1
            found = (start * 64 + end) * 8 + promotion
    return found


@jit
def play_written(
    moves: NDArray[np.int16],
    count: int,
    pieces: NDArray[np.int8],
    start: Position,
    table: NDArray[np.int16],
    out: NDArray[np.uint16],
) -> tuple[int, int]:
    """Plays written moves (N, 5) and writes their tokens; returns how many are legal and why it stopped."""
    position = start.copy()
    trial = start.copy()
    for ply in range(count):
        letter, file, rank = _wide(moves[ply, 0]), _wide(moves[ply, 1]), _wide(moves[ply, 2])
        end, promotion = _wide(moves[ply, 3]), _wide(moves[ply, 4])
        home = 4 if position[SIDE] > 0 else 60
        if letter == NULL_MOVE:
            return ply, NULL
        if letter == UNREADABLE:
            return ply, UNREAD
        if letter in (SHORT_CASTLING, LONG_CASTLING):
            to = home + 2 if letter == SHORT_CASTLING else home - 2
            packed = (home * 64 + to) * 8 if _can_castle(position, home, to) else -1
        else:
            piece = PAWN if letter == 0 else _wide(pieces[letter])
            promoted = 0 if promotion == 0 else _wide(pieces[promotion])
            if piece == 0 or (promotion != 0 and promoted == 0):
                return ply, UNREAD
            if letter == 0 and file >= 0 and rank >= 0:
                packed = _exact(position, trial, rank * 8 + file, end, promoted)
            else:
                packed = _find(position, trial, piece, file, rank, end, promoted)
        if packed < 0:
            return ply, ILLEGAL
        out[ply] = table[packed >> 9, (packed >> 3) & 63, packed & 7]
        _move(position, packed >> 9, (packed >> 3) & 63, packed & 7)
    return count, OK


@jit
def _squares(rows: NDArray[np.int8], token: int) -> tuple[int, int, int]:
    return _wide(rows[token, 0]), _wide(rows[token, 1]), _wide(rows[token, 2])


@jit
def _replay(position: Position, rows: NDArray[np.int8], tokens: NDArray[np.int64]) -> int:
    """Plays tokens on a position in place; returns the ply of the first illegal one, else -1."""
    trial = position.copy()
    for ply in range(len(tokens)):
        start, end, promotion = _squares(rows, tokens[ply])
        if not is_legal(position, trial, start, end, promotion):
            return ply
        _set_up(position, trial)
    return -1


@jit
def _legal_mask(position: Position, rows: NDArray[np.int8], mask: NDArray[np.bool_]) -> None:
    trial = position.copy()
    for token in range(len(rows)):
        start, end, promotion = _squares(rows, token)
        if position[start] * position[SIDE] > 0:
            mask[token] = is_legal(position, trial, start, end, promotion)


@jit
def _has_legal_move(position: Position, trial: Position) -> bool:
    for start in range(64):
        if position[start] * position[SIDE] <= 0:
            continue
        for end in range(64):
            for promotion in (0, QUEEN):
                if is_legal(position, trial, start, end, promotion):
                    return True
    return False


@jit
def _needed_origin(position: Position, trial: Position, start: int, end: int, promotion: int) -> int:
    """Returns what SAN must add to tell the move from others: 0 nothing, 1 the file, 2 the rank, 3 both."""
    if abs(position[start]) == PAWN:
        return 1 if (start & 7) != (end & 7) else 0
    rivals, same_file, same_rank = False, False, False
    for other in range(64):
        if other == start or position[other] != position[start]:
            continue
        if _can_reach(position, other, end, promotion) and _king_is_safe(
            position, trial, other, end, promotion
        ):
            rivals = True
            same_file = same_file or (other & 7) == (start & 7)
            same_rank = same_rank or (other >> 3) == (start >> 3)
    if not rivals:
        return 0
    if not same_file:
        return 1
    return 3 if same_rank else 2


@jit
def _describe(
    rows: NDArray[np.int8], tokens: NDArray[np.int64], start_position: Position, out: NDArray[np.int8]
) -> int:
    position = start_position.copy()
    trial = start_position.copy()
    for ply in range(len(tokens)):
        start, end, promotion = _squares(rows, tokens[ply])
        if not is_legal(position, trial, start, end, promotion):
            return ply
        out[ply, 0], out[ply, 1], out[ply, 2] = start, end, promotion
        out[ply, 3] = abs(position[start])
        pawn_takes = out[ply, 3] == PAWN and (start & 7) != (end & 7)
        out[ply, 4] = position[end] != 0 or pawn_takes
        out[ply, 5] = _needed_origin(position, trial, start, end, promotion)
        _move(position, start, end, promotion)
        side = _wide(position[SIDE])
        for square in range(64):
            if position[square] == KING * side and attacked(position, square, -side):
                out[ply, 6] = 1 if _has_legal_move(position, trial) else 2
    return -1


def describe(tokens: Sequence[int]) -> NDArray[np.int8]:
    """Returns what SAN says of each move of a line from the standard start, as an array (plies, 7).

    The columns are from-square, to-square, promotion (0 none), piece, whether it takes, what is needed of
    the square of departure (1 the file, 2 the rank, 3 both) and the check (1) or mate (2) it gives.
    Raises ValueError naming the ply if a token is not legal where it stands.
    """
    out = np.zeros((len(tokens), 7), dtype=np.int8)
    ply = _describe(MOVE_ROWS, np.asarray(tokens, dtype=np.int64).reshape(-1), START, out)
    if ply >= 0:
        raise ValueError(_illegal(tokens, ply))
    return out


def _illegal(tokens: Sequence[int], ply: int) -> str:
    return f"token {tokens[ply]} ({MOVES[tokens[ply]].uci()}) is illegal at ply {ply}"


def position_after(tokens: Sequence[int]) -> Position:
    """Returns the position after a line of tokens from the standard start.

    Raises ValueError naming the ply if a token is not legal where it stands.
    """
    position = START.copy()
    ply = _replay(position, MOVE_ROWS, np.asarray(tokens, dtype=np.int64).reshape(-1))
    if ply >= 0:
        raise ValueError(_illegal(tokens, ply))
    return position


def legal_tokens(tokens: Sequence[int]) -> list[int]:
    """Returns the legal moves after a line of tokens from the standard start, in token order.

    >>> len(legal_tokens([]))
    20
    """
    mask = np.zeros(SIZE, dtype=np.bool_)
    _legal_mask(position_after(tokens), MOVE_ROWS, mask)
    return [int(token) for token in np.flatnonzero(mask)]
