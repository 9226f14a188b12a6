"""Shares work on games among threads: each takes one piece at a time, and one core.

A game is read move by move, and little of that divides among the threads of one product; several pieces of
work at once use the cores better. PyTorch and the compiled code let other threads run meanwhile.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")

_COUNT: Final = ContextVar("count", default=0)
"""How many threads share work; 0 is as many as PyTorch uses."""


def count() -> int:
    """Returns how many threads share the work that is given to `in_threads` here."""
    return _COUNT.get() or torch.get_num_threads()


def half_the_cores() -> int:
    """Returns how many threads leave as many cores for others."""
    return max(1, (os.cpu_count() or 1) // 2)


@contextmanager
def sharing(threads: int | None) -> Iterator[None]:
    """Lets so many threads share work in this block, and PyTorch use one in each, this one included.

    None leaves it at as many as there would be without the block.
    """
    chosen, before = _COUNT.set(threads or count()), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        _COUNT.reset(chosen)


def in_threads(function: Callable[[Item], Result], items: Iterable[Item]) -> Generator[Result]:
    """Yields the function's result for each item, in their order.

    `count` threads work; within each of them PyTorch uses one, so that what calls this again there is done
    in its own thread. Settings of PyTorch that hold for a thread, such as `torch.no_grad`, are the
    function's to make. Close the generator to have no more items begun.
    """
    todo, before = list(items), torch.get_num_threads()
    if min(len(todo), count()) < 2:
        yield from map(function, todo)
        return
    with ThreadPoolExecutor(count(), "chessgru", _use_one) as pool:
        try:
            yield from pool.map(function, todo)
        finally:
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(before)  # what threads to come begin with, too


def _use_one() -> None:
    torch.get_num_threads()  # else PyTorch would later set this thread to what others were given last
    torch.set_num_threads(1)
