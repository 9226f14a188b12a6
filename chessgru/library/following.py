"""Games that go on in files of watched folders, as boards write them, to be looked at live.

Whoever watches takes each move in and says which folders he watches (see `watching`); here is found what
stands in the library.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from chessgru.game import Game
from chessgru.library.schema import GAMES, IMPORTS, MARKS
from chessgru.library.selection import COLUMNS, game_of, in_progress

WATCHING: Final = "watching:"
"""Before the folder in the key of a mark that says when it began to be watched."""
QUIET_SECONDS: Final = 12 * 3600.0
"""A game whose file was not written for so long is abandoned rather than in progress."""


@dataclass(frozen=True, slots=True)
class Followed:
    """A game as it stands in a file. `id` is its number in the library and stays when it goes on."""

    id: int
    game: Game
    changed: float | None
    """When its file was last written, in seconds since 1970; None if the file is not there."""


def _written(source: str) -> float | None:
    """Returns when a file was last written, None for what is no file of this computer."""
    try:
        return Path(source).stat().st_mtime
    except (OSError, ValueError):
        return None


def watched_folders(connection: sa.Connection) -> list[Path]:
    """Returns the folders that are or were watched, by name."""
    keys = connection.scalars(sa.select(MARKS.c.key).where(MARKS.c.key.startswith(WATCHING)))
    return sorted(Path(key.removeprefix(WATCHING)) for key in keys)


def list_followed(connection: sa.Connection, limit: int, now: float) -> list[Followed]:
    """Returns the games in progress, those whose file changed last first, the last of a file first."""
    folders = set(watched_folders(connection))
    if not folders:
        return []
    sources = connection.scalars(sa.select(IMPORTS.c.source).join(GAMES).where(in_progress()).distinct())
    watched = [source for source in sources if folders.intersection(Path(source).parents)]
    times = {source: _written(source) for source in watched}
    recent = {source: time for source, time in times.items() if time and now - time < QUIET_SECONDS}
    latest = sorted(recent, key=lambda source: -recent[source])[:limit]
    found = [one for source in latest for one in _of_file(connection, source, recent[source], limit)]
    return found[:limit]


def _of_file(connection: sa.Connection, source: str, changed: float, limit: int) -> Iterator[Followed]:
    query = sa.select(GAMES.c.id, *COLUMNS).join(IMPORTS).where(in_progress(), IMPORTS.c.source == source)
    for row in connection.execute(query.order_by(GAMES.c.position.desc(), GAMES.c.id.desc()).limit(limit)):
        if not _is_replaced(connection, row):
            yield _followed(row, changed)


def _is_replaced(connection: sa.Connection, row: sa.Row[Any]) -> bool:
    """Tells whether a later game stands in a game's place in the file, so that it was abandoned."""
    same_place = sa.and_(GAMES.c.position == row.position, IMPORTS.c.source == row.source)
    later = sa.select(GAMES.c.id).join(IMPORTS).where(GAMES.c.id > row.id, same_place)
    return connection.execute(later.limit(1)).first() is not None


def _followed(row: sa.Row[Any], changed: float | None) -> Followed:
    return Followed(row.id, game_of(row[1:]), changed)


def load(connection: sa.Connection, id_: int) -> Followed | None:
    """Returns a game by its number, in progress or ended, None if there is none."""
    chosen = sa.select(GAMES.c.id, *COLUMNS).join(IMPORTS).where(GAMES.c.id == id_)
    row = connection.execute(chosen).first()
    return None if row is None else _followed(row, _written(row.source))
