"""Captures and what moves do, compiled, for many positions at once: see `chessgru.tactics`.

Where a capture gains depends on few squares, so after each legal move only those exchanges are played out
again that the move touches. Sets of squares are 64 bits, a1 the lowest.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from chessgru.movegen import (
    BISHOP,
    BLACK,
    KING,
    KNIGHT,
    KNIGHT_SQUARES,
    MOVE_PARTS,
    PAWN,
    QUEEN,
    RAYS,
    ROOK,
)
from chessgru.pgn.jit import jit

Array = NDArray[Any]
Bits = Any
"""A set of squares, uint64."""
VALUE: Final = np.array([0, *(1, 3, 3, 5, 9, 100) * 2], np.int32)
"""Pawns, by piece code. A king may take last, but nobody lets him be taken."""
UNIT: Final = np.float32(0.25)
"""What a pawn counts in the results."""
_OFF: Final = 64
_NO_MORE: Final = 7
"""Steps along a ray on which there is nothing more."""


def _bits(squares: Array) -> int:
    return sum(1 << int(square) for square in squares if square < _OFF)


# What lies on each ray of a square, in line with it, beside it, a knight's move away.
_ON_RAY: Final = np.array([[_bits(RAYS[s, way]) for way in range(8)] for s in range(64)], np.uint64)
_STRAIGHT, _DIAGONAL = np.bitwise_or.reduce(_ON_RAY[:, :4], 1), np.bitwise_or.reduce(_ON_RAY[:, 4:], 1)
_NEAR: Final = np.array([_bits(RAYS[s, :, 0]) for s in range(64)], np.uint64)
_LEAP: Final = np.array([_bits(KNIGHT_SQUARES[s]) for s in range(64)], np.uint64)
# A board's sets: rooks and queens, bishops and queens, knights, kings and pawns; the mover's, the others.
_ROOKS, _BISHOPS, _KNIGHTS, _NEAREST, _MINE, _OTHERS = range(6)


@jit
def _bit(square: int) -> Bits:
    return np.uint64(1) << np.uint64(square)


@jit
def _put(sets: Array, piece: int, square: int) -> None:
    """Notes a piece in the sets (6,)."""
    bit = _bit(square)
    kind = piece - BLACK if piece > BLACK else piece
    sets[_MINE if piece <= BLACK else _OTHERS] |= bit
    if kind in (ROOK, QUEEN):
        sets[_ROOKS] |= bit
    if kind in (BISHOP, QUEEN):
        sets[_BISHOPS] |= bit
    if kind == KNIGHT:
        sets[_KNIGHTS] |= bit
    if kind in (KING, PAWN):
        sets[_NEAREST] |= bit


@jit
def _next_piece(board: Array, target: int, way: int, step: int) -> int:
    """Returns the step of the next piece along a ray, or 7."""
    while step < _NO_MORE:
        square = RAYS[target, way, step]
        if square == _OFF:
            return _NO_MORE
        if board[square] != 0:
            return step
        step += 1
    return _NO_MORE


@jit
def _strikes(piece: int, way: int, step: int) -> bool:
    """Whether a piece captures along a ray, seen from where it would capture."""
    kind = piece - BLACK if piece > BLACK else piece
    if kind == QUEEN or (kind == ROOK and way < 4) or (kind == BISHOP and way >= 4):
        return True
    if kind == PAWN:
        return step == 0 and (way >= 6 if piece == PAWN else 4 <= way < 6)
    return step == 0 and kind == KING


@jit
def _count(bits: Bits) -> int:
    count = 0
    while bits != 0:
        bits &= bits - np.uint64(1)
        count += 1
    return count


@jit
def _cheapest(board: Array, target: int, steps: Array, knights: int, other: bool) -> tuple[int, int]:
    """Returns the value of a side's least valuable attacker and its ray (8 for a knight, -1 for none)."""
    value, chosen = 1000, -1
    if knights > 0:
        value, chosen = 3, 8
    for way in range(8):
        if steps[way] == _NO_MORE:
            continue
        piece = board[RAYS[target, way, steps[way]]]
        if (piece > BLACK) == other and VALUE[piece] < value and _strikes(piece, way, steps[way]):
            value, chosen = VALUE[piece], way
    return value, chosen


@jit
def _may_strike(target: int, sets: Array) -> Bits:
    """Returns as bits all pieces that would attack a square if nothing stood between."""
    found = (_STRAIGHT[target] & sets[_ROOKS]) | (_DIAGONAL[target] & sets[_BISHOPS])
    return found | (_LEAP[target] & sets[_KNIGHTS]) | (_NEAR[target] & sets[_NEAREST])


@jit
def _look_around(board: Array, target: int, strikers: Bits, steps: Array) -> None:
    """Fills in the step of the first piece on each ray that has a striker."""
    for way in range(8):
        steps[way] = _next_piece(board, target, way, 0) if _ON_RAY[target, way] & strikers else _NO_MORE


@jit
def _exchange(board: Array, sets: Array, target: int, other: bool, steps: Array, gains: Array) -> int:
    """Returns the pawns that a side (`other`: not the mover) gains by capturing on a square, at least 0."""
    strikers = _may_strike(target, sets)
    if strikers & sets[_OTHERS if other else _MINE] == 0:
        return 0
    _look_around(board, target, strikers, steps)
    knights = _LEAP[target] & sets[_KNIGHTS]
    own_knights, other_knights = _count(knights & sets[_MINE]), _count(knights & sets[_OTHERS])
    depth = 0
    gains[0] = VALUE[board[target]]
    while True:
        value, way = _cheapest(board, target, steps, other_knights if other else own_knights, other)
        if way < 0:
            break
        if way < 8:
            steps[way] = _next_piece(board, target, way, steps[way] + 1)
        elif other:
            other_knights -= 1
        else:
            own_knights -= 1
        depth += 1
        gains[depth] = value - gains[depth - 1]
        other = not other
    if depth == 0:
        return 0
    for back in range(depth - 1, 0, -1):
        gains[back - 1] = -max(-gains[back - 1], gains[back])
    return int(max(0, gains[0]))


@jit
def _survey(board: Array, sets: Array, gains: Array, steps: Array, line: Array) -> None:
    """Fills in the sets, and what a capture on each square gains whoever can make it (64,)."""
    sets[:] = 0
    for square in range(64):
        if board[square] != 0:
            _put(sets, board[square], square)
    for square in range(64):
        piece, gains[square] = board[square], 0
        if piece != 0 and piece != KING and piece != BLACK + KING:
            gains[square] = _exchange(board, sets, square, piece <= BLACK, steps, line)


@jit
def exchange_planes(squares: Array, out: Array) -> None:
    """Writes what a capture on each square gains the mover and the other side, (N, 64, 2)."""
    steps, line, sets = np.empty(8, np.int8), np.empty(40, np.int32), np.empty(6, np.uint64)
    gains = np.empty(64, np.int32)
    for row in range(len(squares)):
        _survey(squares[row], sets, gains, steps, line)
        for square in range(64):
            own = squares[row, square] <= BLACK
            out[row, square, 0] = 0 if own else UNIT * gains[square]
            out[row, square, 1] = UNIT * gains[square] if own else 0


@jit
def _play(board: Array, token: int, sets: Array) -> tuple[int, Bits, int]:
    """Makes the mover's move in place; returns the piece taken, the squares changed, where a rook castled.

    Squares changed are bits; the rook's square is 64 if none castled.
    """
    origin, target, promotion = MOVE_PARTS[token, 0], MOVE_PARTS[token, 1], MOVE_PARTS[token, 2]
    piece, taken = board[origin], board[target]
    changed, beside = _bit(origin) | _bit(target), _OFF
    if piece == PAWN and taken == 0 and (origin - target) & 7 != 0:
        taken, board[target - 8] = board[target - 8], 0
        changed |= _bit(target - 8)
    board[target], board[origin] = promotion if promotion > 0 else piece, 0
    if piece == KING and abs(target - origin) == 2:
        corner, beside = target + 1 if target > origin else target - 2, (origin + target) >> 1
        board[beside], board[corner] = board[corner], 0
        changed |= _bit(beside) | _bit(corner)
    for number in range(6):
        sets[number] &= ~changed
    _put(sets, board[target], target)
    if beside < _OFF:
        _put(sets, board[beside], beside)
    return taken, changed, beside


@jit
def _attacked(board: Array, sets: Array, target: int, steps: Array) -> bool:
    """Whether a piece of the mover attacks a square."""
    strikers = _may_strike(target, sets)
    if strikers & sets[_MINE] == 0:
        return False
    _look_around(board, target, strikers, steps)
    knights = _count(_LEAP[target] & sets[_KNIGHTS] & sets[_MINE])
    return _cheapest(board, target, steps, knights, False)[1] >= 0


@jit
def _reach(piece: int, square: int) -> Bits:
    """Returns as bits the squares that a piece may strike from a square if nothing stands between."""
    if piece == QUEEN:
        return _STRAIGHT[square] | _DIAGONAL[square]
    if piece == ROOK:
        return _STRAIGHT[square]
    if piece == BISHOP:
        return _DIAGONAL[square]
    return _LEAP[square] if piece == KNIGHT else _NEAR[square]


@jit
def _watch(board: Array, sets: Array, pieces: Array, watched: Array) -> int:
    """Lists the squares of pieces but kings, and for each what an exchange there may depend on, as bits."""
    count = 0
    for square in range(64):
        if board[square] == 0 or board[square] == KING or board[square] == BLACK + KING:
            continue
        strikers = _may_strike(square, sets)
        lines = strikers | _bit(square)
        for way in range(8):
            if _ON_RAY[square, way] & strikers:
                lines |= _ON_RAY[square, way]
        pieces[count], watched[count] = square, lines
        count += 1
    return count


@jit
def effects(squares: Array, position: Array, token: Array, out: Array) -> None:
    """Writes what each move does (L, E), but for mates: see `tactics.EFFECTS`."""
    steps, line = np.empty(8, np.int8), np.empty(40, np.int32)
    before, sets = np.empty(6, np.uint64), np.empty(6, np.uint64)
    gains, board = np.empty(64, np.int32), np.empty(64, np.int8)
    pieces, watched = np.empty(33, np.int64), np.empty(33, np.uint64)
    row, king, count, most_lost, most_won = -1, 0, 0, 0, 0
    for move in range(len(token)):
        if position[move] != row:
            row = position[move]
            _survey(squares[row], before, gains, steps, line)
            count = _watch(squares[row], before, pieces, watched)
            most_won, most_lost = 0, 0
            for square in range(64):
                if squares[row, square] == BLACK + KING:
                    king = square
                if squares[row, square] > BLACK:
                    most_won = max(most_won, gains[square])
                else:
                    most_lost = max(most_lost, gains[square])
        board[:] = squares[row]
        sets[:] = before
        origin, target, promotion = (
            MOVE_PARTS[token[move], 0],
            MOVE_PARTS[token[move], 1],
            MOVE_PARTS[token[move], 2],
        )
        captured, changed, beside = _play(board, token[move], sets)
        reached = _reach(board[target], target)
        pieces[count], watched[count] = beside, changed
        elsewhere, all_elsewhere, threat, threats = 0, 0, 0, 0
        for number in range(count + (beside < _OFF)):
            square = pieces[number]
            piece = board[square]
            if piece == 0 or square == target:
                continue
            gain = gains[square]
            if watched[number] & changed or reached & _bit(square) or beside < _OFF:
                gain = _exchange(board, sets, square, piece <= BLACK, steps, line)
            if piece > BLACK:
                threat, threats = max(threat, gain), threats + gain
            else:
                elsewhere, all_elsewhere = max(elsewhere, gain), all_elsewhere + gain
        on_target = 0 if board[target] == KING else _exchange(board, sets, target, True, steps, line)
        taken = VALUE[captured]
        effect = out[move]
        effect[0] = UNIT * taken
        effect[1] = UNIT * on_target
        effect[2] = UNIT * elsewhere
        effect[3] = UNIT * all_elsewhere
        effect[4] = UNIT * threat
        effect[5] = UNIT * threats
        effect[6] = _attacked(board, sets, king, steps)
        effect[7] = 0
        effect[8] = UNIT * gains[origin]
        effect[9] = UNIT * most_lost
        effect[10] = UNIT * (taken - max(on_target, elsewhere))
        effect[11] = UNIT * gains[target]
        effect[12] = UNIT * most_won
        effect[13] = promotion == QUEEN
        effect[14] = 0 < promotion < QUEEN
        effect[15] = changed != _bit(origin) | _bit(target)
