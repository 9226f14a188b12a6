"""Measures the library with many synthetic games: import rate and the questions the app asks of it.

python benchmarks/library.py [--games 500000] [--players 40000]
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from chessgru.game import Game
from chessgru.library import Library


def synthetic_games(count: int, players: int, seed: int = 1) -> Iterator[Game]:
    """Yields games with random moves between players of whom a few play much, as in real collections."""
    rng = random.Random(seed)
    names = [f"Player{number}, {rng.choice('ABCDEFGH')}" for number in range(players)]
    stars = names[:200]
    for index in range(count):
        white = rng.choice(stars if rng.random() < 0.5 else names)
        black = rng.choice(stars if rng.random() < 0.5 else names)
        plies = rng.randint(20, 140)
        yield Game(
            tokens=tuple(rng.choices(range(1968), k=plies)),
            clocks=tuple(600.0 - ply for ply in range(plies)) if index % 4 == 0 else (),
            white=white,
            black=black,
            white_rating=rng.randint(800, 2800),
            black_rating=rng.randint(800, 2800),
            result=rng.choice(("1-0", "0-1", "1/2-1/2")),
            date=f"{rng.randint(1990, 2026)}.{rng.randint(1, 12):02}.{rng.randint(1, 28):02}",
            time_control="600+5",
            event="Rated game",
            site="https://example.org",
            index=index,
        )


def median_times(call: Callable[[], object], repeats: int = 9) -> tuple[float, float]:
    """Returns the median wall and processor time of a call, in seconds; they differ on a busy machine."""
    walls, busy = [], []
    for _ in range(repeats):
        start = time.perf_counter(), time.process_time()
        call()
        walls.append(time.perf_counter() - start[0])
        busy.append(time.process_time() - start[1])
    return statistics.median(walls), statistics.median(busy)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--games", type=int, default=500_000)
    parser.add_argument("--players", type=int, default=40_000)
    options = parser.parse_args()
    start = time.process_time()
    for _ in synthetic_games(options.games, options.players):
        pass
    making = time.process_time() - start
    with tempfile.TemporaryDirectory() as folder, Library(Path(folder) / "library.sqlite") as library:
        start = time.process_time()
        report = library.add(synthetic_games(options.games, options.players), source="synthetic")
        storing = time.process_time() - start - making
        rate = report.accepted / storing
        print(f"{report.accepted} games stored in {storing:.1f} s of processor time ({rate:.0f} games/s)")
        print(f"file: {library.path.stat().st_size / 1e6:.0f} MB")
        _time_questions(library)


def _time_questions(library: Library) -> None:
    one, two = (player.name for player in library.players(limit=2))
    questions: dict[str, Callable[[], object]] = {
        "all players": library.players,
        "the 50 with most games": lambda: library.players(limit=50),
        "one player": lambda: library.player(one),
        "one player's games": lambda: library.games(one),
        "his latest 1,000": lambda: library.games(one, limit=1000),
        "head-to-head": lambda: library.games(one, opponent=two),
        "games of a month": lambda: library.games(since="2020-05", until="2020-05"),
        "number of games": library.count,
    }
    for name, question in questions.items():
        answer = question()
        size = len(answer) if isinstance(answer, list) else 1
        wall, busy = median_times(question)
        print(f"{name:24} {size:7} rows  wall {1000 * wall:7.1f} ms  processor {1000 * busy:7.1f} ms")
    start = time.perf_counter()
    print(f"suggested merges: {len(library.suggest_merges())} in {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
