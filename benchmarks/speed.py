"""Times the base model on one thread, beside a network of Maia-1's shape in the same run.

    python benchmarks/speed.py GAMES.pgn [--games 64]

Prints plies a second when scoring whole games (up to the log-probabilities), milliseconds for one position,
and for one prediction of both players (which looks two plies ahead). Each network first chooses the batch
size that suits it best, Maia-1's shape its memory layout too. Then runs alternate, in seconds of processor
time, and the ratio is that of the medians: machines are noisy.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from chessgru.batches import pad
from chessgru.checkpoint import load_checkpoint
from chessgru.game import Game
from chessgru.model import Context, MoveGRU
from chessgru.pgn import read_games
from chessgru.planes import NO_MOVE
from chessgru.predictor import Predictor, Seat
from chessgru.replay import start_boards
from chessgru.sequences import encode


class SqueezeExcite(nn.Module):
    """Maia-1's channel attention."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(channels, 8), nn.Linear(8, 2 * channels)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, C, 8, 8) to the same."""
        scale, shift = self.up(torch.relu(self.down(x.mean((2, 3))))).chunk(2, dim=-1)
        return torch.sigmoid(scale)[..., None, None] * x + shift[..., None, None]


class MaiaBlock(nn.Module):
    """One of Maia-1's residual blocks."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.attention = SqueezeExcite(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (N, C, 8, 8) to the same."""
        return torch.relu(x + self.attention(self.second(torch.relu(self.first(x)))))


def maia_shape() -> nn.Module:
    """Returns an untrained network of Maia-1's shape: 6 blocks of 64 channels, 112 planes in, 80 out."""
    blocks = [MaiaBlock(64) for _ in range(6)]
    head = [nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 80, 3, padding=1)]
    return nn.Sequential(nn.Conv2d(112, 64, 3, padding=1), nn.ReLU(), *blocks, *head).eval()


def seconds(work: Callable[[], object]) -> float:
    """Returns how long one call takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


class Work(NamedTuple):
    """Something to time."""

    name: str
    positions: int
    run: Callable[[], object]

    def rate(self) -> float:
        """Returns positions a second, of one run."""
        return self.positions / seconds(self.run)


def best(works: Sequence[Work], rounds: int = 5) -> Work:
    """Returns the work with the highest median rate, and prints all."""
    rates: dict[str, list[float]] = {}
    for work in works:
        work.run()
    for _ in range(rounds):
        for work in works:
            rates.setdefault(work.name, []).append(work.rate())
    medians = [statistics.median(rates[work.name]) for work in works]
    print(", ".join(f"{work.name} {rate:,.0f}" for work, rate in zip(works, medians, strict=True)))
    return works[int(np.argmax(medians))]


def maia_works() -> list[Work]:
    """Returns the work of a network of Maia-1's shape at several batch sizes, in both memory layouts."""
    works = []
    for layout in (torch.contiguous_format, torch.channels_last):
        net = maia_shape().to(memory_format=layout)
        for count in (16, 32, 64, 128, 256):
            planes = torch.randn(count, 112, 8, 8).contiguous(memory_format=layout)
            name = f"{str(layout).removeprefix('torch.')} {count}"
            repeats = max(1, 256 // count)
            works.append(
                Work(name, count * repeats, lambda n=net, p=planes, r=repeats: [n(p) for _ in range(r)])
            )
    return works


def scoring(model: MoveGRU, games: list[Game], together: int) -> Callable[[], object]:
    """Returns the work of scoring whole games, some together."""
    sequences = encode(games)
    order = np.argsort(sequences.lengths)
    batches = [pad(sequences, group) for group in np.array_split(order, max(1, len(games) // together))]

    def work() -> None:
        for batch in batches:
            styles = torch.zeros(len(batch.lengths), 2, model.config.style)
            logits, _ = model(batch.tokens, batch.lengths, Context(batch.ratings, batch.speed, styles))
            logits.log_probabilities()

    return work


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("pgn", type=Path)
    parser.add_argument("--games", type=int, default=64)
    parser.add_argument("--model", type=Path, default=None)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = load_checkpoint(options.model).model
    games = list(
        islice((game for game in read_games(options.pgn) if isinstance(game, Game)), options.games)
    )
    plies = sum(len(game.tokens) for game in games)
    boards, last = start_boards(1, torch.device("cpu")), torch.tensor([NO_MOVE])
    context = Context(
        torch.zeros(1, 2), torch.zeros(1, dtype=torch.int64), torch.zeros(1, 2, model.config.style)
    )
    state = model.new_state(1)
    line = games[0].tokens
    with torch.inference_mode():
        sizes = [size for size in (8, 16, 32, 64) if size <= len(games)]
        ours_best = best([Work(f"{size} games", plies, scoring(model, games, size)) for size in sizes], 3)
        theirs_best = best(maia_works())
        model.step(state, boards, last, context)
        ours, theirs, single = [], [], []
        for _ in range(options.repeats):
            ours.append(ours_best.rate())
            theirs += [theirs_best.rate() for _ in range(3)]
            single += [seconds(lambda: model.step(state, boards, last, context)) for _ in range(5)]
    Predictor(model, Seat(), Seat()).predict(line[:2])
    predictor = Predictor(model, Seat(), Seat())
    both = [seconds(lambda ply=ply: predictor.predict(line[:ply])) for ply in range(len(line))]
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(f"{parameters:,} parameters; {plies:,} plies of {len(games)} games; one thread")
    for what, found, rates in (("whole games", ours_best, ours), ("Maia-1's shape", theirs_best, theirs)):
        middle, most = statistics.median(rates), max(rates)
        print(f"{what} ({found.name} together): median {middle:,.0f}, best {most:,.0f} positions/s")
    print(f"ratio of medians: {statistics.median(ours) / statistics.median(theirs):.2f}")
    print(f"one position: {1000 * statistics.median(single):.1f} ms")
    middle, worst = 1000 * statistics.median(both), 1000 * max(both)
    print(f"both players, {len(line)} plies: median {middle:.1f} ms, worst {worst:.1f} ms")


if __name__ == "__main__":
    main()
