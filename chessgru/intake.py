"""How games enter the library: staged first, then stored in one short transaction.

The games of an import are written to a temporary table of the connection, however long reading or
downloading them takes, without locking anybody out. One transaction then moves those that are new into
the library, so a process killed at any moment leaves all of an import or nothing of it.

Two games are the same if they share the site's id, or else names, date, round, result and moves. A game in
progress (result "*"), or cut by a fault in its file, is replaced when it comes again with more moves, or
from the same place with up to four plies taken back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from itertools import islice
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from chessgru.game import Game, Rejection, name_key
from chessgru.schema import (
    ALIASES,
    GAMES,
    IMPORTS,
    PLAYERS,
    SAME_GAMES,
    game_values,
    pack_clocks,
    pack_tokens,
)

BATCH: Final = 1000
TAKEN_BACK: Final = 4
"""Plies that a game in progress may lose between two readings of its file and still be the same game."""

Progress = Callable[[int], None]
"""Called now and then with the number of games read so far, rejected ones counted."""

_MORE_MAY_COME: Final = ("cut ", "no result after")
_key_of_name = lru_cache(maxsize=100_000)(name_key)

_STAGED: Final = sa.Table(
    "staged",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("white_key", sa.Text),
    sa.Column("black_key", sa.Text),
    sa.Column("open", sa.Boolean),
    *game_values(),
    prefixes=["TEMPORARY"],
)
_VALUES: Final = [column.name for column in game_values()]


class Example(NamedTuple):
    """Where a reason of rejection occurred first, and what was wrong there."""

    line: int
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What became of each game of an import: `read` = accepted + duplicates + grown + rejected."""

    source: str
    accepted: int = 0
    duplicates: int = 0
    grown: int = 0
    """Games in progress that had gone on since they were last read."""
    cut: int = 0
    """Accepted games that lost their end to a fault in the file."""
    rejected: dict[str, int] = field(default_factory=dict)
    first_examples: dict[str, Example] = field(default_factory=dict)

    @property
    def read(self) -> int:
        """How many games the source held."""
        return self.accepted + self.duplicates + self.grown + sum(self.rejected.values())


@dataclass(slots=True)
class _Rejected:
    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, Example] = field(default_factory=dict)

    def add(self, rejection: Rejection) -> None:
        self.counts[rejection.reason] = self.counts.get(rejection.reason, 0) + 1
        self.examples.setdefault(rejection.reason, Example(rejection.line, rejection.detail))


def day_of(date: str) -> int:
    """Returns a PGN date as a number that sorts, unknown parts as zeros; 0 if even the year is unknown.

    >>> day_of("2024.05.07"), day_of("2024.??.??"), day_of("????.??.??")
    (20240507, 20240000, 0)
    """
    digits = [part if part.isdecimal() else "" for part in [*date.split("."), "", ""][:3]]
    if not digits[0]:
        return 0
    return int(digits[0].zfill(4)[-4:] + digits[1].zfill(2)[-2:] + digits[2].zfill(2)[-2:])


def is_unfinished(game: Game) -> bool:
    """Tells whether more moves may come: the result is open, or the text of the game broke off."""
    return game.result == "*" or any(warning.startswith(_MORE_MAY_COME) for warning in game.warnings)


def _digest(*parts: str, moves: bytes = b"") -> bytes:
    return blake2b("\x1f".join(parts).encode("utf-8", "replace") + b"\x1e" + moves, digest_size=16).digest()


def _row(game: Game) -> dict[str, Any]:
    """Returns the values of a game's row, with the keys that tell it from others."""
    white, black, tokens = _key_of_name(game.white), _key_of_name(game.black), pack_tokens(game.tokens)
    if game.site_id:
        key = thread = _digest("id", game.site_id)
    else:
        key = _digest(white, black, game.date, game.round, game.result, moves=tokens)
        thread = _digest(white, black, game.date, game.round, game.time, game.event, game.site)
    return {
        "key": key,
        "thread": thread,
        "tokens": tokens,
        "clocks": pack_clocks(game.clocks),
        "white": game.white,
        "black": game.black,
        "white_key": white or None,
        "black_key": black or None,
        "open": is_unfinished(game),
        "white_rating": game.white_rating,
        "black_rating": game.black_rating,
        "result": game.result,
        "day": day_of(game.date),
        "date": game.date,
        "time": game.time,
        "time_control": game.time_control,
        "event": game.event,
        "site": game.site,
        "round": game.round,
        "eco": game.eco,
        "site_id": game.site_id,
        "position": game.index,
        "line": game.line,
        "warnings": "\n".join(game.warnings),
    }


def take_in(
    connection: sa.Connection,
    items: Iterable[Game | Rejection],
    *,
    source: str,
    now: Callable[[], float],
    progress: Progress | None = None,
) -> ImportReport:
    """Stores the games that are new, all or none of them, and reports what became of each."""
    rejected = _Rejected()
    _STAGED.drop(connection, checkfirst=True)
    _STAGED.create(connection)
    try:
        games = _stage(connection, items, rejected, progress)
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            report = _store(connection, games, rejected, source, now())
            connection.exec_driver_sql("COMMIT")
        except BaseException:
            connection.exec_driver_sql("ROLLBACK")
            raise
    finally:
        _STAGED.drop(connection)
    return report


def _stage(
    connection: sa.Connection,
    items: Iterable[Game | Rejection],
    rejected: _Rejected,
    progress: Progress | None,
) -> int:
    """Writes the games to the staging table and returns their number."""
    games, insert = 0, sa.insert(_STAGED)
    for batch in _batches(items):
        rows = [_row(item) for item in batch if isinstance(item, Game)]
        for item in batch:
            if isinstance(item, Rejection):
                rejected.add(item)
        if rows:
            connection.exec_driver_sql("BEGIN")
            connection.execute(insert, rows)
            connection.exec_driver_sql("COMMIT")
        games += len(rows)
        if progress is not None:
            progress(games + sum(rejected.counts.values()))
    return games


def _batches(items: Iterable[Game | Rejection]) -> Iterator[list[Game | Rejection]]:
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def _store(
    connection: sa.Connection, games: int, rejected: _Rejected, source: str, time: float
) -> ImportReport:
    """Moves the new games from the staging table into the library; runs inside the transaction."""
    last = connection.execute(sa.select(sa.func.coalesce(sa.func.max(GAMES.c.id), 0))).scalar_one()
    started = {"source": source, "time": time}
    import_id: int = connection.scalars(sa.insert(IMPORTS).returning(IMPORTS.c.id), started).one()
    _add_names(connection)
    _link_renamed(connection)
    connection.execute(_insert_new(import_id))
    grown = _follow_unfinished(connection, import_id, source)
    new = GAMES.c.id > last
    accepted = connection.execute(sa.select(sa.func.count()).where(new)).scalar_one()
    was_cut = sa.or_(GAMES.c.warnings.startswith("cut "), GAMES.c.warnings.contains("\ncut "))
    report = ImportReport(
        source=source,
        accepted=accepted,
        duplicates=games - accepted - grown,
        grown=grown,
        cut=connection.execute(sa.select(sa.func.count()).where(new, was_cut)).scalar_one(),
        rejected=rejected.counts,
        first_examples=rejected.examples,
    )
    add_counts(connection, new)
    _record(connection, import_id, report)
    return report


def _record(connection: sa.Connection, import_id: int, report: ImportReport) -> None:
    """Completes the import's own row, or drops it if nothing came, or games in progress only went on."""
    mine = IMPORTS.c.id == import_id
    if not report.accepted and not report.rejected and (report.grown or not report.duplicates):
        connection.execute(sa.delete(IMPORTS).where(mine))
        return
    rejected = {
        reason: [count, *report.first_examples[reason]] for reason, count in report.rejected.items()
    }
    connection.execute(
        sa.update(IMPORTS).where(mine),
        {
            "accepted": report.accepted,
            "duplicates": report.duplicates,
            "grown": report.grown,
            "cut": report.cut,
            "rejected": json.dumps(rejected),
        },
    )


def _add_names(connection: sa.Connection) -> None:
    """Makes an alias, and a player of its own, for each name not seen before."""
    names: dict[str, str] = {}
    for key, name in ((_STAGED.c.white_key, _STAGED.c.white), (_STAGED.c.black_key, _STAGED.c.black)):
        unknown = key.is_not(None) & key.not_in(sa.select(ALIASES.c.key))
        first = sa.func.min(_STAGED.c.id)
        for found in connection.execute(sa.select(key, name, first).where(unknown).group_by(key)):
            names.setdefault(found[0], " ".join(found[1].split()))
    add_aliases(connection, names)


def add_aliases(connection: sa.Connection, names: dict[str, str]) -> None:
    """Makes an alias, and a player of its own, for each name (by its `name_key`)."""
    if not names:
        return
    player = connection.execute(sa.select(sa.func.coalesce(sa.func.max(PLAYERS.c.id), 0))).scalar_one()
    numbered = list(enumerate(names.items(), player + 1))
    connection.execute(sa.insert(PLAYERS), [{"id": id_, "name": name} for id_, (_, name) in numbered])
    rows = [{"key": key, "name": name, "player_id": id_} for id_, (key, name) in numbered]
    connection.execute(sa.insert(ALIASES), rows)


def _link_renamed(connection: sa.Connection) -> None:
    """Remembers names that a stored game of a site now comes with: the account was renamed."""
    same_game = (GAMES.c.key == _STAGED.c.key) & (_STAGED.c.site_id != "")
    for key, stored in ((_STAGED.c.white_key, GAMES.c.white_id), (_STAGED.c.black_key, GAMES.c.black_id)):
        pairs = (
            sa.select(sa.func.min(stored, ALIASES.c.id), sa.func.max(stored, ALIASES.c.id))
            .select_from(_STAGED.join(GAMES, same_game).join(ALIASES, ALIASES.c.key == key))
            .where(stored != ALIASES.c.id)
            .distinct()
        )
        insert = sa.insert(SAME_GAMES).prefix_with("OR IGNORE")
        connection.execute(insert.from_select(["first_id", "second_id"], pairs))


def _may_continue() -> sa.ColumnElement[bool]:
    """Selects staged games of which an unfinished state is stored, or staged beside them: look closer."""
    thread = _STAGED.alias().c
    stored = sa.select(GAMES.c.thread).where(GAMES.c.thread.is_not(None))
    several = sa.and_(sa.func.count() > 1, sa.func.max(thread.open) == 1)
    beside = sa.select(thread.thread).group_by(thread.thread).having(several)
    return sa.or_(_STAGED.c.thread.in_(stored), _STAGED.c.thread.in_(beside))


def _with_aliases() -> tuple[Any, Any, Any]:
    white, black = ALIASES.alias(), ALIASES.alias()
    tables = _STAGED.outerjoin(white, white.c.key == _STAGED.c.white_key)
    return tables.outerjoin(black, black.c.key == _STAGED.c.black_key), white, black


def _insert_new(import_id: int) -> sa.Insert:
    """Returns the statement that stores all staged games but those that may continue another."""
    tables, white, black = _with_aliases()
    plain = [name for name in _VALUES if name != "thread"]
    thread = sa.case((_STAGED.c.open, _STAGED.c.thread))
    chosen = sa.select(
        sa.literal(import_id), white.c.id, black.c.id, thread, *(_STAGED.c[name] for name in plain)
    )
    chosen = chosen.select_from(tables).where(sa.not_(_may_continue())).order_by(_STAGED.c.id)
    columns = ["import_id", "white_id", "black_id", "thread", *plain]
    return sa.insert(GAMES).prefix_with("OR IGNORE").from_select(columns, chosen)


def _follow_unfinished(connection: sa.Connection, import_id: int, source: str) -> int:
    """Stores or continues, one by one, games of which an unfinished state is known; counts the grown."""
    tables, white, black = _with_aliases()
    columns = [white.c.id.label("white_id"), black.c.id.label("black_id"), *(_STAGED.c[n] for n in _VALUES)]
    chosen = sa.select(_STAGED.c.open, *columns).select_from(tables).where(_may_continue())
    grown = 0
    for row in connection.execute(chosen.order_by(_STAGED.c.id)).mappings().all():
        values = {name: row[name] for name in ("white_id", "black_id", *_VALUES)}
        values |= {"import_id": import_id, "thread": row["thread"] if row["open"] else None}
        states = _states(connection, row)
        if any(_repeats(row, state, import_id) for state in states):
            continue
        earlier = next((state for state in states if _continues(row, state, import_id, source)), None)
        if earlier is None:
            connection.execute(sa.insert(GAMES), values)
        else:
            del values["import_id"]
            connection.execute(sa.update(GAMES).where(GAMES.c.id == earlier.id), values)
            grown += 1
    return grown


def _states(connection: sa.Connection, row: sa.RowMapping) -> Sequence[Any]:
    """Returns the stored games that a game read now may repeat or continue."""
    columns = (GAMES.c.id, GAMES.c.key, GAMES.c.thread, GAMES.c.tokens, GAMES.c.position, GAMES.c.import_id)
    known = sa.select(*columns, IMPORTS.c.source).join(IMPORTS)
    return connection.execute(
        known.where(sa.or_(GAMES.c.key == row["key"], GAMES.c.thread == row["thread"]))
    ).all()


def _is_other(row: sa.RowMapping, state: sa.Row[Any], import_id: int) -> bool:
    """Two places in one file hold two games, however much they look alike."""
    return bool(state.import_id == import_id and state.position != row["position"])


def _repeats(row: sa.RowMapping, state: sa.Row[Any], import_id: int) -> bool:
    """Tells whether a game read now holds nothing that is not stored."""
    if state.thread is None or not row["open"]:
        return bool(state.thread is None and state.key == row["key"])
    if state.tokens == row["tokens"]:
        return True
    return not _is_other(row, state, import_id) and bool(state.tokens.startswith(row["tokens"]))


def _continues(row: sa.RowMapping, state: sa.Row[Any], import_id: int, source: str) -> bool:
    """Tells whether a game read now carries on the unfinished state that is stored."""
    now, before = row["tokens"], state.tokens
    if state.thread is None or _is_other(row, state, import_id):
        return False
    kept = before[: max(2, len(before) - 2 * TAKEN_BACK)]
    same_place = (row["position"], source) == (state.position, state.source)
    return bool(now.startswith(before) or (same_place and now.startswith(kept)))


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
