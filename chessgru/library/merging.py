"""Which players of the library are likely one person, for the user to confirm.

Two names are suggested if they agree as names, nobody else fits as well, and their games do not speak
against it: two names who played each other, or took part in one tournament on one day, are two people.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from math import log2
from typing import Final

import sqlalchemy as sa

from chessgru.library.names import SURE, is_handle, likeness, plain, readings, sound
from chessgru.library.schema import ALIASES, GAMES, SAME_GAMES

LONGEST_CAREER: Final = 80
LONGEST_PAUSE: Final = 30
RATING_GAP: Final = 500
YOUTH_GAP: Final = 800
"""How much higher the later of two names may be rated: children improve."""
DOMINANT: Final = 0.8
"""The share of the games of all full names that fit an initial which one of them must have."""
LARGEST_BLOCK: Final = 400
THRESHOLD: Final = 0.75


@dataclass(frozen=True, slots=True)
class NameRecord:
    """A name and what its games tell: years 0 and rating None where unknown.

    `opponents` are names, `events` whatever identifies one day of a tournament, `sites` those where the
    name is an account.
    """

    name: str
    games: int = 0
    first_year: int = 0
    last_year: int = 0
    rating: int | None = None
    opponents: Collection[str] = field(default=frozenset())
    events: Collection[str] = field(default=frozenset())
    sites: Collection[str] = field(default=frozenset())


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Two names that are likely one person; `name` is the one with more games, `score` from 0 to 1."""

    name: str
    alias: str
    reason: str
    score: float


def _fits(one: NameRecord, other: NameRecord) -> bool:
    """Tells whether the games of two names may be those of one person."""
    if one.name in other.opponents or other.name in one.opponents:
        return False
    if not set(one.events).isdisjoint(other.events):
        return False
    if not set(one.sites).isdisjoint(other.sites):
        return False
    early, late = sorted((one, other), key=lambda record: record.first_year)
    if early.rating and late.rating and not -RATING_GAP <= late.rating - early.rating <= YOUTH_GAP:
        return False
    if not one.first_year or not other.first_year:
        return True
    first, last = min(one.first_year, other.first_year), max(one.last_year, other.last_year)
    pause = max(one.first_year, other.first_year) - min(one.last_year, other.last_year)
    return last - first <= LONGEST_CAREER and pause <= LONGEST_PAUSE


def candidates(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yields the pairs of names whose surnames sound alike and whose given names agree."""
    blocks: dict[str, set[str]] = defaultdict(set)
    for name in names:
        for reading in readings(name):
            blocks[sound(reading.surname)].add(name)
    seen: set[tuple[str, str]] = set()
    for block in blocks.values():
        if len(block) > LARGEST_BLOCK:
            continue
        for pair in combinations(sorted(block), 2):
            if pair not in seen and likeness(*pair) > 0:
                seen.add(pair)
                yield pair


def suggest(
    records: Mapping[str, NameRecord],
    *,
    same_games: Iterable[tuple[str, str]] = (),
    merged: Iterable[Collection[str]] = (),
) -> list[Suggestion]:
    """Returns the pairs of names that are likely one person, the surest first.

    `same_games` are pairs of names under which one and the same game occurs: those are certain. `merged`
    are the names of people whom the user has put together already.
    """
    people = _People(records)
    found = [_certain(records, *pair) for pair in same_games]
    scored = [(people.score(*pair), pair) for pair in people.pairs]
    found += [_explained(records, score, *pair) for score, pair in scored if score >= THRESHOLD]
    accepted = []
    groups: dict[str, set[str]] = {name: {name} for name in records}
    for group in merged:
        together = set(group)
        groups.update((name, together) for name in group)
    for suggestion in sorted(found, key=lambda s: (-s.score, -records[s.alias].games, s.name, s.alias)):
        one, other = groups[suggestion.name], groups[suggestion.alias]
        if one is other or not people.compatible(one, other):
            continue
        one |= other
        groups.update(dict.fromkeys(other, one))
        accepted.append(suggestion)
    return accepted


def _certain(records: Mapping[str, NameRecord], one: str, other: str) -> Suggestion:
    name, alias = sorted((one, other), key=lambda name: -records[name].games)
    return Suggestion(name, alias, "the same game occurs under both names", 1.0)


def _explained(records: Mapping[str, NameRecord], score: float, one: str, other: str) -> Suggestion:
    name, alias = sorted((one, other), key=lambda name: -records[name].games)
    if plain(one).split() and sorted(plain(one).split()) == sorted(plain(other).split()):
        reason = "the same name, written differently"
    elif likeness(one, other) >= 0.94:
        reason = "another spelling of the name"
    else:
        reason = "the same surname and initial, nobody else fits"
    return Suggestion(name, alias, reason, round(score, 3))


def _families(names: Iterable[str]) -> dict[str, int]:
    """Returns how many different given names occur with each surname, by its sound."""
    given: dict[str, set[str]] = defaultdict(set)
    for name in names:
        for reading in readings(name):
            given[sound(reading.surname)].add(plain(" ".join(reading.given[:1]))[:2])
    return defaultdict(int, {surname: len(found) for surname, found in given.items()})


class _People:
    """The likely pairs among many names, and what the other names say about each pair."""

    def __init__(self, records: Mapping[str, NameRecord]) -> None:
        self.records = records
        self.partners: dict[str, set[str]] = defaultdict(set)
        self.pairs: list[tuple[str, str]] = []
        self.families = _families(records)
        for one, other in candidates(records):
            if _fits(records[one], records[other]):
                self.pairs.append((one, other))
                self.partners[one].add(other)
                self.partners[other].add(one)

    def score(self, one: str, other: str) -> float:
        """Returns how sure a pair is, 0 if somebody else fits one of the names as well.

        Initials count less the more people bear the surname, and more the more games both names have.
        """
        sure = min(self._share(one, other), self._share(other, one))
        alike = likeness(one, other) if sure >= DOMINANT else 0.0
        if not 0 < alike < SURE:
            return alike
        games = min(self.records[one].games, self.records[other].games)
        others = self.families[sound(readings(one)[0].surname)]
        doubt = 0.05 * log2(max(1, others)) - 0.03 * log2(max(1, games))
        return max(0.0, min(SURE, alike - doubt))

    def _share(self, name: str, chosen: str) -> float:
        """Returns how much of the games of all who fit a name belong to the chosen and who fits him."""
        games = {partner: self.records[partner].games + 1 for partner in self.partners[name]}
        rivals = sum(
            count
            for partner, count in games.items()
            if partner != chosen and partner not in self.partners[chosen]
        )
        return games[chosen] / (games[chosen] + rivals)

    def compatible(self, one: Collection[str], other: Collection[str]) -> bool:
        """Tells whether no name of one group speaks against a name of the other."""
        return all(
            b in self.partners[a] or _fits(self.records[a], self.records[b]) for a in one for b in other
        )


def load_suggestions(connection: sa.Connection) -> list[Suggestion]:
    """Returns the suggestions for a library; names that are merged already are not suggested again."""
    rows = connection.execute(sa.select(ALIASES.c.id, ALIASES.c.name, ALIASES.c.player_id)).all()
    names = {row.id: row.name for row in rows}
    owners: dict[int, set[str]] = defaultdict(set)
    for row in rows:
        owners[row.player_id].add(row.name)
    same = connection.execute(sa.select(SAME_GAMES.c.first_id, SAME_GAMES.c.second_id))
    return suggest(
        _records(connection, names),
        same_games=[(names[one], names[other]) for one, other in same],
        merged=[group for group in owners.values() if len(group) > 1],
    )


def _records(connection: sa.Connection, names: Mapping[int, str]) -> dict[str, NameRecord]:
    """Returns what the games tell of each name; opponents and events only where a pair may need them."""
    doubtful = {name for pair in candidates(names.values()) for name in pair}
    columns = (ALIASES.c.name, ALIASES.c.white_games + ALIASES.c.black_games, ALIASES.c.first_day)
    query = sa.select(*columns, ALIASES.c.last_day)
    records = {
        name: NameRecord(name, games, first // 10000, last // 10000)
        for name, games, first, last in connection.execute(query)
    }
    evidence = _evidence(connection, names, doubtful)
    return records | {
        name: replace(
            records[name],
            opponents=found.opponents,
            events=found.events,
            rating=found.rating,
            sites=found.sites if is_handle(name) else frozenset(),
        )
        for name, found in evidence.items()
    }


@dataclass(slots=True)
class _Evidence:
    opponents: set[str] = field(default_factory=set)
    events: set[str] = field(default_factory=set)
    sites: set[str] = field(default_factory=set)
    rating: int | None = None


def _evidence(
    connection: sa.Connection, names: Mapping[int, str], wanted: Iterable[str]
) -> dict[str, _Evidence]:
    """Returns the opponents, days of tournaments, sites and highest rating of each wanted name."""
    evidence = {name: _Evidence() for name in wanted}
    columns = (GAMES.c.white_id, GAMES.c.black_id, GAMES.c.white_rating, GAMES.c.black_rating)
    query = sa.select(*columns, GAMES.c.event, GAMES.c.site, GAMES.c.date, GAMES.c.site_id)
    for white, black, *ratings, event, place, date, site_id in connection.execute(query):
        pair = names.get(white, ""), names.get(black, "")
        for name, other, rating in zip(pair, pair[::-1], ratings, strict=True):
            found = evidence.get(name)
            if found is None:
                continue
            found.opponents.add(other)
            if event and date and "?" not in date:
                found.events.add(f"{event}|{place}|{date}")
            if site_id:
                found.sites.add(site_id.partition(":")[0])
            found.rating = max(rating or 0, found.rating or 0) or None
    return evidence
