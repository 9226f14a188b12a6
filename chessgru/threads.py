"""Shares work on games among threads: each takes one piece at a time, and one core.

A game is read move by move, and little of that divides among the threads of one product; several pieces of
work at once use the cores better. PyTorch and the compiled code let other threads run meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yields the function's result for each item, in their order.

    As many threads work as PyTorch was given (`torch.set_num_threads`); within each of them PyTorch uses
    one, so that what calls this again there is done in its own thread. Settings of PyTorch that hold for a
    thread, such as `torch.no_grad`, are the function's to make.
    """
    todo, threads = list(items), torch.get_num_threads()
    if min(len(todo), threads) < 2:
        yield from map(function, todo)
        return
    with ThreadPoolExecutor(threads, "chessgru", torch.set_num_threads, (1,)) as pool:
        try:
            yield from pool.map(function, todo)
        finally:
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(threads)  # for threads to come, as before
