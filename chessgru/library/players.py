"""The people of the library: who they are, under which names they played, merging and forgetting them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa

from chessgru.errors import LibraryError, UnknownPlayerError
from chessgru.game import name_key
from chessgru.library.intake import add_aliases
from chessgru.library.schema import ALIASES, GAMES, IMPORTS, LIVE_GAMES, MARKS, PLAYERS, SAME_GAMES
from chessgru.library.tallies import recount

_NEAREST_POOL: Final = 300


@dataclass(frozen=True, slots=True)
class Player:
    """One person: `keys` are the `name_key` of each alias, as `Game.side_of` wants them."""

    id: int
    name: str
    aliases: tuple[str, ...]
    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class PlayerSummary:
    """One person as listed: dates as in PGN ("" if unknown), the latest rating or None."""

    name: str
    aliases: tuple[str, ...]
    white_games: int
    black_games: int
    first_date: str
    last_date: str
    rating: int | None

    @property
    def games(self) -> int:
        """Games of both colors."""
        return self.white_games + self.black_games


def list_players(
    connection: sa.Connection, *, find: str = "", limit: int | None = None
) -> list[PlayerSummary]:
    """Returns those who have games, the most first; only those with a name that contains `find`."""
    games = ALIASES.c.white_games + ALIASES.c.black_games
    columns = (ALIASES.c.player_id, PLAYERS.c.name.label("player"), ALIASES.c.name, ALIASES.c.white_games)
    counts = (ALIASES.c.black_games, ALIASES.c.first_day, ALIASES.c.last_day, ALIASES.c.rated)
    query = sa.select(*columns, *counts).join(PLAYERS).order_by(games.desc(), ALIASES.c.id)
    if find or limit is not None:
        query = query.where(ALIASES.c.player_id.in_(_largest(find, limit)))
    single: dict[int, Any] = {}
    several: dict[int, list[Any]] = {}
    for row in connection.execute(query).all():
        if single.setdefault(row[0], row) is not row:
            several.setdefault(row[0], [single[row[0]]]).append(row)
    listed = [_summary(several.get(id_) or (row,)) for id_, row in single.items()]
    with_games = [player for player in listed if player.white_games or player.black_games]
    return sorted(with_games, key=lambda player: -player.white_games - player.black_games)


def _largest(find: str, limit: int | None) -> sa.Select[Any]:
    """Returns the query of the ids of the players found, those with the most games."""
    games = sa.func.sum(ALIASES.c.white_games + ALIASES.c.black_games)
    query = sa.select(ALIASES.c.player_id).group_by(ALIASES.c.player_id)
    if find:
        alias = ALIASES.alias().c
        found = sa.select(alias.player_id).where(alias.key.contains(name_key(find), autoescape=True))
        query = query.where(ALIASES.c.player_id.in_(found))
    return query.order_by(games.desc(), sa.func.min(ALIASES.c.id)).limit(limit)


def _summary(rows: Sequence[Any]) -> PlayerSummary:
    """Returns what the rows of one player's aliases make together."""
    if len(rows) == 1:
        _, name, alias, white, black, first, last, rated = rows[0]
        return PlayerSummary(name, (alias,), white, black, _date(first), _date(last), _rating(rated))
    _, players, aliases, whites, blacks, firsts, lasts, rateds = zip(*rows, strict=True)
    dates = _date(min((day for day in firsts if day), default=0)), _date(max(lasts))
    return PlayerSummary(players[0], aliases, sum(whites), sum(blacks), *dates, _rating(max(rateds)))


@lru_cache(maxsize=100_000)
def _date(day: int) -> str:
    if not day:
        return ""
    digits = f"{day:08}"
    return ".".join((digits[:4], digits[4:6].replace("00", "??"), digits[6:].replace("00", "??")))


def _rating(rated: str) -> int | None:
    return int(rated.rpartition("|")[2]) if rated else None


def find_player(connection: sa.Connection, name: str) -> Player:
    """Returns the player who bears a name, in whatever case and spacing.

    Raises UnknownPlayerError, with the nearest names, if nobody does.
    """
    aliases = sa.select(ALIASES.c.name, ALIASES.c.key, PLAYERS.c.id, PLAYERS.c.name.label("player"))
    owner = sa.select(ALIASES.c.player_id).where(ALIASES.c.key == name_key(name))
    aliases = aliases.join(PLAYERS).where(PLAYERS.c.id.in_(owner))
    games = (ALIASES.c.white_games + ALIASES.c.black_games).desc()
    rows = connection.execute(aliases.order_by(games, ALIASES.c.id)).all()
    if not rows:
        raise UnknownPlayerError(name, _similar(name, connection.scalars(sa.select(ALIASES.c.name))))
    return Player(rows[0].id, rows[0].player, tuple(r.name for r in rows), frozenset(r.key for r in rows))


def _similar(name: str, known: Iterable[str]) -> list[str]:
    """Returns the names that share most letter pairs with a name: few enough to compare one by one."""
    wanted = _pairs(name)

    def likeness(candidate: str) -> float:
        pairs = _pairs(candidate)
        return len(wanted & pairs) / (len(wanted | pairs) or 1)

    return sorted(known, key=likeness, reverse=True)[:_NEAREST_POOL]


def _pairs(name: str) -> set[str]:
    folded = name.casefold()
    return {folded[start : start + 2] for start in range(len(folded))}


def merge_players(connection: sa.Connection, name: str, aliases: Sequence[str]) -> Player:
    """Makes one person of several; all names of each alias's owner come along.

    The player is shown under `name`, which may be one that nobody bears yet. Raises UnknownPlayerError for
    an alias that does not occur, and LibraryError for an empty name.
    """
    others = [find_player(connection, alias) for alias in aliases]
    if not name_key(name):
        raise LibraryError("a player needs a name: give one before the aliases")
    try:
        player = find_player(connection, name)
    except UnknownPlayerError:
        add_aliases(connection, {name_key(name): name.strip()})
        player = find_player(connection, name)
    absorbed = {other.id for other in others} - {player.id}
    connection.execute(
        sa.update(ALIASES).where(ALIASES.c.player_id.in_(absorbed)), {"player_id": player.id}
    )
    connection.execute(sa.delete(PLAYERS).where(PLAYERS.c.id.in_(absorbed)))
    written = sa.select(ALIASES.c.name).where(ALIASES.c.key == name_key(name)).scalar_subquery()
    connection.execute(sa.update(PLAYERS).where(PLAYERS.c.id == player.id).values(name=written))
    return find_player(connection, name)


def unmerge_alias(connection: sa.Connection, alias: str) -> Player:
    """Makes a name a player of its own again and returns that player.

    Raises UnknownPlayerError if the name does not occur, LibraryError if its player has no other name.
    """
    player, key = find_player(connection, alias), name_key(alias)
    if len(player.aliases) == 1:
        raise LibraryError(f"{player.name!r} has no other name: there is nothing to take apart")
    written = connection.scalars(sa.select(ALIASES.c.name).where(ALIASES.c.key == key)).one()
    new = connection.scalars(sa.insert(PLAYERS).returning(PLAYERS.c.id), {"name": written}).one()
    connection.execute(sa.update(ALIASES).where(ALIASES.c.key == key), {"player_id": new})
    if name_key(player.name) == key:
        rest = next(other for other in player.aliases if name_key(other) != key)
        connection.execute(sa.update(PLAYERS).where(PLAYERS.c.id == player.id), {"name": rest})
    drop_without_games(connection, only=player.id)
    return find_player(connection, alias)


def delete_player(connection: sa.Connection, name: str) -> int:
    """Forgets a player: games, names, games being played, download marks. Returns the number of games."""
    player = find_player(connection, name)
    mine = sa.select(ALIASES.c.id).where(ALIASES.c.player_id == player.id)
    played = sa.or_(GAMES.c.white_id.in_(mine), GAMES.c.black_id.in_(mine))
    ids = connection.execute(sa.select(GAMES.c.white_id, GAMES.c.black_id).where(played).distinct())
    opponents = {id_ for pair in ids for id_ in pair if id_ is not None} - set(connection.scalars(mine))
    games = connection.execute(sa.delete(GAMES).where(played)).rowcount
    _forget_names(connection, player)
    recount(connection, sorted(opponents))
    drop_without_games(connection)
    _drop_empty_imports(connection)
    return games


def delete_game(connection: sa.Connection, key: bytes) -> bool:
    """Forgets one game, by its key; tells whether there was one.

    Who played no other keeps his names, for when it comes again: see `drop_without_games`.
    """
    chosen = GAMES.c.key == key
    sides = connection.execute(sa.select(GAMES.c.white_id, GAMES.c.black_id).where(chosen)).first()
    if sides is None:
        return False
    connection.execute(sa.delete(GAMES).where(chosen))
    recount(connection, sorted({id_ for id_ in sides if id_ is not None}))
    _drop_empty_imports(connection)
    return True


def _drop_empty_imports(connection: sa.Connection) -> None:
    connection.execute(sa.delete(IMPORTS).where(IMPORTS.c.id.not_in(sa.select(GAMES.c.import_id))))


def _forget_names(connection: sa.Connection, player: Player) -> None:
    mine = sa.select(ALIASES.c.id).where(ALIASES.c.player_id == player.id)
    linked = sa.or_(SAME_GAMES.c.first_id.in_(mine), SAME_GAMES.c.second_id.in_(mine))
    connection.execute(sa.delete(SAME_GAMES).where(linked))
    connection.execute(sa.delete(ALIASES).where(ALIASES.c.player_id == player.id))
    connection.execute(sa.delete(PLAYERS).where(PLAYERS.c.id == player.id))
    for table, columns in ((LIVE_GAMES, ("white", "black")), (MARKS, ("key",))):
        for row in connection.execute(sa.select(table)).mappings().all():
            texts = [row[column] for column in columns]
            written = {name_key(part) for text in texts for part in (text, *re.split("[:?&=]", text))}
            if written & player.keys:
                key = next(iter(table.primary_key))
                connection.execute(sa.delete(table).where(key == row[key.name]))


def drop_without_games(connection: sa.Connection, only: int | None = None) -> None:
    """Removes everybody who has no game under any name, or only one player if he has none."""
    games = sa.func.sum(ALIASES.c.white_games + ALIASES.c.black_games)
    query = sa.select(ALIASES.c.player_id).group_by(ALIASES.c.player_id).having(games == 0)
    if only is not None:
        query = query.where(ALIASES.c.player_id == only)
    unused = connection.scalars(query).all()
    for start in range(0, len(unused), 400):
        ids = unused[start : start + 400]
        mine = sa.select(ALIASES.c.id).where(ALIASES.c.player_id.in_(ids))
        linked = sa.or_(SAME_GAMES.c.first_id.in_(mine), SAME_GAMES.c.second_id.in_(mine))
        connection.execute(sa.delete(SAME_GAMES).where(linked))
        connection.execute(sa.delete(ALIASES).where(ALIASES.c.player_id.in_(ids)))
        connection.execute(sa.delete(PLAYERS).where(PLAYERS.c.id.in_(ids)))
