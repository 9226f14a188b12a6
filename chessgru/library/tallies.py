"""The counts kept beside each name, so that listing the players does not read their games."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from chessgru.library.schema import ALIASES, GAMES


def _tally(chosen: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Returns the query that counts the chosen games of each alias: by color, days, latest rating."""
    white = (
        GAMES.c.white_id.label("id_"),
        GAMES.c.white_rating.label("rating"),
        sa.literal(1).label("white"),
    )
    black = (GAMES.c.black_id, GAMES.c.black_rating, sa.literal(0))
    shared = (GAMES.c.day, GAMES.c.time)
    sides = sa.union_all(
        sa.select(*white, *shared).where(chosen), sa.select(*black, *shared).where(chosen)
    ).subquery()
    side = sides.c
    rated = sa.case(
        (side.rating.is_not(None), sa.func.printf("%08d %s|%d", side.day, side.time, side.rating))
    )
    counted = sa.select(
        side.id_,
        sa.func.sum(side.white).label("white"),
        sa.func.sum(1 - side.white).label("black"),
        sa.func.coalesce(sa.func.min(sa.func.nullif(side.day, 0)), 0).label("first"),
        sa.func.max(side.day).label("last"),
        sa.func.coalesce(sa.func.max(rated), "").label("latest"),
    )
    return counted.where(side.id_.is_not(None)).group_by(side.id_)


def add_counts(connection: sa.Connection, chosen: sa.ColumnElement[bool]) -> None:
    """Adds the chosen games to the counts kept with their players' names."""
    _add(connection, [dict(row) for row in connection.execute(_tally(chosen)).mappings()])


def _add(connection: sa.Connection, counts: list[dict[str, Any]]) -> None:
    if not counts:
        return
    names, first = ALIASES.c, sa.bindparam("first", type_=sa.Integer)
    earliest = sa.func.coalesce(sa.func.min(sa.func.nullif(names.first_day, 0), first), first)
    change = sa.update(ALIASES).where(names.id == sa.bindparam("id_"))
    change = change.values(
        white_games=names.white_games + sa.bindparam("white"),
        black_games=names.black_games + sa.bindparam("black"),
        first_day=sa.case((first == 0, names.first_day), else_=earliest),
        last_day=sa.func.max(names.last_day, sa.bindparam("last", type_=sa.Integer)),
        rated=sa.func.max(names.rated, sa.bindparam("latest", type_=sa.Text)),
    )
    connection.execute(change, counts)


def recount(connection: sa.Connection, aliases: Sequence[int]) -> None:
    """Counts the games of some names afresh, after games were removed."""
    zero = {"white_games": 0, "black_games": 0, "first_day": 0, "last_day": 0, "rated": ""}
    for start in range(0, len(aliases), 400):
        part = set(aliases[start : start + 400])
        connection.execute(sa.update(ALIASES).where(ALIASES.c.id.in_(part)).values(zero))
        chosen = sa.or_(GAMES.c.white_id.in_(part), GAMES.c.black_id.in_(part))
        counted = connection.execute(_tally(chosen)).mappings()
        _add(connection, [dict(row) for row in counted if row["id_"] in part])
