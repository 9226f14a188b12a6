"""Data-parallel training: several processes each read a part of every batch and add up their gradients.

`torchrun --nproc-per-node N …` starts the processes and `begin` lets them meet; without it there is one,
and nothing here does anything. All hold the same weights after every step, since the sums of the gradients
are the same everywhere. On a processor, N processes of one thread train faster than one process of N
threads: a game is read move by move, and little of that divides among threads.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor, nn

from chessgru.batches import shares


@contextmanager
def begin() -> Iterator[None]:
    """Joins the other processes that `torchrun` started, if it did."""
    if not dist.is_torchelastic_launched():
        yield
        return
    dist.init_process_group()
    try:
        yield
        dist.barrier()  # gloo's threads let go of the last sums before one of the processes ends
    finally:
        dist.destroy_process_group()


def processes() -> int:
    """Returns how many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def is_first() -> bool:
    """Tells whether this is the process that writes and reports."""
    return not dist.is_initialized() or dist.get_rank() == 0


def own_part(efforts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns which pieces of work, such as a batch's games, this process does: rising positions.

    `efforts` (B,) says how much each takes, such as its plies. Each process gets about as much; none if
    there are fewer pieces than processes.
    """
    if not dist.is_initialized():
        return np.arange(len(efforts))
    groups = shares(efforts, processes())
    return groups[dist.get_rank()] if dist.get_rank() < len(groups) else np.zeros(0, np.int64)


def add_up(*values: float) -> list[float]:
    """Returns each value's sum over the processes."""
    if not dist.is_initialized():
        return list(values)
    total = torch.tensor(values, dtype=torch.float64)
    dist.all_reduce(total)
    return total.tolist()


def add_up_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replaces each gradient by its sum over the processes, in place."""
    if not dist.is_initialized():
        return
    gradients: list[Tensor] = []
    for parameter in parameters:
        if parameter.grad is None:  # a process without games
            parameter.grad = torch.zeros_like(parameter)
        gradients.append(parameter.grad)
    _add_up(gradients)


def hand_round(tensors: Sequence[Tensor], own: Collection[int]) -> None:
    """Gives each tensor, in place, the values of the process that has its position among its `own`."""
    if not dist.is_initialized():
        return
    for number, tensor in enumerate(tensors):
        if number not in own:
            tensor.zero_()
    _add_up(tensors)


def _add_up(tensors: Sequence[Tensor]) -> None:
    """Replaces each tensor by its sum over the processes, in place."""
    flat = torch.cat([each.flatten() for each in tensors])
    dist.all_reduce(flat)
    parts = torch.split(flat, [each.numel() for each in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.view(tensor.shape))
