"""Finding games in the library: by player, opponent, color and dates, oldest first."""

from __future__ import annotations

import calendar
import datetime
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from chessgru.errors import LibraryError
from chessgru.game import Game, Side
from chessgru.library.schema import ALIASES, GAMES, IMPORTS, MARKS, unpack_clocks, unpack_tokens
from chessgru.library.staging import day_of

_TEXTS: Final = (
    *("white", "black", "white_rating", "black_rating", "result", "date", "time"),
    *("time_control", "event", "site", "round", "eco", "site_id"),
)
COLUMNS: Final = (
    *(GAMES.c[name] for name in (*_TEXTS, "tokens", "clocks", "warnings", "position", "line")),
    IMPORTS.c.source,
)
LAST_DAY: Final = 99991231
_REVISION: Final = "#revision"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which games: `player` and `opponent` are ids; days as `day_of` makes them, both included.

    Without a day limit undated games are selected too, with one they are not. `limit` keeps the latest.
    """

    player: int | None = None
    opponent: int | None = None
    color: Side | None = None
    first_day: int | None = None
    last_day: int | None = None
    limit: int | None = None
    unfinished: bool = False
    without: int | None = None
    """The id of a game to leave out."""


def parse_day(text: str | None, *, end: bool) -> int | None:
    """Returns "2024", "2024-05" or "2024.05.07" as a day; `end` means the last day of an incomplete date.

    Raises LibraryError if it is not a date.

    >>> parse_day("2024-05", end=False), parse_day("2024", end=True)
    (20240500, 20241231)
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d{4})(?:[-./](\d\d?|\?\?))?(?:[-./](\d\d?|\?\?))?", text.strip())
    if match is None:
        raise LibraryError(f"{text!r} is not a date: write it as 2024, 2024-05 or 2024-05-07")
    year, month, day = (int(part) if part and part.isdecimal() else 0 for part in match.groups())
    if month > 12 or (day and (not month or day > calendar.monthrange(year, month)[1])):
        raise LibraryError(f"{text!r} is not a date: there is no such month or day")
    if end:
        month, day = month or 12, day or 31
    return day_of(f"{year:04}.{month:02}.{day:02}")


def calendar_day(text: str | None, *, end: bool) -> datetime.date | None:
    """Returns what `parse_day` reads as a date, the first or last day of a month or year."""
    number = parse_day(text, end=end)
    if number is None:
        return None
    year, month, day = number // 10000, number // 100 % 100 or 1, number % 100 or 1
    last = calendar.monthrange(year, month)[1] if year else 31
    try:
        return datetime.date(year, month, min(day, last) if end else day)
    except ValueError as error:
        raise LibraryError(f"{text!r} is not a date: {error}") from error


def stream(connection: sa.Connection, selection: Selection) -> Iterator[Game]:
    """Yields the selected games by date, time and order of import, oldest first."""
    rows = connection.execution_options(yield_per=500).execute(_query(selection))
    return (game_of(row) for row in rows)


def count(connection: sa.Connection, selection: Selection) -> int:
    """Returns how many games are selected."""
    chosen = _ids(selection).subquery()
    return int(connection.execute(sa.select(sa.func.count()).select_from(chosen)).scalar_one())


def revision(connection: sa.Connection) -> int:
    """Returns how often `note_change` was called."""
    value = connection.scalars(sa.select(MARKS.c.value).where(MARKS.c.key == _REVISION)).first()
    return int(value or 0)


def note_change(connection: sa.Connection) -> None:
    """Notes, in the transaction that does it, that games or the names of players change."""
    row = {"key": _REVISION, "value": str(revision(connection) + 1)}
    connection.execute(sa.insert(MARKS).prefix_with("OR REPLACE"), row)


def _query(selection: Selection) -> sa.Select[Any]:
    order = (GAMES.c.day, GAMES.c.time, GAMES.c.id)
    query = sa.select(*COLUMNS).join(IMPORTS)
    if selection.limit is not None:
        latest = sa.select(GAMES.c.id).where(GAMES.c.id.in_(_ids(selection)))
        latest = latest.order_by(*(column.desc() for column in order)).limit(selection.limit)
        query = query.where(GAMES.c.id.in_(latest))
    elif selection != Selection():
        query = query.where(GAMES.c.id.in_(_ids(selection)))
    return query.order_by(*order)


def _ids(selection: Selection) -> sa.Select[Any] | sa.CompoundSelect[Any]:
    """Returns the query of the selected games' ids, one branch a color so that each uses its index."""
    if selection.player is None and selection.opponent is None:
        return sa.select(GAMES.c.id).where(*_limits(selection))
    sides = [_one_color(selection, side) for side in ("white", "black") if selection.color in (None, side)]
    return sides[0] if len(sides) == 1 else sa.union(*sides)


def _one_color(selection: Selection, side: str) -> sa.Select[Any]:
    mine, other = (GAMES.c.white_id, GAMES.c.black_id)[:: 1 if side == "white" else -1]
    conditions = list(_limits(selection))
    for column, player in ((mine, selection.player), (other, selection.opponent)):
        if player is not None:
            conditions.append(column.in_(sa.select(ALIASES.c.id).where(ALIASES.c.player_id == player)))
    return sa.select(GAMES.c.id).where(*conditions)


def _limits(selection: Selection) -> Iterator[sa.ColumnElement[bool]]:
    if selection.first_day is not None or selection.last_day is not None:
        yield GAMES.c.day.between(max(1, selection.first_day or 1), selection.last_day or LAST_DAY)
    if selection.unfinished:
        yield in_progress()
    if selection.without is not None:
        yield GAMES.c.id != selection.without


def in_progress() -> sa.ColumnElement[bool]:
    """Selects the games whose result is still open."""
    return GAMES.c.thread.is_not(None) & (GAMES.c.result == "*")


def game_of(row: Sequence[Any]) -> Game:
    """Builds the game of a row of `COLUMNS`."""
    *texts, tokens, clocks, warnings, position, line, source = row
    return Game(
        **dict(zip(_TEXTS, texts, strict=True)),
        tokens=unpack_tokens(tokens),
        clocks=unpack_clocks(clocks),
        warnings=tuple(warnings.split("\n")) if warnings else (),
        source=source,
        index=position,
        line=line,
    )
