"""Captures and what moves do, compiled, for many positions at once: see `chessgru.tactics`.

What a capture gains depends on few squares, so after each legal move only those exchanges are played out
again that the move touches. Sets of squares are 64 bits, a1 the lowest.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from chessgru.jit import jit
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

Array = NDArray[Any]
Bits = Any
"""A set of squares, uint64."""
VALUE: Final = np.array([0, *(1, 3, 3, 5, 9, 100) * 2], np.int32)
"""Pawns, by piece code. A king may take last, but nobody lets him be taken."""
UNIT: Final = np.float32(0.25)
"""What a pawn counts in the results."""
_OFF: Final = 64
"""Steps along a ray on which there is nothing more."""


def _bits(squares: Array) -> int:
    return sum(1 << int(square) for square in squares if square < _OFF)


def _between() -> Array:
    """Returns (64, 64): the squares between two on a line, none elsewhere."""
    found = np.zeros((64, 64), np.uint64)
    for square in range(64):
        for ray in RAYS[square]:
            for step in range(1, 8):
                if ray[step - 1] < _OFF:
                    found[square, ray[step - 1]] = _bits(ray[: step - 1])
    return found


_BETWEEN: Final = _between()
# The squares in line with a square, beside it, a knight's move away; where pawns stand that take on it.
_STRAIGHT: Final = np.array([_bits(RAYS[s, :4].ravel()) for s in range(64)], np.uint64)
_DIAGONAL: Final = np.array([_bits(RAYS[s, 4:].ravel()) for s in range(64)], np.uint64)
_NEAR: Final = np.array([_bits(RAYS[s, :, 0]) for s in range(64)], np.uint64)
_LEAP: Final = np.array([_bits(KNIGHT_SQUARES[s]) for s in range(64)], np.uint64)
_BELOW: Final = np.array([_bits(RAYS[s, 6:, 0]) for s in range(64)], np.uint64)
_ABOVE: Final = np.array([_bits(RAYS[s, 4:6, 0]) for s in range(64)], np.uint64)
# A board's sets: rooks and queens, bishops and queens, the others by kind; the mover's, the other side's.
_SETS: Final = 7
_ROOKS, _BISHOPS, _KNIGHTS, _KINGS, _PAWNS, _MINE, _OTHERS = range(_SETS)
# The lowest of some bits times this number has its index in the upper six bits (Leiserson et al. 1998).
_DE_BRUIJN: Final = np.uint64(0x03F79D71B4CB0A89)
_INDEX: Final = np.zeros(64, np.int64)
for _square in range(64):
    _INDEX[(((1 << _square) * int(_DE_BRUIJN)) % 2**64) >> 58] = _square


@jit
def _bit(square: int) -> Bits:
    return np.uint64(1) << np.uint64(square)


@jit
def _lowest(bits: Bits) -> int:
    """Returns the lowest square of a set that is not empty."""
    return int(_INDEX[((bits & (~bits + np.uint64(1))) * _DE_BRUIJN) >> np.uint64(58)])


@jit
def _put(sets: Array, piece: int, square: int) -> None:
    """Notes a piece in the sets (7,)."""
    bit = _bit(square)
    kind = piece - BLACK if piece > BLACK else piece
    sets[_MINE if piece <= BLACK else _OTHERS] |= bit
    if kind in (ROOK, QUEEN):
        sets[_ROOKS] |= bit
    if kind in (BISHOP, QUEEN):
        sets[_BISHOPS] |= bit
    if kind == KNIGHT:
        sets[_KNIGHTS] |= bit
    if kind == KING:
        sets[_KINGS] |= bit
    if kind == PAWN:
        sets[_PAWNS] |= bit


@jit
def _strikers(target: int, sets: Array) -> Bits:
    """Returns all pieces that attack a square, or would if nothing stood between."""
    found = (_STRAIGHT[target] & sets[_ROOKS]) | (_DIAGONAL[target] & sets[_BISHOPS])
    found |= (_LEAP[target] & sets[_KNIGHTS]) | (_NEAR[target] & sets[_KINGS])
    pawns = (_BELOW[target] & sets[_MINE]) | (_ABOVE[target] & sets[_OTHERS])
    return found | (pawns & sets[_PAWNS])


@jit
def _attacked(target: int, strikers: Bits, pieces: Bits) -> bool:
    """Whether one of the strikers has a free line to a square, all pieces given."""
    while strikers != 0:
        square = _lowest(strikers)
        if _BETWEEN[target, square] & pieces == 0:
            return True
        strikers &= strikers - np.uint64(1)
    return False


@jit
def _exchange(board: Array, sets: Array, target: int, other: bool, gains: Array) -> int:
    """Returns the pawns that a side (`other`: not the mover) gains by capturing on a square, at least 0.

    The least valuable piece takes first; of several, the one on the lowest square.
    """
    strikers, pieces = _strikers(target, sets), sets[_MINE] | sets[_OTHERS]
    depth = 0
    gains[0] = VALUE[board[target]]
    while True:
        left, value, chosen = strikers & sets[_OTHERS if other else _MINE], 1000, _OFF
        while left != 0:
            square = _lowest(left)
            left &= left - np.uint64(1)
            if VALUE[board[square]] < value and _BETWEEN[target, square] & pieces == 0:
                value, chosen = VALUE[board[square]], square
        if chosen == _OFF:
            break
        strikers &= ~_bit(chosen)
        pieces &= ~_bit(chosen)
        depth += 1
        gains[depth] = value - gains[depth - 1]
        other = not other
    if depth == 0:
        return 0
    for back in range(depth - 1, 0, -1):
        gains[back - 1] = -max(-gains[back - 1], gains[back])
    return int(max(0, gains[0]))


@jit
def _survey(board: Array, sets: Array, gains: Array, line: Array) -> None:
    """Fills in the sets, and what a capture on each square gains whoever can make it (64,)."""
    sets[:] = 0
    for square in range(64):
        if board[square] != 0:
            _put(sets, board[square], square)
    for square in range(64):
        piece, gains[square] = board[square], 0
        if piece != 0 and piece != KING and piece != BLACK + KING:
            gains[square] = _exchange(board, sets, square, piece <= BLACK, line)


@jit
def exchange_planes(squares: Array, out: Array) -> None:
    """Writes what a capture on each square gains the mover and the other side, (N, 64, 2)."""
    line, sets, gains = np.empty(40, np.int32), np.empty(_SETS, np.uint64), np.empty(64, np.int32)
    for row in range(len(squares)):
        _survey(squares[row], sets, gains, line)
        for square in range(64):
            own = squares[row, square] <= BLACK
            out[row, square, 0] = 0 if own else UNIT * gains[square]
            out[row, square, 1] = UNIT * gains[square] if own else 0


@jit
def _play(board: Array, token: int) -> tuple[int, Bits, int]:
    """Makes the mover's move in place; returns the piece taken, the squares changed, where a rook castled.

    The rook's square is 64 if none castled.
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
    return taken, changed, beside


@jit
def _update(board: Array, before: Array, changed: Bits, target: int, beside: int, sets: Array) -> None:
    """Fills in the sets of a board after a move."""
    for number in range(_SETS):
        sets[number] = before[number] & ~changed
    _put(sets, board[target], target)
    if beside < _OFF:
        _put(sets, board[beside], beside)


@jit
def _reach(piece: int, square: int) -> Bits:
    """Returns the squares that a piece of the mover strikes from a square if nothing stands between."""
    if piece == QUEEN:
        return _STRAIGHT[square] | _DIAGONAL[square]
    if piece == ROOK:
        return _STRAIGHT[square]
    if piece == BISHOP:
        return _DIAGONAL[square]
    if piece == KNIGHT:
        return _LEAP[square]
    return _NEAR[square] if piece == KING else _ABOVE[square]


@jit
def _watch(sets: Array, squares: Array, watched: Array) -> int:
    """Lists the squares of pieces but kings, and for each what an exchange there depends on."""
    count, left = 0, (sets[_MINE] | sets[_OTHERS]) & ~sets[_KINGS]
    while left != 0:
        square = _lowest(left)
        left &= left - np.uint64(1)
        strikers = _strikers(square, sets)
        lines = strikers | _bit(square)
        while strikers != 0:
            lines |= _BETWEEN[square, _lowest(strikers)]
            strikers &= strikers - np.uint64(1)
        squares[count], watched[count] = square, lines
        count += 1
    return count


@jit
def _may_flee(king: int, sets: Array) -> bool:
    """Whether the other side's king has a square to go to that the mover does not attack."""
    pieces, left = (sets[_MINE] | sets[_OTHERS]) & ~_bit(king), _NEAR[king] & ~sets[_OTHERS]
    while left != 0:
        square = _lowest(left)
        left &= left - np.uint64(1)
        if not _attacked(square, _strikers(square, sets) & sets[_MINE], pieces):
            return True
    return False


@jit
def effects(squares: Array, position: Array, token: Array, out: Array) -> None:
    """Writes what each move does (L, E): see `tactics.EFFECTS`.

    As a mate counts here every check that leaves the king no square: he may still be helped by others.
    """
    line, gains, board = np.empty(40, np.int32), np.empty(64, np.int32), np.empty(64, np.int8)
    before, sets = np.empty(_SETS, np.uint64), np.empty(_SETS, np.uint64)
    places, watched = np.empty(65, np.int64), np.empty(65, np.uint64)
    row, king, count, most_lost, most_won = -1, 0, 0, 0, 0
    for move in range(len(token)):
        if position[move] != row:
            row = position[move]
            _survey(squares[row], before, gains, line)
            count = _watch(before, places, watched)
            kings = before[_KINGS] & before[_OTHERS]
            king = _lowest(kings) if kings != 0 else _OFF
            most_won, most_lost = 0, 0
            for number in range(count):
                gain = gains[places[number]]
                if squares[row, places[number]] > BLACK:
                    most_won = max(most_won, gain)
                else:
                    most_lost = max(most_lost, gain)
        for square in range(64):
            board[square] = squares[row, square]
        origin, target, promotion = (
            MOVE_PARTS[token[move], 0],
            MOVE_PARTS[token[move], 1],
            MOVE_PARTS[token[move], 2],
        )
        captured, changed, beside = _play(board, token[move])
        _update(board, before, changed, target, beside, sets)
        reached = _reach(board[target], target)
        places[count], watched[count] = beside, changed
        elsewhere, all_elsewhere, threat, threats = 0, 0, 0, 0
        for number in range(count + (beside < _OFF)):
            square = places[number]
            piece = board[square]
            if piece == 0 or square == target:
                continue
            gain = gains[square]
            if watched[number] & changed or reached & _bit(square) or beside < _OFF:
                gain = _exchange(board, sets, square, piece <= BLACK, line)
            if piece > BLACK:
                threat, threats = max(threat, gain), threats + gain
            else:
                elsewhere, all_elsewhere = max(elsewhere, gain), all_elsewhere + gain
        on_target = 0 if board[target] == KING else _exchange(board, sets, target, True, line)
        taken = VALUE[captured]
        check = False
        if king < _OFF:
            check = _attacked(king, _strikers(king, sets) & sets[_MINE], sets[_MINE] | sets[_OTHERS])
        effect = out[move]
        effect[0] = UNIT * taken
        effect[1] = UNIT * on_target
        effect[2] = UNIT * elsewhere
        effect[3] = UNIT * all_elsewhere
        effect[4] = UNIT * threat
        effect[5] = UNIT * threats
        effect[6] = check
        effect[7] = check and not _may_flee(king, sets)
        effect[8] = UNIT * gains[origin]
        effect[9] = UNIT * most_lost
        effect[10] = UNIT * (taken - max(on_target, elsewhere))
        effect[11] = UNIT * gains[target]
        effect[12] = UNIT * most_won
        effect[13] = promotion == QUEEN
        effect[14] = 0 < promotion < QUEEN
        effect[15] = changed != _bit(origin) | _bit(target)


@jit
def replies(squares: Array, position: Array, token: Array, after: Array, passing: Array) -> None:
    """Writes the boards after each move (L, 64), seen by the other side, and en passant squares (L,)."""
    board = np.empty(64, np.int8)
    for move in range(len(token)):
        for square in range(64):
            board[square] = squares[position[move], square]
        origin, target = MOVE_PARTS[token[move], 0], MOVE_PARTS[token[move], 1]
        jumps = board[origin] == PAWN and target - origin == 16
        _play(board, token[move])
        passing[move] = (origin + 8) ^ 56 if jumps else _OFF
        for square in range(64):
            piece = board[square ^ 56]
            after[move, square] = 0 if piece == 0 else piece - BLACK if piece > BLACK else piece + BLACK
