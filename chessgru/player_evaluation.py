"""Scores one player's own moves: his personal model beside the base model and his count table alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pandas as pd

from chessgru.baselines import (
    CountTable,
    Forecaster,
    Line,
    Uniform,
    count_memory,
    likeliest_concentration,
    read_line,
    times_after,
)
from chessgru.batches import batches_of
from chessgru.checkpoint import Checkpoint
from chessgru.counts import Floats, Longs, posterior
from chessgru.evaluation import Network, forecast_games
from chessgru.game import Game, name_key, unknown_among
from chessgru.memory import Memory, remember
from chessgru.own_moves import by_time, games_of, history
from chessgru.profiles import Profile, adapted
from chessgru.sequences import Sequences

PERSONAL: Final = "personal"
_SAME_GAME_PLIES: Final = 20
_GAMES_ASIDE: Final = 100
_PLIES_AT_ONCE: Final = 2048


@dataclass(frozen=True)
class Personal:
    """A player's personal model, with his memory and then his head-to-head counts speaking over it."""

    network: Network
    profile: Profile
    opponents: Longs
    """(G,), `memory.text_number` of the opponent's name in each game that is scored."""
    name: str = PERSONAL
    by_opponent: Memory = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_opponent", self.profile.memory.by_opponent())

    def forecast(self, line: Line) -> Floats:
        """Returns (L,) log-probabilities."""
        profile, tokens = self.profile, line.absolute()
        own = np.exp(self.network.forecast(line))
        own = _after(own, profile.memory, line.keys, line, tokens, profile.k_own)
        keys = line.keys ^ self.opponents[line.number[line.game]]
        logs: Floats = np.log(_after(own, self.by_opponent, keys, line, tokens, profile.k_h2h))
        return logs


def _after(prior: Floats, memory: Memory, keys: Longs, line: Line, tokens: Longs, k: float) -> Floats:
    """Returns (L,): the posterior mean after a memory has spoken over a prior worth k observations."""
    return posterior(prior, *memory.times(keys, line.position, tokens), line.position, k)


@dataclass(frozen=True)
class OwnGames:
    """The games in which a player's moves are scored."""

    sequences: Sequences
    index: Longs
    """(G,), their positions in the file, rejected games counted."""
    seats: Longs
    """(G,), 0 where he was White, 1 where Black."""
    opponents: Longs
    """(G,)."""


def own_games(games: Sequence[Game], names: Collection[str], name: str) -> OwnGames:
    """Returns the games of the player with these `name_key`s.

    Raises UnknownPlayerError, with the nearest names, if there are none.
    """
    played = games_of(games, names)
    if not played:
        raise unknown_among(games, name)
    found = history(played, names)
    index = np.array([game.index for game in played], np.int64)
    return OwnGames(found.sequences, index, found.side, found.opponents)


def past_games(
    past: Iterable[Game], scored: Iterable[Game], names: Collection[str]
) -> tuple[list[Game], int]:
    """Returns the player's past games by date, and how many were left out because they are scored.

    Games are the same if players and moves are; short ones only if the date is, too.
    """
    seen = {_identity(game) for game in scored}
    played = by_time(games_of(list(past), names))
    kept = [game for game in played if _identity(game) not in seen]
    return kept, len(played) - len(kept)


def _identity(game: Game) -> tuple[object, ...]:
    date = game.date if len(game.tokens) < _SAME_GAME_PLIES else ""
    return name_key(game.white), name_key(game.black), game.tokens, date


def memory_alone(profile: Profile, past: Sequence[Game]) -> CountTable:
    """Returns the player's count table over uniform, its concentration fitted on his latest games."""
    return CountTable(
        count_memory(profile.memory), concentration=_concentration_alone(past, profile.names), name="memory"
    )


def _concentration_alone(past: Sequence[Game], names: Collection[str]) -> float:
    """Returns the concentration that best foretells a player's latest games from counts alone."""
    earlier = len(past) - min(_GAMES_ASIDE, len(past) // 10)
    rough = count_memory(remember(past[:earlier], names))
    latest = history(past[earlier:], names)
    evidence = [np.zeros((3, 0))]
    for group in batches_of(latest.sequences, np.arange(len(latest)), _PLIES_AT_ONCE):
        line = read_line(latest.sequences, group)
        own = line.ply % 2 == latest.side[line.number[line.game]]
        times, visits = times_after(rough, line.keys, line)
        prior = np.exp(Uniform().forecast(line))
        evidence.append(np.stack([prior[line.played], times[line.played], visits])[:, own])
    return likeliest_concentration(*np.concatenate(evidence, axis=1))


def forecast_player(
    base: Checkpoint,
    profile: Profile,
    games: OwnGames,
    table: CountTable,
    *,
    with_ratings: bool = True,
    progress: Callable[[int], None] = lambda _: None,
) -> pd.DataFrame:
    """Returns one row for each of the player's moves, by "personal", "base", "memory" and "uniform"."""
    styles = np.stack([np.zeros_like(profile.style), profile.style])
    network = Network(adapted(base.model, profile), "network", styles, with_ratings)
    forecasters: list[Forecaster] = [
        Personal(network, profile, games.opponents),
        Network(base.model, with_ratings=with_ratings),
        table,
        Uniform(),
    ]
    return forecast_games(
        games.sequences,
        forecasters,
        index=games.index,
        seats=games.seats,
        memory=table.counts,
        progress=progress,
    )
