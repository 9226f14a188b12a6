"""Who made these moves? Weighs known players by how likely their profiles make them; maps who is alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from chessgru.checkpoint import Checkpoint
from chessgru.errors import ProfileError
from chessgru.game import Game, Side
from chessgru.learning import game_number
from chessgru.own_moves import History, OwnMoves, read, seen_from
from chessgru.profiles import Profile, adapted

_INDEPENDENT: Final = 0.25
"""What a move is worth as evidence: a game's moves follow from its opening, so they are not independent.
Of 0.05 to 1 it gave the likeliest answers on 260 sets of ten games among 136 players."""
_FEATURES: Final = 4096


@dataclass(frozen=True, slots=True)
class Candidate:
    """A known player as the author of some moves."""

    name: str
    log_likelihood: float
    """Nats over all the moves under his profile."""
    probability: float
    """That it was he and none of the other candidates, all being as likely beforehand."""
    learned_from: int
    """How many of these very games his profile was learned from: if any, the answer proves little."""

    @property
    def odds(self) -> float:
        """Odds for him against all the others."""
        return self.probability / max(1 - self.probability, 1e-12)


@dataclass(frozen=True, slots=True)
class Identification:
    """Candidates, the likeliest first, and the evidence."""

    candidates: tuple[Candidate, ...]
    games: int
    moves: int


def identify(
    base: Checkpoint,
    games: Sequence[Game],
    sides: Sequence[Side],
    profiles: Sequence[Profile],
    *,
    closer: int = 5,
    progress: Callable[[float, str], None] | None = None,
) -> Identification:
    """Weighs known players as the one who sat on `sides[i]` in `games[i]`.

    Memories are compared first; the `closer` likeliest players are then read with their personal models
    too. Raises ProfileError without games or without two profiles to choose from.
    """
    if not games:
        raise ProfileError("no games to identify a player by: give a file with at least one")
    if len(profiles) < 2:
        raise ProfileError(
            f"{len(profiles)} profiles to choose from, at least 2 are needed: run `chessgru learn` first"
        )
    pairs = zip(games, sides, strict=True)
    moved = [(game, side) for game, side in pairs if len(game.tokens) > (side == "black")]
    if not moved:
        raise ProfileError(f"{len(games)} games without a move of his: give a file with at least one")
    played = seen_from(*(list(column) for column in zip(*moved, strict=True)))
    tell = progress or (lambda _share, _what: None)
    tell(0.0, "reading the games")
    network = read(base.model, played)
    fits = np.array([_fit(network, profile) for profile in profiles])
    best = np.argsort(-fits)[:closer]
    gains = np.zeros(len(profiles))
    for done, index in enumerate(best.tolist()):
        tell((1 + done) / (1 + len(best)), profiles[index].name)
        gains[index] = _closer_fit(base, played, network, profiles[index]) - fits[index]
    fits[best] += gains[best]
    tell(1.0, "done")
    others = np.setdiff1d(np.arange(len(profiles)), best)
    fits[others] += max(
        0.0, gains[best].sum() / max(1, len(best))
    )  # as much as a look at their style gave the best ones
    numbers = np.array([game_number(game) for game in games])
    candidates = _weigh(profiles, fits, [int(np.isin(numbers, p.taken).sum()) for p in profiles])
    return Identification(candidates, len(games), len(network))


def _fit(network: OwnMoves, profile: Profile) -> float:
    return -float(network.mixed(profile.memory, profile.k_own).nll().sum())


def _closer_fit(base: Checkpoint, games: History, network: OwnMoves, profile: Profile) -> float:
    """Returns the log likelihood with the player's style as well."""
    if profile.adapters or profile.style.any():
        network = read(adapted(base.model, profile), games, profile.style)
    return _fit(network, profile)


def _weigh(
    profiles: Sequence[Profile], fits: NDArray[np.float64], known: Sequence[int]
) -> tuple[Candidate, ...]:
    weights = np.exp(_INDEPENDENT * (fits - fits.max()))
    shares = weights / weights.sum()
    order = np.argsort(-fits, kind="stable").tolist()
    return tuple(Candidate(profiles[i].name, float(fits[i]), float(shares[i]), known[i]) for i in order)


@dataclass(frozen=True)
class Alike:
    """How alike P players are."""

    names: tuple[str, ...]
    likeness: NDArray[np.float64]
    """(P, P), 1 on the diagonal, 0 for players with no move in common."""
    places: NDArray[np.float64]
    """(P, 2): a map on which players who are alike stand close together."""


def map_of_players(profiles: Sequence[Profile]) -> Alike:
    """Places players on a map by what they play in the positions they reach, and how often.

    The likeness is the Bhattacharyya coefficient of their moves; the places are its two principal axes.
    """
    if not profiles:
        return Alike((), np.zeros((0, 0)), np.zeros((0, 2)))
    features = np.stack([_repertoire(profile) for profile in profiles])  # (P, F)
    likeness = features @ features.T
    centered = features - features.mean(0)
    axes, sizes, _ = np.linalg.svd(centered, full_matrices=False)
    places = np.zeros((len(profiles), 2))
    found = min(2, len(sizes))
    places[:, :found] = axes[:, :found] * sizes[:found]
    return Alike(tuple(profile.name for profile in profiles), likeness, places)


def _repertoire(profile: Profile) -> NDArray[np.float64]:
    """Returns (F,): square roots of how often each (position, move) came, hashed; of length 1.

    Positions that came once only are left out: nearly all of them are nobody else's.
    """
    memory = profile.memory
    _, place, times = np.unique(memory.keys, return_inverse=True, return_counts=True)
    again = times[place] > 1
    pairs = (memory.keys[again].view(np.uint64) ^ memory.tokens[again]) * np.uint64(0x9E3779B97F4A7C15)
    places = (pairs >> np.uint64(64 - 12)).astype(np.int64)
    counts = np.bincount(places, memory.weights[again], _FEATURES)
    return np.asarray(np.sqrt(counts / max(counts.sum(), 1e-12)))
