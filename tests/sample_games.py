"""Small games for tests of the library, legal or not: the library does not look at the moves."""

from __future__ import annotations

import random
from collections.abc import Iterator

from chessgru.game import Game


def some_games(count: int, *, seed: int = 0, players: int = 12, plies: int = 30) -> list[Game]:
    """Returns different games among a few players, some with clocks, ratings and partly known dates."""
    return list(_games(count, random.Random(seed), players, plies))


def _games(count: int, rng: random.Random, players: int, plies: int) -> Iterator[Game]:
    for index in range(count):
        white, black = rng.sample(range(players), 2)
        length = rng.randint(1, plies)
        yield Game(
            tokens=tuple(rng.choices(range(1968), k=length)),
            clocks=tuple(rng.choice((None, 12.3, 600.0)) for _ in range(length)) if index % 3 == 0 else (),
            white=f"Player {white}",
            black=f"Player {black}",
            white_rating=rng.choice((None, 1500, 1600)),
            black_rating=rng.choice((None, 2100)),
            result=rng.choice(("1-0", "0-1", "1/2-1/2")),
            date=rng.choice(("2023.05.??", "2024.01.02", "2024.11.30", "", "2022.??.??")),
            time=rng.choice(("", "12:30:00")),
            time_control="600+5",
            event="Club evening",
            site="Here",
            round=str(index),
            eco="C50",
            source="evening.pgn",
            index=index,
            line=1 + 10 * index,
            warnings=("a comment is never closed",) if index % 7 == 0 else (),
        )
