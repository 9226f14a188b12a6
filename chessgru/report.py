"""A report on one player: what he plays, how predictable he is, where he differs from people of his rating.

Counts come from all his games; what needs the network from the latest ones, so that the time is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from chessgru.checkpoint import Checkpoint
from chessgru.errors import ProfileError, SettingsError
from chessgru.game import Game, Side
from chessgru.habits import (
    Deviation,
    Predictability,
    Tendencies,
    deviations,
    predictability,
    reading,
    tendencies,
)
from chessgru.memory import K_OWN, remember
from chessgru.own_moves import by_time, games_of, history, with_moves
from chessgru.repertoire import Reaction, Repertoire, reactions, repertoire

SIDES: Final[tuple[Side, Side]] = ("white", "black")


@dataclass(frozen=True, kw_only=True)
class ReportConfig:
    """How much to tell. Raises SettingsError if a number is below 1."""

    read: int = 60
    """The latest games that the network reads."""
    plies: int = 12
    """How deep the tree is."""
    fewest: int | None = None
    """Moves made in fewer games are left out of the tree; None: 2 % of that color's games, at least 2."""
    visits: int = 5
    """The visits a position needs before it can be a deviation."""
    most: int = 10
    """How many deviations, and reactions a color."""

    def __post_init__(self) -> None:
        for name in ("read", "plies", "visits", "most", "fewest"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SettingsError(f"{name} must be at least 1, not {value}")


@dataclass(frozen=True, kw_only=True)
class PlayerReport:
    """What is known of a player; a color that he never had is missing everywhere."""

    name: str
    games: int
    first_date: str
    """As in PGN, "" if unknown."""
    last_date: str
    rating: int | None
    """The latest known."""
    repertoires: tuple[Repertoire, ...]
    reactions: dict[Side, tuple[Reaction, ...]]
    read: int
    """How many of his latest games the network read, for all that follows."""
    predictability: tuple[Predictability, ...]
    deviations: tuple[Deviation, ...]
    tendencies: tuple[Tendencies, ...]
    notes: tuple[str, ...]
    """What limits the report, one sentence each."""


def report_on(
    name: str,
    games: Sequence[Game],
    names: Collection[str],
    base: Checkpoint,
    config: ReportConfig | None = None,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> PlayerReport:
    """Returns the report on the player with these `name_key`s.

    Games that he did not play are passed over. `progress` is told what is being done. Raises ProfileError
    if there is no game with a move of his.
    """
    config = config or ReportConfig()
    played = by_time(games_of(games, names))
    moved = with_moves(played, names)
    if not moved:
        raise ProfileError(f"{name}: no game to report on; import some with `chessgru import`")
    progress("counting the repertoire")
    trees = _trees(played, names, config)
    latest = moved[-config.read :]
    progress(f"reading {len(latest)} games")
    view = reading(base.model, latest, history(latest, names))
    progress("comparing")
    earlier = moved[: -config.read]
    before = remember(earlier, names) if earlier else None
    return PlayerReport(
        name=name,
        games=len(played),
        first_date=next((game.date for game in played if game.date), ""),
        last_date=next((game.date for game in reversed(played) if game.date), ""),
        rating=_rating(played, names),
        repertoires=trees,
        reactions={tree.side: reactions(tree, most=config.most) for tree in trees},
        read=len(latest),
        predictability=tuple(predictability(view, before, K_OWN)),
        deviations=deviations(view, remember(played, names), fewest=config.visits, most=config.most),
        tendencies=tuple(each for side in SIDES if (each := tendencies(view, side)) is not None),
        notes=_notes(played, latest, names, config),
    )


def _trees(played: Sequence[Game], names: Collection[str], config: ReportConfig) -> tuple[Repertoire, ...]:
    trees = []
    for side in SIDES:
        count = sum(game.side_of(names) == side for game in played)
        fewest = config.fewest or max(2, round(0.02 * count))
        if count:
            trees.append(repertoire(played, names, side, plies=config.plies, fewest=fewest))
    return tuple(trees)


def _own_rating(game: Game, names: Collection[str]) -> int | None:
    return game.white_rating if game.side_of(names) == "white" else game.black_rating


def _rating(played: Sequence[Game], names: Collection[str]) -> int | None:
    ratings = (_own_rating(game, names) for game in reversed(played))
    return next((rating for rating in ratings if rating is not None), None)


def _notes(
    played: Sequence[Game], latest: Sequence[Game], names: Collection[str], config: ReportConfig
) -> tuple[str, ...]:
    notes = [
        f"no game with {side}" for side in SIDES if not any(game.side_of(names) == side for game in played)
    ]
    if len(played) < config.visits:
        notes.append(f"too few games to find deviations: {len(played)}, and {config.visits} are needed")
    unrated = sum(_own_rating(game, names) is None for game in latest)
    if unrated:
        notes.append(
            f"his rating is unknown in {unrated} of {len(latest)} games read: compared with anybody"
        )
    undecided = sum(game.result == "*" for game in played)
    if undecided:
        notes.append(f"games without a result: {undecided}")
    return tuple(notes)
