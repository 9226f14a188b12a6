"""3x3 convolutions of boards by tiles, compiled: a quarter of the multiplications.

Each 4x4 tile of the 8x8 board, with the squares around it, is taken to 36 numbers; the convolution is one
product for each of them; and the products are taken back (Winograd's F(4x4, 3x3); Lavin & Gray 2016,
arXiv:1509.09308). The points of interpolation are 0, 1/sqrt 2, -1/sqrt 2, sqrt 2, -sqrt 2 and infinity,
whose rounding errors are half of those of the usual 0, 1, -1, 2 and -2.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from chessgru.pgn.jit import fast_jit

Array = NDArray[Any]
_ROOT, _HALF = np.float32(2**0.5), np.float32(0.5**0.5)
_DOUBLE_ROOT, _QUARTER = np.float32(2 * 2**0.5), np.float32(0.25 * 2**0.5)
_U: Final = np.uintp
"""Makes an index that is known not to count from the end, so that the compiler can use vectors."""


def tile_ways() -> NDArray[np.float64]:
    """Returns (36, 9): what a 3x3 convolution's weights become on a tile's numbers."""
    points = 2.0 ** np.array([0.5, 0.5, -0.5, -0.5]) * [1, -1, 1, -1]
    ways = np.zeros((6, 3))
    ways[0, 0], ways[5, 2] = 1 / np.prod(points), 1
    for row, point in enumerate(points, start=1):
        ways[row] = point ** np.arange(3) / (point * np.prod(point - points[points != point]))
    both: NDArray[np.float64] = np.kron(ways, ways).astype(np.float64)
    return both


class Tiling(NamedTuple):
    """Compiled for one number of channels C."""

    tile: Callable[[Array, Array], None]
    """Writes the tiles' numbers (N * 4 * 36 * C,) of features (N * 64 * C,)."""
    untile: Callable[[Array, Array, Array, Array, np.float32, Array], None]
    """Takes the tiles' products back to features, of the same shapes, and does `kernels.affine`."""


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


@cache
def tiling(channels: int) -> Tiling:
    """Returns the ways into tiles and back; the loops become vectors as the channels are known.

    Nothing compiled is captured here, only numbers: else numba would not find the result in its cache.
    """
    width, row = channels, 6 * channels

    @fast_jit
    def tile(features: Array, out: Array) -> None:
        block = np.zeros(36 * width, np.float32)
        for number in range(len(out) // (36 * width)):
            top, left = number >> 1 & 1, number & 1
            corner = ((number >> 2) * 64 + (4 * top - 1) * 8 + 4 * left - 1) * width
            for column in range(6):
                at, start = corner + column * width, column * width
                if (left == 0 and column == 0) or (left == 1 and column == 5):
                    continue  # off the board: filled in below
                if top == 0:
                    _to_points(features, at, 8 * width, True, False, block, start, row, width)
                else:
                    _to_points(features, at, 8 * width, False, True, block, start, row, width)
            for y in range(6):
                start = (number * 36 + y * 6) * width
                if left == 0:
                    _to_points(block, y * row, width, True, False, out, start, width, width)
                else:
                    _to_points(block, y * row, width, False, True, out, start, width, width)

    @fast_jit
    def untile(
        products: Array, scale: Array, shift: Array, rows: Array, floor: np.float32, out: Array
    ) -> None:
        block = np.empty(24 * width, np.float32)
        for number in range(len(products) // (36 * width)):
            of = rows[number >> 2] * width
            for column in range(6):
                at, start = (number * 36 + column) * width, column * width
                for c in range(_U(width)):
                    m0, m1 = products[_U(at) + c], products[_U(at + row) + c]
                    m2, m3 = products[_U(at + 2 * row) + c], products[_U(at + 3 * row) + c]
                    m4, m5 = products[_U(at + 4 * row) + c], products[_U(at + 5 * row) + c]
                    even, odd, wide, side = m1 + m2, m1 - m2, m3 + m4, m3 - m4
                    block[_U(start) + c] = m0 + even + wide
                    block[_U(start + row) + c] = _ROOT * odd + _HALF * side
                    block[_U(start + 2 * row) + c] = np.float32(2) * even + np.float32(0.5) * wide
                    block[_U(start + 3 * row) + c] = _DOUBLE_ROOT * odd + _QUARTER * side + m5
            corner = ((number >> 2) * 64 + (number >> 1 & 1) * 32 + (number & 1) * 4) * width
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

    return Tiling(tile, untile)
