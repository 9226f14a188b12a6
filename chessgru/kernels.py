"""The parts of the network that are not matrix products, compiled for the processor.

Squares are rows: the features of N positions are (N * 64, C), and square s of position n is row n * 64 + s.
Few squares attack another and few moves are legal, so sums over them beat products with mostly empty
64 x 64 matrices; and each pass over the features does all that is to be done with them.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chessgru.jit import fast_jit, jit
from chessgru.vocabulary import MOVES, SIZE

Array = NDArray[Any]
_MOVE: Final = np.array([(m.from_square, m.to_square, (m.promotion or 6) - 2) for m in MOVES], np.int64)
_NOBODY: Final = SIZE


class Links(NamedTuple):
    """Who attacks what in N positions, by rows of the features."""

    pieces: Array
    """(K,) int64, rising: the squares from which a piece attacks anything."""
    starts: Array
    """(K + 1,) int64: where each piece's targets begin."""
    targets: Array
    """(E,) int64: the attacked squares."""


@jit
def _find_links(attacks: Array, pieces: Array, starts: Array, targets: Array) -> int:
    found, edges, before = -1, 0, -1
    for row in range(attacks.shape[0]):
        for word in range(attacks.shape[1]):
            if attacks[row, word] == 0:
                continue
            bits = attacks[row, word]
            for byte in range(8):
                if (bits >> np.uint64(8 * byte)) & np.uint64(1) == 0:
                    continue
                pair = word * 8 + byte
                piece = row * 64 + _MOVE[pair, 0]
                if piece != before:
                    found += 1
                    pieces[found], starts[found], before = piece, edges, piece
                targets[edges] = row * 64 + _MOVE[pair, 1]
                edges += 1
    starts[found + 1] = edges
    return found + 1


def find_links(attacks: NDArray[np.bool_]) -> Links:
    """Returns the links of attacks (N, PIECE_MOVES)."""
    edges = np.count_nonzero(attacks)
    pieces, starts = np.empty(edges, np.int64), np.empty(edges + 1, np.int64)
    targets = np.empty(edges, np.int64)
    count = _find_links(attacks.view(np.uint64), pieces, starts, targets)
    return Links(pieces[:count], starts[: count + 1], targets)


class Moves(NamedTuple):
    """The L legal moves of N positions, position by position, from R squares to Q."""

    position: Array
    """(L,) int64, rising."""
    token: Array
    """(L,) int64, rising within a position."""
    origin: Array
    """(L,) int64: which of the R squares."""
    target: Array
    """(L,) int64: which of the Q."""
    origins: Array
    """(R,) int64, rows of the features."""
    targets: Array
    """(Q,) int64, likewise, each square of a position once."""


@jit
def _find_moves(
    legal: Array,
    position: Array,
    token: Array,
    origin: Array,
    target: Array,
    origins: Array,
    targets: Array,
) -> tuple[int, int]:
    found, aimed, edges, before = -1, 0, 0, -1
    place = np.empty(64, np.int64)
    for row in range(legal.shape[0]):
        place[:] = -1
        for word in range(legal.shape[1]):
            bits = legal[row, word]
            if bits == 0:
                continue
            for byte in range(8):
                if (bits >> np.uint64(8 * byte)) & np.uint64(1) == 0:
                    continue
                move = word * 8 + byte
                square, aim = row * 64 + _MOVE[move, 0], _MOVE[move, 1]
                if square != before:
                    found += 1
                    origins[found], before = square, square
                if place[aim] < 0:
                    place[aim], targets[aimed] = aimed, row * 64 + aim
                    aimed += 1
                position[edges], token[edges] = row, move
                origin[edges], target[edges] = found, place[aim]
                edges += 1
    return found + 1, aimed


def find_moves(legal: NDArray[np.bool_]) -> Moves:
    """Returns the moves of a table (N, SIZE)."""
    edges = np.count_nonzero(legal)
    moves = Moves(*np.empty((6, edges), np.int64))
    found, aimed = _find_moves(legal.view(np.uint64), *moves)
    return moves._replace(origins=moves.origins[:found], targets=moves.targets[:aimed])


FINDERS: Final = (_find_links, _find_moves)
"""What `find_links` and `find_moves` have compiled."""


class Taps(NamedTuple):
    """The first convolution, taken apart by planes of the input."""

    spread: Array
    """(PLANES, 9, C): what a 1 on a plane adds to the square at each of the nine steps around it."""
    ground: Array
    """(16, 64, C): the sum of all that does not depend on the pieces, by castling rights (bits)."""
    clock: Array
    """(64, C): what a clock of 50 moves adds."""


@fast_jit
def _add(spread: Array, plane: int, row: int, square: int, times: np.float32, out: Array) -> None:
    """Adds a value on one square of a plane to the squares around it."""
    for step in range(9):
        rank, file = (square >> 3) + step // 3 - 1, (square & 7) + step % 3 - 1
        if 0 <= rank < 8 and 0 <= file < 8:
            at = row * 64 + rank * 8 + file
            for c in range(out.shape[1]):
                out[at, c] += times * spread[plane, step, c]


@fast_jit
def _lay_ground(
    castling: Array, halfmoves: Array, row: int, ground: Array, clock: Array, out: Array
) -> None:
    rights = 0
    for right in range(4):
        rights |= castling[row, right] << right
    fifties = np.float32(min(halfmoves[row] / 50, 2.0))
    for square in range(64):
        for c in range(out.shape[1]):
            out[row * 64 + square, c] = ground[rights, square, c] + fifties * clock[square, c]


@fast_jit
def _mark(
    squares: Array, passing: Array, last: Array, exchanges: Array, row: int, spread: Array, out: Array
) -> None:
    one = np.float32(1)
    for square in range(64):
        if squares[row, square] > 0:
            _add(spread, squares[row, square] - 1, row, square, one, out)
        for side in range(2):
            if exchanges[row, square, side] > 0:
                _add(spread, 22 + side, row, square, exchanges[row, square, side], out)
    if passing[row] < 64:
        _add(spread, 12, row, passing[row], one, out)
    if last[row] != _NOBODY:
        _add(spread, 13, row, _MOVE[last[row], 0], one, out)
        _add(spread, 14, row, _MOVE[last[row], 1], one, out)


@fast_jit
def stem(
    squares: Array,
    castling: Array,
    passing: Array,
    halfmoves: Array,
    last: Array,
    exchanges: Array,
    pieces: Array,
    starts: Array,
    targets: Array,
    spread: Array,
    ground: Array,
    clock: Array,
    out: Array,
) -> None:
    """Writes the first features (N * 64, C): a convolution of `planes.board_planes`, cut off at 0."""
    hits = np.zeros((2, 64), np.float32)
    link = 0
    for row in range(len(last)):
        _lay_ground(castling, halfmoves, row, ground, clock, out)
        _mark(squares, passing, last, exchanges, row, spread, out)
        hits[:] = 0
        while link < len(pieces) and pieces[link] >> 6 == row:
            side = 0 if squares[row, pieces[link] & 63] <= 6 else 1
            for edge in range(starts[link], starts[link + 1]):
                hits[side, targets[edge] & 63] += np.float32(0.5)
            link += 1
        for square in range(64):
            for side in range(2):
                if hits[side, square] > 0:
                    _add(spread, 19 + side, row, square, hits[side, square], out)
        for square in range(row * 64, row * 64 + 64):
            for c in range(out.shape[1]):
                out[square, c] = max(out[square, c], np.float32(0))


@fast_jit
def affine(features: Array, scale: Array, shift: Array, rows: Array, floor: np.float32) -> None:
    """Scales and shifts features (N * 64, C) in place, and lifts them to `floor`.

    `scale` and `shift` are (M, C); position n uses their row `rows[n]`.
    """
    for position in range(len(rows)):
        row = rows[position]
        for square in range(position * 64, position * 64 + 64):
            for c in range(features.shape[1]):
                features[square, c] = max(features[square, c] * scale[row, c] + shift[row, c], floor)


@fast_jit
def gather(features: Array, pieces: Array, starts: Array, targets: Array, own: Array, seen: Array) -> None:
    """Writes each piece's own features and the sum over the squares it attacks: (K, C) both."""
    channels = features.shape[1]
    for link in range(len(pieces)):
        for c in range(channels):
            own[link, c] = features[pieces[link], c]
            seen[link, c] = 0
        for edge in range(starts[link], starts[link + 1]):
            target = targets[edge]
            for c in range(channels):
                seen[link, c] += features[target, c]


@fast_jit
def scatter(
    to_pieces: Array, to_targets: Array, pieces: Array, starts: Array, targets: Array, out: Array
) -> None:
    """Adds (K, C) to each piece's features, and (K, C) to those of each square it attacks."""
    channels = out.shape[1]
    for link in range(len(pieces)):
        for c in range(channels):
            out[pieces[link], c] += to_pieces[link, c]
        for edge in range(starts[link], starts[link + 1]):
            target = targets[edge]
            for c in range(channels):
                out[target, c] += to_targets[link, c]


@fast_jit
def modulate(features: Array, scale: Array, shift: Array, rows: Array, out: Array) -> None:
    """Writes features scaled and shifted as by `affine`, cut off at 0."""
    for position in range(len(rows)):
        row = rows[position]
        for square in range(position * 64, position * 64 + 64):
            for c in range(features.shape[1]):
                out[square, c] = max(features[square, c] * scale[row, c] + shift[row, c], np.float32(0))


@fast_jit
def modulate_back(
    features: Array,
    scale: Array,
    rows: Array,
    out: Array,
    wanted: Array,
    by_features: Array,
    by_scale: Array,
    by_shift: Array,
) -> None:
    """Writes or adds to the gradients of what `modulate` was given, from that of its result."""
    for position in range(len(rows)):
        row = rows[position]
        for square in range(position * 64, position * 64 + 64):
            for c in range(features.shape[1]):
                here = wanted[square, c] if out[square, c] > 0 else np.float32(0)
                by_features[square, c] = here * scale[row, c]
                by_scale[row, c] += here * features[square, c]
                by_shift[row, c] += here


@fast_jit
def join(features: Array, branch: Array, gain: np.float32, out: Array) -> None:
    """Writes features plus `gain` times the branch, cut off at 0."""
    for square in range(len(features)):
        for c in range(features.shape[1]):
            out[square, c] = max(features[square, c] + gain * branch[square, c], np.float32(0))


@fast_jit
def join_back(
    branch: Array,
    gain: np.float32,
    out: Array,
    wanted: Array,
    by_features: Array,
    by_branch: Array,
    by_gain: Array,
) -> None:
    """Writes the gradients of what `join` was given, from that of its result; by channel for the gain."""
    for square in range(len(branch)):
        for c in range(branch.shape[1]):
            here = wanted[square, c] if out[square, c] > 0 else np.float32(0)
            by_features[square, c], by_branch[square, c] = here, gain * here
            by_gain[c] += here * branch[square, c]


@fast_jit
def finish(
    features: Array,
    branch: Array,
    to_attacked: Array,
    to_attacker: Array,
    pieces: Array,
    starts: Array,
    targets: Array,
    gain: np.float32,
) -> None:
    """Adds what pieces send (K, C) to a block's branch, and turns it in place into the block's result."""
    channels = features.shape[1]
    for link in range(len(pieces)):
        piece = pieces[link]
        for c in range(channels):
            branch[piece, c] += to_attacker[link, c]
        for edge in range(starts[link], starts[link + 1]):
            target = targets[edge]
            for c in range(channels):
                branch[target, c] += to_attacked[link, c]
    for square in range(len(features)):
        for c in range(channels):
            branch[square, c] = max(features[square, c] + gain * branch[square, c], np.float32(0))


@fast_jit
def scores(
    features: Array,
    keys: Array,
    offsets: Array,
    promotion: Array,
    promotion_bias: Array,
    moves_token: Array,
    moves_origin: Array,
    moves_target: Array,
    targets: Array,
    scale: np.float32,
    effects: Array,
    by_effect: Array,
    by_origin: Array,
    by_target: Array,
    verdict: Array,
    out: Array,
) -> None:
    """Writes each legal move's logit (L,): its target's features times its origin's key (R, C).

    To that comes what `model.Weighing` makes of its effects (L, E), origin (R, T) and target (Q, T).
    """
    channels = features.shape[1]
    hidden = np.empty(len(verdict), np.float32)
    for move in range(len(out)):
        token, origin, aim = moves_token[move], moves_origin[move], moves_target[move]
        target = targets[aim]
        total = np.float32(0)
        for c in range(channels):
            total += features[target, c] * keys[origin, c]
        total = (total + offsets[origin]) * scale
        piece = _MOVE[token, 2]
        if piece < 4:
            total += promotion_bias[piece]
            for c in range(channels):
                total += features[target, c] * promotion[piece, c]
        for unit in range(len(hidden)):
            hidden[unit] = by_origin[origin, unit] + by_target[aim, unit]
        for effect in range(effects.shape[1]):
            size = effects[move, effect]
            if size != 0:
                for unit in range(len(hidden)):
                    hidden[unit] += size * by_effect[effect, unit]
        for unit in range(len(hidden)):
            total += verdict[unit] * max(hidden[unit], np.float32(0))
        out[move] = total
