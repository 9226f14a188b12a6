"""Matrix products, and 3x3 convolutions of boards by tiles, compiled.

PyTorch leaves matrix products to a library (MKL) that reaches about half of this rate on AMD's processors.
A convolution takes a quarter of the multiplications: each 4x4 tile of the 8x8 board, with the squares
around it, is taken to 36 numbers; the convolution is one product for each of them; and the products are
taken back (Winograd's F(4x4, 3x3); Lavin & Gray 2016, arXiv:1509.09308). The points of interpolation are
0, 1/sqrt 2, -1/sqrt 2, sqrt 2, -sqrt 2 and infinity, whose rounding errors are half of those of the usual
0, 1, -1, 2 and -2. A position goes through all three steps before the next, so that its numbers stay in the
processor's cache.

The functions below become fast where they are called with a number of channels that the compiler knows.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from chessgru.jit import fast_jit

Array = NDArray[Any]
_ROOT, _HALF = np.float32(2**0.5), np.float32(0.5**0.5)
_DOUBLE_ROOT, _QUARTER = np.float32(2 * 2**0.5), np.float32(0.25 * 2**0.5)
_U: Final = np.uintp
"""Makes an index that is known not to count from the end, so that the compiler can use vectors."""


@fast_jit
def _add_products(
    x: Array, at: int, weights: Array, first: int, out: Array, to: int, inputs: int, outputs: int
) -> None:
    """Adds to four rows of `out`, from `to`, those of x, from `at`, times weights (I, O), from `first`.

    Four inputs of four rows at a time: as many as the processor has registers for.
    """
    many, one, two, three = _U(inputs - inputs % 4), _U(outputs), _U(2 * outputs), _U(3 * outputs)
    xa, ya = _U(at), _U(to)
    xb, yb = xa + _U(inputs), ya + one
    xc, yc = xb + _U(inputs), yb + one
    xd, yd = xc + _U(inputs), yc + one
    for k in range(_U(0), many, _U(4)):
        w, k1, k2, k3 = _U(first) + k * one, k + _U(1), k + _U(2), k + _U(3)
        a0, a1, a2, a3 = x[xa + k], x[xa + k1], x[xa + k2], x[xa + k3]
        b0, b1, b2, b3 = x[xb + k], x[xb + k1], x[xb + k2], x[xb + k3]
        c0, c1, c2, c3 = x[xc + k], x[xc + k1], x[xc + k2], x[xc + k3]
        d0, d1, d2, d3 = x[xd + k], x[xd + k1], x[xd + k2], x[xd + k3]
        for o in range(one):
            w0, w1 = weights[w + o], weights[w + one + o]
            w2, w3 = weights[w + two + o], weights[w + three + o]
            out[ya + o] += a0 * w0 + a1 * w1 + a2 * w2 + a3 * w3
            out[yb + o] += b0 * w0 + b1 * w1 + b2 * w2 + b3 * w3
            out[yc + o] += c0 * w0 + c1 * w1 + c2 * w2 + c3 * w3
            out[yd + o] += d0 * w0 + d1 * w1 + d2 * w2 + d3 * w3
    for k in range(many, _U(inputs)):
        w, a0, b0, c0, d0 = _U(first) + k * one, x[xa + k], x[xb + k], x[xc + k], x[xd + k]
        for o in range(one):
            out[ya + o] += a0 * weights[w + o]
            out[yb + o] += b0 * weights[w + o]
            out[yc + o] += c0 * weights[w + o]
            out[yd + o] += d0 * weights[w + o]


@fast_jit
def product(x: Array, weights: Array, bias: Array, out: Array) -> None:
    """Writes x (R * I,) times weights (I * O,) plus bias (O,) to `out` (R * O,), for 4 rows or more."""
    outputs = len(bias)
    inputs, rows = len(weights) // outputs, len(out) // outputs
    for each in range(0, rows, 4):
        row = min(each, rows - 4)  # the last four may be partly done already
        for some in range(row, row + 4):
            for o in range(_U(outputs)):
                out[_U(some * outputs) + o] = bias[o]
        _add_products(x, row * inputs, weights, 0, out, row * outputs, inputs, outputs)


def tile_ways() -> NDArray[np.float64]:
    """Returns (36, 9): what a 3x3 convolution's weights become on a tile's numbers."""
    points = 2.0 ** np.array([0.5, 0.5, -0.5, -0.5]) * [1, -1, 1, -1]
    ways = np.zeros((6, 3))
    ways[0, 0], ways[5, 2] = 1 / np.prod(points), 1
    for row, point in enumerate(points, start=1):
        ways[row] = point ** np.arange(3) / (point * np.prod(point - points[points != point]))
    both: NDArray[np.float64] = np.kron(ways, ways).astype(np.float64)
    return both


@fast_jit
def _to_points(
    d: Array, at: int, gap: int, first: bool, last: bool, out: Array, start: int, step: int, width: int
) -> None:
    """Takes six rows, `gap` apart, to six points; the first or the last is 0 at the board's edge."""
    for c in range(_U(width)):
        x0 = np.float32(0) if first else d[_U(at) + c]
        x1, x2 = d[_U(at + gap) + c], d[_U(at + 2 * gap) + c]
        x3, x4 = d[_U(at + 3 * gap) + c], d[_U(at + 4 * gap) + c]
        x5 = np.float32(0) if last else d[_U(at + 5 * gap) + c]
        even, odd = x4 - np.float32(0.5) * x2, _ROOT * x3 - _HALF * x1
        out[_U(start) + c] = x4 - np.float32(2.5) * x2 + x0
        out[_U(start + step) + c], out[_U(start + 2 * step) + c] = even + odd, even - odd
        even, odd = x4 - np.float32(2) * x2, _HALF * x3 - _ROOT * x1
        out[_U(start + 3 * step) + c], out[_U(start + 4 * step) + c] = even + odd, even - odd
        out[_U(start + 5 * step) + c] = x5 - np.float32(2.5) * x3 + x1


@fast_jit
def _tile(features: Array, position: int, block: Array, numbers: Array, width: int) -> None:
    """Writes the numbers (36, 4, C) of a position's four tiles; `block` (36, C) is room for half of it."""
    row, gap = 6 * width, 4 * width
    for tile in range(4):
        top, left = tile >> 1, tile & 1
        corner = (position * 64 + (4 * top - 1) * 8 + 4 * left - 1) * width
        for column in range(6):
            at, start = corner + column * width, column * width
            if (left == 0 and column == 0) or (left == 1 and column == 5):
                continue  # off the board: filled in below
            if top == 0:
                _to_points(features, at, 8 * width, True, False, block, start, row, width)
            else:
                _to_points(features, at, 8 * width, False, True, block, start, row, width)
        for y in range(6):
            start = y * 6 * gap + tile * width
            if left == 0:
                _to_points(block, y * row, width, True, False, numbers, start, gap, width)
            else:
                _to_points(block, y * row, width, False, True, numbers, start, gap, width)


@fast_jit
def _multiply(numbers: Array, weights: Array, products: Array, width: int) -> None:
    """Writes the products (36, 4, C) of numbers (36, 4, C) and weights (36, C, C), inputs first."""
    for each in range(_U(144 * width)):
        products[each] = 0
    for point in range(36):
        at = point * 4 * width
        _add_products(numbers, at, weights, point * width * width, products, at, width, width)


@fast_jit
def _untile(
    products: Array,
    position: int,
    scale: Array,
    shift: Array,
    of: int,
    floor: np.float32,
    block: Array,
    out: Array,
    width: int,
) -> None:
    """Takes a position's products (36, 4, C) to features, scaled and shifted by the numbers from `of`."""
    row, gap = 6 * width, 4 * width
    for tile in range(4):
        for column in range(6):
            at, start = column * gap + tile * width, column * width
            for c in range(_U(width)):
                m0, m1 = products[_U(at) + c], products[_U(at + 6 * gap) + c]
                m2, m3 = products[_U(at + 12 * gap) + c], products[_U(at + 18 * gap) + c]
                m4, m5 = products[_U(at + 24 * gap) + c], products[_U(at + 30 * gap) + c]
                even, odd, wide, side = m1 + m2, m1 - m2, m3 + m4, m3 - m4
                block[_U(start) + c] = m0 + even + wide
                block[_U(start + row) + c] = _ROOT * odd + _HALF * side
                block[_U(start + 2 * row) + c] = np.float32(2) * even + np.float32(0.5) * wide
                block[_U(start + 3 * row) + c] = _DOUBLE_ROOT * odd + _QUARTER * side + m5
        corner = (position * 64 + (tile >> 1) * 32 + (tile & 1) * 4) * width
        for y in range(4):
            at, to = y * row, corner + y * 8 * width
            for c in range(_U(width)):
                m0, m1, m2 = block[_U(at) + c], block[_U(at + width) + c], block[_U(at + 2 * width) + c]
                m3, m4 = block[_U(at + 3 * width) + c], block[_U(at + 4 * width) + c]
                m5 = block[_U(at + 5 * width) + c]
                even, odd, wide, side = m1 + m2, m1 - m2, m3 + m4, m3 - m4
                times, plus = scale[_U(of) + c], shift[_U(of) + c]
                out[_U(to) + c] = max((m0 + even + wide) * times + plus, floor)
                second = _ROOT * odd + _HALF * side
                out[_U(to + width) + c] = max(second * times + plus, floor)
                third = np.float32(2) * even + np.float32(0.5) * wide
                out[_U(to + 2 * width) + c] = max(third * times + plus, floor)
                fourth = _DOUBLE_ROOT * odd + _QUARTER * side + m5
                out[_U(to + 3 * width) + c] = max(fourth * times + plus, floor)


def room(channels: int) -> int:
    """Returns how many numbers `convolution` needs room for."""
    return 324 * channels


@cache
def convolution(
    channels: int,
) -> Callable[[Array, Array, Array, Array, Array, np.float32, Array, Array], None]:
    """Returns the convolution for a number of channels C, a multiple of 4.

    It writes the affine map of the convolution of features (N * 64 * C,), as `kernels.affine` does, to
    features of the same shape. Weights are those of `tile_ways`, (36 * C * C,), inputs before outputs;
    `scale` and `shift` are (M * C,), and position n uses their row `rows[n]` of C. `space` is any memory of
    `room(C)`: quicker by a quarter if it and the weights begin at multiples of 64 bytes, as tensors do.

    Nothing compiled is captured here, only numbers: else numba would not find the result in its cache.
    """
    width = channels

    @fast_jit
    def convolve(
        features: Array,
        weights: Array,
        scale: Array,
        shift: Array,
        rows: Array,
        floor: np.float32,
        space: Array,
        out: Array,
    ) -> None:
        numbers, products = space[: 144 * width], space[144 * width : 288 * width]
        block = space[288 * width :]
        for position in range(len(rows)):
            _tile(features, position, block, numbers, width)
            _multiply(numbers, weights, products, width)
            of = rows[position] * width
            _untile(products, position, scale, shift, of, floor, block, out, width)

    return convolve


@fast_jit
def _from_results(d: Array, at: int, gap: int, out: Array, start: int, step: int, width: int) -> None:
    """Takes what is wanted of four results, `gap` apart, to six points: `_untile` the other way."""
    for c in range(_U(width)):
        y0, y1 = d[_U(at) + c], d[_U(at + gap) + c]
        y2, y3 = d[_U(at + 2 * gap) + c], d[_U(at + 3 * gap) + c]
        even, odd = y0 + np.float32(2) * y2, _ROOT * y1 + _DOUBLE_ROOT * y3
        out[_U(start) + c], out[_U(start + 5 * step) + c] = y0, y3
        out[_U(start + step) + c], out[_U(start + 2 * step) + c] = even + odd, even - odd
        even, odd = y0 + np.float32(0.5) * y2, _HALF * y1 + _QUARTER * y3
        out[_U(start + 3 * step) + c], out[_U(start + 4 * step) + c] = even + odd, even - odd


@fast_jit
def _tile_results(wanted: Array, position: int, block: Array, numbers: Array, width: int) -> None:
    """Writes the numbers (36, 4, C) of the gradients of a position's four tiles of results."""
    row, gap = 6 * width, 4 * width
    for tile in range(4):
        corner = (position * 64 + (tile >> 1) * 32 + (tile & 1) * 4) * width
        for column in range(4):
            at, start = corner + column * width, column * width
            _from_results(wanted, at, 8 * width, block, start, row, width)
        for y in range(6):
            _from_results(block, y * row, width, numbers, y * 6 * gap + tile * width, gap, width)


@fast_jit
def _add_outer(x: Array, y: Array, at: int, out: Array, to: int, width: int) -> None:
    """Adds to a table (C, C) of `out`, from `to`, the products of four rows of x and of y, from `at`."""
    one, first = _U(width), _U(at)
    second, third = first + one, first + one + one
    fourth = third + one
    for i in range(_U(0), one, _U(4)):
        a0, a1, a2, a3 = x[first + i], x[second + i], x[third + i], x[fourth + i]
        j = i + _U(1)
        b0, b1, b2, b3 = x[first + j], x[second + j], x[third + j], x[fourth + j]
        j = i + _U(2)
        c0, c1, c2, c3 = x[first + j], x[second + j], x[third + j], x[fourth + j]
        j = i + _U(3)
        d0, d1, d2, d3 = x[first + j], x[second + j], x[third + j], x[fourth + j]
        ra = _U(to) + i * one
        rb, rc, rd = ra + one, ra + one + one, ra + one + one + one
        for o in range(one):
            y0, y1, y2, y3 = y[first + o], y[second + o], y[third + o], y[fourth + o]
            out[ra + o] += a0 * y0 + a1 * y1 + a2 * y2 + a3 * y3
            out[rb + o] += b0 * y0 + b1 * y1 + b2 * y2 + b3 * y3
            out[rc + o] += c0 * y0 + c1 * y1 + c2 * y2 + c3 * y3
            out[rd + o] += d0 * y0 + d1 * y1 + d2 * y2 + d3 * y3


@cache
def weight_gradient(channels: int) -> Callable[[Array, Array, Array, Array], None]:
    """Returns the gradient of a convolution's weights, for a number of channels C, a multiple of 4.

    It adds to `out` (36 * C * C,), inputs before outputs, that of the tiles' weights, from the features and
    the gradients of the results, (N * 64 * C,) both. `space` is any memory of `room(C)`.
    """
    width = channels

    @fast_jit
    def gradient(features: Array, wanted: Array, space: Array, out: Array) -> None:
        numbers, results = space[: 144 * width], space[144 * width : 288 * width]
        block = space[288 * width :]
        for position in range(len(features) // (64 * width)):
            _tile(features, position, block, numbers, width)
            _tile_results(wanted, position, block, results, width)
            for point in range(36):
                _add_outer(numbers, results, point * 4 * width, out, point * width * width, width)

    return gradient


@fast_jit
def _add_rows(x: Array, weights: Array, out: Array, rows: int) -> None:
    """Adds to `rows` rows of out (R, O), or up to three more, those of x (R, I) times weights (I, O)."""
    inputs, outputs = x.shape[1], out.shape[1]
    flat, into, ways = x.reshape(-1), out.reshape(-1), weights.reshape(-1)
    for row in range(0, rows, 4):
        _add_products(flat, row * inputs, ways, 0, into, row * outputs, inputs, outputs)


@fast_jit
def recurrence(
    heard: Array, weights: Array, bias: Array, counts: Array, own: Array, gates: Array, states: Array
) -> None:
    """Reads B games with a gated recurrent unit of H units, as `torch.nn.GRU` does.

    Rows are ply by ply, the longest games first: `counts[t]` games have a ply t, N in all. `heard` (N, 3H)
    is what the inputs give to the reset gate, the update gate and the candidate, `weights` (H, 3H) and
    `bias` (3H,) are the states'. Writes the states (N, H), and what `recurrence_back` needs: what the state
    gave to the candidate, `own` (N, H), and the gates' and the candidate's values (N, 3H).
    """
    size, one, start = states.shape[1], np.float32(1), 0
    hidden = np.zeros((len(counts) and counts[0] + 3, size), np.float32)
    given = np.empty((len(hidden), 3 * size), np.float32)
    for count in counts:
        for game in range(count + 3 - (count + 3) % 4):
            for unit in range(3 * size):
                given[game, unit] = bias[unit]
        _add_rows(hidden, weights, given, count)
        for game in range(count):
            row = start + game
            for unit in range(2 * size):
                gates[row, unit] = one / (one + np.exp(-heard[row, unit] - given[game, unit]))
            for unit in range(size):
                own[row, unit] = given[game, 2 * size + unit]
                reset, update = gates[row, unit], gates[row, size + unit]
                said = heard[row, 2 * size + unit] + reset * own[row, unit]
                candidate = np.float32(2) / (one + np.exp(np.float32(-2) * said)) - one
                gates[row, 2 * size + unit] = candidate
                hidden[game, unit] = candidate + update * (hidden[game, unit] - candidate)
                states[row, unit] = hidden[game, unit]
        start += count


@fast_jit
def recurrence_back(
    own: Array,
    gates: Array,
    states: Array,
    weights: Array,
    counts: Array,
    wanted: Array,
    by_heard: Array,
    by_given: Array,
) -> None:
    """Writes the gradients (N, 3H) of what `recurrence` heard and of what its states gave.

    `wanted` (N, H) is that of the states, `weights` (3H, H).
    """
    size, one, start = states.shape[1], np.float32(1), len(states)
    back = np.zeros((len(counts) and counts[0] + 3, size), np.float32)
    given = np.zeros((len(back), 3 * size), np.float32)
    for ply in range(len(counts) - 1, -1, -1):
        count = counts[ply]
        start -= count
        before = start - counts[ply - 1]
        for game in range(count):
            row = start + game
            for unit in range(size):
                reset, update = gates[row, unit], gates[row, size + unit]
                candidate = gates[row, 2 * size + unit]
                last = states[before + game, unit] if ply else np.float32(0)
                here = wanted[row, unit] + back[game, unit]
                by_update = here * (last - candidate) * update * (one - update)
                by_candidate = here * (one - update) * (one - candidate * candidate)
                by_reset = by_candidate * own[row, unit] * reset * (one - reset)
                by_heard[row, unit] = given[game, unit] = by_reset
                by_heard[row, size + unit] = given[game, size + unit] = by_update
                by_heard[row, 2 * size + unit] = by_candidate
                given[game, 2 * size + unit] = by_candidate * reset
                back[game, unit] = here * update
            by_given[row] = given[game]
        given[count:] = 0
        _add_rows(given, weights, back, count)
