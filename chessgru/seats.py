"""Seats two people at a game: finds who they are, their games, their profiles.

People come from the library; "Dad" and "Son" from the sample games when the library does not know them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from chessgru.checkpoint import Checkpoint
from chessgru.errors import ProfileError, UnknownPlayerError
from chessgru.game import Game, name_key
from chessgru.library import Library
from chessgru.memory import remember
from chessgru.predictor import Seat
from chessgru.profiles import Profile, adapted, load_profile, profile_path
from chessgru.samples import sample_games

SAMPLE_PLAYERS: Final = ("Dad", "Son")


@dataclass(frozen=True)
class Person:
    """Somebody whose games are known."""

    name: str
    names: frozenset[str]
    """The `name_key` of each alias."""
    games: tuple[Game, ...]
    """Oldest first."""

    @property
    def rating(self) -> int | None:
        """His latest known rating."""
        for game in reversed(self.games):
            side = game.side_of(self.names)
            rating = game.white_rating if side == "white" else game.black_rating
            if side is not None and rating is not None:
                return rating
        return None


@lru_cache(maxsize=1)
def _sample_games() -> tuple[Game, ...]:
    return tuple(sample_games())


def find_person(name: str, library: Library | None, *, without: int | None = None) -> Person:
    """Returns the person of that name, or alias, with all his games but the one of the number `without`.

    Raises UnknownPlayerError, with the nearest names, if neither the library nor the samples know him.
    """
    known: list[str] = []
    if library is not None:
        try:
            player = library.player(name)
        except UnknownPlayerError as error:
            known = error.nearest
        else:
            return Person(player.name, player.keys, tuple(library.games(player.name, without=without)))
    for sample in SAMPLE_PLAYERS:
        if name_key(sample) == name_key(name):
            return Person(sample, frozenset({name_key(sample)}), _sample_games())
    raise UnknownPlayerError(name, [*known, *SAMPLE_PLAYERS])


def open_profile(person: Person, library: Library | None, base: Checkpoint) -> Profile | None:
    """Returns a person's profile, None if there is none yet.

    Raises ProfileError if it is damaged or of another base model: go on without it.
    """
    if library is None:
        return None
    path = profile_path(library.path.parent, person.name)
    return load_profile(path, base.digest, base.model) if path.exists() else None


def seat(
    person: Person,
    base: Checkpoint,
    *,
    library: Library | None = None,
    rating: int | None = None,
    opponent: Person | None = None,
) -> tuple[Seat, str]:
    """Returns a person's seat, and one line on what could not be used ("" if all could).

    The memory is that of all his games, also those that came after his profile was learned. `rating` None
    means his latest.
    """
    trouble, profile = "", None
    try:
        profile = open_profile(person, library, base)
    except ProfileError as error:
        trouble = str(error)
    memory = remember(person.games, person.names)
    found = Seat(
        name=person.name,
        rating=rating if rating is not None else person.rating,
        memory=memory,
        head_to_head=memory.against(opponent.names) if opponent is not None else None,
    )
    if profile is None:
        return found, trouble
    memory = memory.aged(profile.half_life)
    learned = replace(
        found,
        memory=memory,
        head_to_head=memory.against(opponent.names) if opponent is not None else None,
        style=profile.style,
        model=adapted(base.model, profile),
        concentration=profile.k_own,
        head_to_head_concentration=profile.k_h2h,
    )
    return learned, trouble


def known_names(library: Library | None) -> Sequence[str]:
    """Returns everybody who can be seated by name: the library's players, then the samples."""
    names = [player.name for player in library.players()] if library is not None else []
    keys = {name_key(name) for name in names}
    return [*names, *(sample for sample in SAMPLE_PLAYERS if name_key(sample) not in keys)]
