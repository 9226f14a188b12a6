"""Times a step of training on one thread: compiled layers beside PyTorch's, and beside a matrix product.

    python benchmarks/training_speed.py GAMES.pgn [--games 16] [--bfloat16]

Prints plies a second of both, and what share of the processor's rate that is: the operations are those of
PyTorch's layers (a forward pass counted, times three), the rate that of a float32 product of two matrices
of 1,024 in the same run. Runs alternate, in seconds of processor time, and ratios are those of medians.
With --bfloat16 the compiled layers, which keep to float32, are timed beside PyTorch's in bfloat16.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from chessgru.batches import Batch, pad
from chessgru.checkpoint import load_checkpoint
from chessgru.game import Game
from chessgru.model import Context, MoveGRU
from chessgru.pgn import read_games
from chessgru.replay import Legal
from chessgru.sequences import encode

SIZE = 1024


class Plain(MoveGRU):
    """Learns through PyTorch's layers."""

    def _quick(self, positions: int) -> bool:  # noqa: ARG002
        return False

    def _lines(self, legal: Legal, matrix: Tensor) -> Tensor:  # noqa: ARG002
        return matrix


def seconds(work: Callable[[], object]) -> float:
    """Returns the processor time of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def loss_of(model: MoveGRU, batch: Batch) -> Tensor:
    """Returns the mean NLL of a batch, everyone average."""
    styles = torch.zeros(len(batch.lengths), 2, model.config.style)
    logits, played = model(batch.tokens, batch.lengths, Context(batch.ratings, batch.speed, styles))
    loss: Tensor = -logits.log_probabilities().index_select(0, played).mean()
    return loss


def step(model: MoveGRU, batch: Batch, bfloat16: bool) -> Callable[[], None]:
    """Returns a step forth and back."""

    def work() -> None:
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            loss = loss_of(model, batch)
        loss.backward()  # type: ignore[no-untyped-call]

    return work


def operations(model: MoveGRU, batch: Batch) -> int:
    """Returns the operations of a step's matrix products and convolutions."""
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), torch.backends.mkldnn.flags(enabled=False), counter:
        loss_of(model, batch)
    return 3 * counter.get_total_flops()


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("games", type=Path)
    parser.add_argument("--games", type=int, default=16, dest="count")
    parser.add_argument("--steps", type=int, default=9)
    parser.add_argument("--bfloat16", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    games = (game for game in read_games(options.games) if isinstance(game, Game) and game.tokens)
    batch = pad(encode(list(islice(games, options.count))), np.arange(options.count))
    plies = int(batch.lengths.sum())
    compiled = load_checkpoint(None).model
    compiled.book = None
    plain = Plain(compiled.config)
    plain.load_state_dict(compiled.state_dict())
    for model in (compiled, plain):
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    square = torch.randn(SIZE, SIZE)
    works = (step(compiled, batch, False), step(plain, batch, options.bfloat16), lambda: square @ square)
    for work in works:
        work()
    times = [
        statistics.median(each)
        for each in zip(*(map(seconds, works) for _ in range(options.steps)), strict=True)
    ]
    rate = 2 * SIZE**3 / times[2]
    count = operations(plain, batch)
    print(f"{plies:,} plies of {options.count} games, {count / plies / 1e6:.1f} million operations each")
    for name, took in zip(("compiled", "PyTorch's layers"), times, strict=False):
        done = count / took
        share = f"{done / 1e9:.0f} GFLOP/s, {done / rate:.0%} of a matrix product's {rate / 1e9:.0f}"
        print(f"{name}: {plies / took:,.0f} plies/s, {share}")
    print(f"ratio: {times[1] / times[0]:.2f}")


if __name__ == "__main__":
    main()
