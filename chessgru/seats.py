"""Seats two people at a game: finds who they are, their games, their profiles; and forgets them.

People come from the library; "Dad" and "Son" from the sample games when the library does not know them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from chessgru.checkpoint import Checkpoint
from chessgru.errors import ProfileError, UnknownPlayerError
from chessgru.game import Game, name_key
from chessgru.library import Library, Player
from chessgru.memory import remember
from chessgru.predictor import Seat
from chessgru.profiles import Profile, adapted, delete_profiles, load_profile, profile_path
from chessgru.samples import SAMPLE_PLAYERS, sample_games


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


def open_profile(
    name: str, names: frozenset[str], library: Library | None, base: Checkpoint
) -> Profile | None:
    """Returns the profile of the person called `name`, whose aliases have the `name_key`s `names`.

    None if there is none yet. Raises ProfileError if it is damaged, of another base model, or was learned
    before some of the names joined or left: go on without it.
    """
    if library is None:
        return None
    path = profile_path(library.path.parent, name)
    if not path.exists():
        return None
    profile = load_profile(path, base.digest, base.model)
    if profile.names != names:
        raise ProfileError(f"{path}: learned under other names; learn him again")
    return profile


def delete_player(library: Library, player: Player) -> int:
    """Forgets a player and every profile that knows moves of his; returns how many games he had."""
    games = library.delete_player(player.name)
    delete_profiles(library.path.parent, player.aliases)
    return games


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
        profile = open_profile(person.name, person.names, library, base)
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
