"""Boards, attacks and legal moves of many positions on the processor, compiled.

What `chessgru.replay` does with array operations on any device, done here position by position: 20 times
as fast on one thread. Pieces, squares and arrays are those of `replay.Boards`; see there.
"""

from __future__ import annotations

from typing import Any, Final

import chess
import numpy as np
from numpy.typing import NDArray

from chessgru.jit import jit, on_disk
from chessgru.vocabulary import MOVES, SIZE

Array = NDArray[Any]
PIECE_MOVES: Final = 1792
"""Tokens below this are piece moves (queen and knight geometry); the promotions follow."""
BLACK: Final = 6
"""Added to a piece type to get the code of the other side's piece."""
PAWN, KNIGHT, BISHOP, ROOK, QUEEN, KING = range(1, 7)
MANY: Final = 64
"""For fewer positions nobody waits for the compiler, which takes seconds once on a computer."""
_OFF: Final = 64
_STEPS: Final = (
    (0, 1),
    (0, -1),
    (1, 0),
    (-1, 0),
    (1, 1),
    (-1, 1),
    (1, -1),
    (-1, -1),
)  # N S E W NE NW SE SW
_LEAPS: Final = ((1, 2), (2, 1), (2, -1), (1, -2), (-1, -2), (-2, -1), (-2, 1), (-1, 2))
_NORTH, _NORTH_EAST, _NORTH_WEST = 0, 4, 5


def _square(square: int, file: int, rank: int) -> int:
    file, rank = chess.square_file(square) + file, chess.square_rank(square) + rank
    return chess.square(file, rank) if 0 <= file < 8 and 0 <= rank < 8 else _OFF


def _tokens_by_square() -> Array:
    """Returns (64, 64, 5): the token by squares and promotion (0 none, 1 knight ... 4 queen), else -1."""
    tokens = np.full((64, 64, 5), -1, np.int16)
    for token, move in enumerate(MOVES):
        tokens[move.from_square, move.to_square, (move.promotion or 1) - 1] = token
    return tokens


def _rights_kept() -> Array:
    """Returns (64, 4) bool: the castling rights that survive a move from or to a square."""
    kept = np.ones((64, 4), np.bool_)
    for square, right in ((chess.H1, 0), (chess.A1, 1), (chess.H8, 2), (chess.A8, 3)):
        kept[square, right] = False
    kept[chess.E1, :2] = kept[chess.E8, 2:] = False
    return kept


RAYS: Final = np.array(
    [[[_square(s, f * k, r * k) for k in range(1, 9)] for f, r in _STEPS] for s in range(64)], np.int8
)  # (64, 8, 8); the last is always off the board
KNIGHT_SQUARES: Final = np.array([[_square(s, f, r) for f, r in _LEAPS] for s in range(64)], np.int8)
_OPPOSITE: Final = np.array([1, 0, 3, 2, 7, 6, 5, 4], np.int8)
_TOKEN: Final = _tokens_by_square()
_PAIR: Final = np.ascontiguousarray(_TOKEN[:, :, 0])
MOVE_PARTS: Final = np.array([(m.from_square, m.to_square, m.promotion or 0) for m in MOVES], np.int8)
_KEPT: Final = _rights_kept()
_START: Final = np.array(
    [4, 2, 3, 5, 6, 3, 2, 4, *[1] * 8, *[0] * 32, *[7] * 8, 10, 8, 9, 11, 12, 9, 8, 10], np.int8
)
_PINNED, _MEETS, _ATTACKED = range(3)  # rows of what the mover's king sees


@jit
def _push(squares: Array, castling: Array, row: int, token: int, black: bool) -> tuple[int, bool]:
    """Makes a move in place; returns the square a pawn jumped over (or 64), and if the clock restarts."""
    origin, target, promotion = MOVE_PARTS[token, 0], MOVE_PARTS[token, 1], MOVE_PARTS[token, 2]
    piece, captured = squares[row, origin], squares[row, target]
    color = BLACK if black else 0
    kind = piece - BLACK if piece > BLACK else piece
    pawn = kind == PAWN
    if pawn and captured == 0 and (origin - target) & 7 != 0:
        squares[row, (target + (8 if black else -8)) & 63] = 0
    squares[row, target] = promotion + color if promotion > 0 else piece
    squares[row, origin] = 0
    if kind == KING and abs(target - origin) == 2:
        corner = (target + 1 if target > origin else target - 2) & 63
        squares[row, (origin + target) >> 1] = squares[row, corner]
        squares[row, corner] = 0
    for right in range(4):
        castling[row, right] = castling[row, right] and _KEPT[origin, right] and _KEPT[target, right]
    jumped = (origin + target) >> 1 if pawn and abs(target - origin) == 16 else _OFF
    return jumped, pawn or captured > 0


@jit
def _replay(tokens: Array, squares: Array, castling: Array, passing: Array, clock: Array) -> None:
    plies = tokens.shape[1]
    for row in range(len(squares)):
        ply = row % (plies + 1)
        for square in range(64):
            squares[row, square] = _START[square] if ply == 0 else squares[row - 1, square]
        for right in range(4):
            castling[row, right] = True if ply == 0 else castling[row - 1, right]
        passing[row], clock[row] = _OFF, 0
        if ply > 0:
            token = tokens[row // (plies + 1), ply - 1]
            passing[row], restarts = _push(squares, castling, row, token, ply & 1 == 0)
            clock[row] = 0 if restarts else clock[row - 1] + 1


def replay(tokens: Array) -> tuple[Array, Array, Array, Array]:
    """Returns squares, castling, en passant squares and clocks, (B, T + 1, ...), of games (B, T) int64."""
    games, plies = tokens.shape[0], tokens.shape[1] + 1
    count = games * plies
    squares, castling = np.empty((count, 64), np.int8), np.empty((count, 4), np.bool_)
    passing, clock = np.empty(count, np.int64), np.empty(count, np.int64)
    _replay(np.ascontiguousarray(tokens, np.int64), squares, castling, passing, clock)
    shape = (games, plies)
    return (
        squares.reshape(*shape, 64),
        castling.reshape(*shape, 4),
        passing.reshape(shape),
        clock.reshape(shape),
    )


@jit
def _swapped(piece: int) -> int:
    return 0 if piece == 0 else piece - BLACK if piece > BLACK else piece + BLACK


@jit
def _mirror(squares: Array, castling: Array, passing: Array, black: Array) -> None:
    for row in range(len(squares)):
        if not black[row]:
            continue
        for square in range(32):
            low, high = squares[row, square], squares[row, square ^ 56]
            squares[row, square], squares[row, square ^ 56] = _swapped(high), _swapped(low)
        for right in range(2):
            castling[row, right], castling[row, right + 2] = castling[row, right + 2], castling[row, right]
        if passing[row] < _OFF:
            passing[row] ^= 56


def mirror(squares: Array, castling: Array, passing: Array, black: Array) -> tuple[Array, Array, Array]:
    """Returns squares, castling and en passant squares as the side to move sees them."""
    fields = (squares.copy(), castling.copy(), passing.copy())
    _mirror(*fields, np.ascontiguousarray(black))
    return fields


@jit
def _slides(piece: int, way: int) -> bool:
    """Whether a piece of the other side slides that way."""
    return piece == BLACK + QUEEN or piece == BLACK + (ROOK if way < 4 else BISHOP)


@jit
def _leaper_at(squares: Array, row: int, king: int, number: int) -> int:
    """Returns where the other side's knight (0..7) or pawn (8, 9) gives check, else 64."""
    square = KNIGHT_SQUARES[king, number] if number < 8 else RAYS[king, number - 8 + _NORTH_EAST, 0]
    wanted = BLACK + KNIGHT if number < 8 else BLACK + PAWN
    return square if square < _OFF and squares[row, square] == wanted else _OFF


@jit
def _look_along(squares: Array, row: int, king: int, way: int, view: Array) -> int:
    """Returns 1 if a slider gives check from that way, else 0; fills in the `view` of `_look_from_king`."""
    own = _OFF
    for step in range(7):
        square = RAYS[king, way, step]
        if square == _OFF:
            return 0
        piece = squares[row, square]
        if piece == 0:
            continue
        if piece <= BLACK and own == _OFF:
            own = square
            continue
        if piece <= BLACK or not _slides(piece, way):
            return 0
        if own < _OFF:
            view[_PINNED, own] = way
            return 0
        for between in range(step + 1):
            view[_MEETS, RAYS[king, way, between]] = 1
        view[_ATTACKED, RAYS[king, _OPPOSITE[way], 0]] = 1
        return 1
    return 0


@jit
def _look_from_king(squares: Array, row: int, king: int, view: Array) -> None:
    """Fills in what the mover's king sees, (3, 65).

    That is the ray a pinned piece stands on (else 8), whether a move to a square meets the check (if any),
    and squares that a checker reaches through the king.
    """
    for square in range(64):
        view[_PINNED, square], view[_MEETS, square], view[_ATTACKED, square] = 8, 0, 0
    checkers = 0
    for way in range(8):
        checkers += _look_along(squares, row, king, way, view)
    for number in range(10):
        square = _leaper_at(squares, row, king, number)
        if square < _OFF:
            checkers += 1
            view[_MEETS, square] = 1
    if checkers != 1:
        for square in range(64):
            view[_MEETS, square] = checkers == 0


@jit
def _in_check(squares: Array, row: int, king: int) -> bool:
    for way in range(8):
        for step in range(7):
            square = RAYS[king, way, step]
            if square == _OFF:
                break
            if squares[row, square] != 0:
                if _slides(squares[row, square], way):
                    return True
                break
    checkers = 0
    for number in range(10):
        checkers += _leaper_at(squares, row, king, number) < _OFF
    return checkers > 0


@jit
def _may(origin: int, target: int, way: int, view: Array) -> bool:
    """Whether a piece other than the king stays on its pin line and meets the check. `way` 8: a knight."""
    pin = view[_PINNED, origin]
    stays = pin == 8 or (way < 8 and (pin == way or pin == _OPPOSITE[way]))
    return stays and view[_MEETS, target] != 0


@jit
def _pawn_moves(squares: Array, row: int, origin: int, view: Array, legal: Array) -> None:
    for way in (_NORTH, _NORTH_EAST, _NORTH_WEST):
        for step in range(2 if way == _NORTH and origin >> 3 == 1 else 1):
            target = RAYS[origin, way, step]
            if target == _OFF:
                break
            found = squares[row, target]
            if (way == _NORTH and found != 0) or (way != _NORTH and found <= BLACK):
                break
            if not _may(origin, target, way, view):
                continue
            if target < 56:
                legal[row, _PAIR[origin, target]] = True
                continue
            for piece in range(1, 5):
                legal[row, _TOKEN[origin, target, piece]] = True


@jit
def _passing_moves(squares: Array, row: int, passing: int, king: int, legal: Array) -> None:
    """Captures en passant are tried out on the board."""
    if passing >> 3 != 5:
        return
    for side in (-9, -7):
        origin = passing + side
        if origin >> 3 != 4 or squares[row, origin] != PAWN:
            continue
        saved, victim = squares[row, passing], squares[row, passing - 8]
        squares[row, passing], squares[row, origin], squares[row, passing - 8] = PAWN, 0, 0
        legal[row, _PAIR[origin, passing]] = not _in_check(squares, row, king)
        squares[row, passing], squares[row, origin], squares[row, passing - 8] = saved, PAWN, victim


@jit
def _king_moves(squares: Array, row: int, king: int, view: Array, castling: Array, legal: Array) -> None:
    if squares[row, king] != KING:
        return
    for way in range(8):
        target = RAYS[king, way, 0]
        if target < _OFF and not 0 < squares[row, target] <= BLACK and view[_ATTACKED, target] == 0:
            legal[row, _PAIR[king, target]] = True
    if king != 4 or view[_ATTACKED, 4] != 0:
        return
    for right, step in ((0, 1), (1, -1)):
        free = castling[row, right]
        for way in range(1, 3):
            square = king + way * step
            free = free and squares[row, square] == 0 and view[_ATTACKED, square] == 0
        if free and (right == 0 or squares[row, 1] == 0):
            legal[row, _PAIR[king, king + 2 * step]] = True


@jit
def _reach(
    squares: Array, row: int, origin: int, target: int, way: int, view: Array, legal: Array, attacks: Array
) -> None:
    """Notes that the piece on one square attacks another, and whether it may move there."""
    pair, piece, found = _PAIR[origin, target], squares[row, origin], squares[row, target]
    attacks[row, pair] = True
    if piece > BLACK:
        view[_ATTACKED, target] = 1
    elif PAWN < piece < KING and (found == 0 or found > BLACK) and _may(origin, target, way, view):
        legal[row, pair] = True


@jit
def _piece_moves(squares: Array, row: int, origin: int, view: Array, legal: Array, attacks: Array) -> None:
    piece = squares[row, origin]
    kind = piece - BLACK if piece > BLACK else piece
    if kind == KNIGHT:
        for number in range(8):
            if KNIGHT_SQUARES[origin, number] < _OFF:
                _reach(squares, row, origin, KNIGHT_SQUARES[origin, number], 8, view, legal, attacks)
        return
    first, last = 4 if kind == BISHOP else 0, 4 if kind == ROOK else 8
    if kind == PAWN:
        first, last = (6, 8) if piece > BLACK else (4, 6)
    for way in range(first, last):
        for step in range(1 if kind in (PAWN, KING) else 7):
            target = RAYS[origin, way, step]
            if target == _OFF:
                break
            _reach(squares, row, origin, target, way, view, legal, attacks)
            if squares[row, target] != 0:
                break


@jit
def _king_square(squares: Array, row: int) -> int:
    for square in range(64):
        if squares[row, square] == KING:
            return square
    return 0


@jit
def _legal_moves(squares: Array, castling: Array, passing: Array, legal: Array, attacks: Array) -> None:
    view = np.empty((3, 65), np.int8)
    for row in range(len(squares)):
        king = _king_square(squares, row)
        _look_from_king(squares, row, king, view)
        for origin in range(64):
            if squares[row, origin] != 0:
                _piece_moves(squares, row, origin, view, legal, attacks)
            if squares[row, origin] == PAWN:
                _pawn_moves(squares, row, origin, view, legal)
        _passing_moves(squares, row, passing[row], king, legal)
        _king_moves(squares, row, king, view, castling, legal)


def legal_moves(squares: Array, castling: Array, passing: Array) -> tuple[Array, Array]:
    """Returns legal moves (N, SIZE) and attacks (N, PIECE_MOVES), bool, of positions seen by the mover.

    A piece that is not the king may move if it stays on its pin line and meets the check, if any; the king
    if the square is not attacked, also through himself; en passant is tried out.
    """
    legal = np.zeros((len(squares), SIZE), np.bool_)
    attacks = np.zeros((len(squares), PIECE_MOVES), np.bool_)
    _legal_moves(
        np.ascontiguousarray(squares),
        np.ascontiguousarray(castling),
        np.ascontiguousarray(passing),
        legal,
        attacks,
    )
    return legal, attacks


@jit
def _attack_matrix(attacks: Array, out: Array) -> None:
    for row in range(len(attacks)):
        for pair in range(PIECE_MOVES):
            if attacks[row, pair]:
                out[row, MOVE_PARTS[pair, 0], MOVE_PARTS[pair, 1]] = 1


def attack_matrix(attacks: Array) -> Array:
    """Returns (N, 64, 64) float32: 1 where the piece on the row's square attacks the column's."""
    out = np.zeros((len(attacks), 64, 64), np.float32)
    _attack_matrix(np.ascontiguousarray(attacks), out)
    return out


def worth(positions: int) -> bool:
    """Tells whether to use the functions here for so many positions: for few only if they are compiled."""
    return positions >= MANY or on_disk(_replay, _mirror, _legal_moves)
