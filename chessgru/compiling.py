"""Tells people that something is being compiled, which takes seconds once on a machine.

Whoever talks to people asks to be told; the compiler's side calls `started`. Neither knows the other, and
nothing here loads the compiler.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

NOTICE: Final = "compiling for this computer: takes seconds, and is kept for the next time"

_tellers: list[Callable[[], None]] = []


@contextmanager
def told_of_compiling(tell: Callable[[], None]) -> Iterator[None]:
    """Calls `tell`, once, if and when the compiler starts while the block runs.

    >>> with told_of_compiling(lambda: print("compiling")):
    ...     started()
    ...     started()
    compiling
    """
    left = [tell]

    def once() -> None:
        if left:
            left.pop()()

    _tellers.append(once)
    try:
        yield
    finally:
        _tellers.remove(once)


def started() -> None:
    """Tells everybody who asked that the compiler has started."""
    for tell in tuple(_tellers):
        tell()
