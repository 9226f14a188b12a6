"""Games that were stored before they ended: in progress, or cut by a fault in their file.

Such a game is replaced when it comes again with more moves, or from the same place in the same file with
a few plies taken back. What tells it from others is its *thread*: the site's id, or tags but the result.
Tags may be mended while a game goes on: in the same place of the same file its moves tell it too, once
there are enough of them.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from chessgru.library.schema import ALIASES, GAMES, IMPORTS
from chessgru.library.staging import STAGED, VALUES

TAKEN_BACK: Final = 4
"""Plies that a game in progress may lose between two readings of its file and still be the same game."""
TELLING: Final = 8
"""Plies from which on a game in the same place of a file is the same game, whatever its tags say."""


def with_aliases() -> tuple[Any, Any, Any]:
    """Returns the staged games joined with the aliases of both sides, and these two tables."""
    white, black = ALIASES.alias(), ALIASES.alias()
    tables = STAGED.outerjoin(white, white.c.key == STAGED.c.white_key)
    return tables.outerjoin(black, black.c.key == STAGED.c.black_key), white, black


def mark_unfinished(connection: sa.Connection, source: str) -> None:
    """Notes which staged games need a closer look: an unfinished state is known, or they lost their end.

    Of the latter only those that may be a part of a stored game.
    """
    places = sa.select(GAMES.c.position).join(IMPORTS)
    places = places.where(IMPORTS.c.source == source, GAMES.c.thread.is_not(None))
    thread = STAGED.alias().c
    stored = sa.select(GAMES.c.thread).where(GAMES.c.thread.is_not(None))
    several = sa.and_(sa.func.count() > 1, sa.func.max(thread.open) == 1)
    beside = sa.select(thread.thread).group_by(thread.thread).having(several)
    chosen = sa.or_(
        STAGED.c.thread.in_(stored),
        STAGED.c.thread.in_(beside),
        STAGED.c.position.in_(places),
        STAGED.c.id.in_(_cut_copies()),
    )
    connection.execute(sa.update(STAGED).where(chosen), {"closer": True})


def _cut_copies() -> sa.Select[Any]:
    """Selects the staged games without an end that may be copies of stored ones."""
    tables, white, black = with_aliases()
    whole = tables.join(GAMES, sa.and_(GAMES.c.white_id == white.c.id, GAMES.c.black_id == black.c.id))
    same = [GAMES.c[name] == STAGED.c[name] for name in ("day", "round", "result")]
    return sa.select(STAGED.c.id).select_from(whole).where(STAGED.c.open, STAGED.c.result != "*", *same)


def follow_unfinished(connection: sa.Connection, import_id: int, source: str) -> int:
    """Stores or continues, one by one, the games that need a closer look; counts the grown."""
    tables, white, black = with_aliases()
    columns = [white.c.id.label("white_id"), black.c.id.label("black_id"), *(STAGED.c[n] for n in VALUES)]
    chosen = sa.select(STAGED.c.open, *columns).select_from(tables).where(STAGED.c.closer)
    rows = connection.execute(chosen.order_by(STAGED.c.id).execution_options(yield_per=500))
    places = _open_places(connection, source)
    grown = 0
    for row in rows.mappings():
        values = {name: row[name] for name in ("white_id", "black_id", *VALUES)}
        values |= {"import_id": import_id, "thread": row["thread"] if row["open"] else None}
        states = [*places.get(row["position"], ()), *_states(connection, row)]
        if any(_repeats(row, state, import_id) for state in states):
            continue
        earlier = next((state for state in states if _continues(row, state, import_id, source)), None)
        if earlier is None:
            connection.execute(sa.insert(GAMES), values)
        else:
            if earlier.source == source:
                del values["import_id"]
            connection.execute(sa.update(GAMES).where(GAMES.c.id == earlier.id), values)
            grown += 1
    return grown


def _known() -> sa.Select[Any]:
    names = ("id", "key", "thread", "tokens", "result", "position", "import_id")
    return sa.select(*(GAMES.c[name] for name in names), IMPORTS.c.source).join(IMPORTS)


def _open_places(connection: sa.Connection, source: str) -> dict[int, list[sa.Row[Any]]]:
    """Returns the unfinished games stored from a source, by their place in it."""
    found: dict[int, list[sa.Row[Any]]] = {}
    query = _known().where(IMPORTS.c.source == source, GAMES.c.thread.is_not(None))
    for state in connection.execute(query):
        found.setdefault(state.position, []).append(state)
    return found


def _states(connection: sa.Connection, row: sa.RowMapping) -> list[sa.Row[Any]]:
    """Returns the stored games that a game read now may repeat or continue."""
    ways = [GAMES.c.key == row["key"], GAMES.c.thread == row["thread"]]
    if row["open"] and row["result"] != "*" and row["white_id"] and row["black_id"]:
        same = ("white_id", "black_id", "day", "round", "result")
        ways.append(sa.and_(*(GAMES.c[name] == row[name] for name in same)))
    return [state for way in ways for state in connection.execute(_known().where(way))]


def _is_other(row: sa.RowMapping, state: sa.Row[Any], import_id: int) -> bool:
    """Two places in one file hold two games, however much they look alike."""
    return bool(state.import_id == import_id and state.position != row["position"])


def _repeats(row: sa.RowMapping, state: sa.Row[Any], import_id: int) -> bool:
    """Tells whether a game read now holds nothing that is not stored."""
    if state.thread is None and row["open"] and row["result"] != "*" and state.key != row["key"]:
        return state.result == row["result"] and bool(state.tokens.startswith(row["tokens"]))
    if state.thread is None or not row["open"]:
        as_stored = (state.tokens, state.result) == (row["tokens"], row["result"])
        return bool(state.key == row["key"] and (state.thread is None or as_stored))
    if state.thread != row["thread"]:
        return False
    if state.tokens == row["tokens"]:
        return True
    return not _is_other(row, state, import_id) and bool(state.tokens.startswith(row["tokens"]))


def _continues(row: sa.RowMapping, state: sa.Row[Any], import_id: int, source: str) -> bool:
    """Tells whether a game read now carries on the unfinished state that is stored."""
    now, before = row["tokens"], state.tokens
    if state.thread is None or _is_other(row, state, import_id):
        return False
    same_place = (row["position"], source) == (state.position, state.source)
    if state.thread != row["thread"]:
        return bool(same_place and len(before) >= 2 * TELLING and now.startswith(before))
    kept = before[: max(2, len(before) - 2 * TAKEN_BACK)]
    return bool(now.startswith(before) or (same_place and now.startswith(kept)))
