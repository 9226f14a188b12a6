"""How games enter the library: staged first, then stored in one short transaction.

The games of an import are written to a temporary table of the connection, however long reading or
downloading them takes, without locking anybody out. One transaction then moves those that are new into
the library, so a process killed at any moment leaves all of an import or nothing of it.

Two games are the same if they share the site's id, or else names, date, round, result and moves.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import sqlalchemy as sa

from chessgru.game import Game, Rejection
from chessgru.library.continuing import follow_unfinished, mark_unfinished, with_aliases
from chessgru.library.schema import ALIASES, GAMES, IMPORTS, PLAYERS, SAME_GAMES, in_order, transaction
from chessgru.library.selection import note_change
from chessgru.library.staging import STAGED, VALUES, Progress, stage
from chessgru.library.tallies import add_counts


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


def take_in(
    connection: sa.Connection,
    items: Iterable[Game | Rejection],
    *,
    source: str,
    now: Callable[[], float],
    progress: Progress | None = None,
    first: Callable[[], None] | None = None,
) -> ImportReport:
    """Stores the games that are new, all or none of them, and reports what became of each.

    `first` changes something else in the same transaction: both are stored, or neither.
    """
    rejected = _Rejected()
    STAGED.drop(connection, checkfirst=True)
    STAGED.create(connection)
    try:
        games = stage(connection, items, reject=rejected.add, progress=progress)
        with transaction(connection):
            if first is not None:
                first()
            report = _store(connection, games, rejected, source, now())
            if report.accepted or report.grown:
                note_change(connection)
    finally:
        if in_order(connection):
            STAGED.drop(connection)
    return report


def _store(
    connection: sa.Connection, games: int, rejected: _Rejected, source: str, time: float
) -> ImportReport:
    """Moves the new games from the staging table into the library; runs inside the transaction."""
    last = connection.execute(sa.select(sa.func.coalesce(sa.func.max(GAMES.c.id), 0))).scalar_one()
    started = {"source": source, "time": time}
    import_id: int = connection.scalars(sa.insert(IMPORTS).returning(IMPORTS.c.id), started).one()
    _add_names(connection)
    _link_renamed(connection)
    mark_unfinished(connection, source)
    connection.execute(_insert_new(import_id))
    grown = follow_unfinished(connection, import_id, source)
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
    used = sa.select(GAMES.c.id).where(GAMES.c.import_id == import_id).limit(1)
    nothing = not report.rejected and (report.grown or not report.duplicates)
    if nothing and connection.execute(used).first() is None:
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
    for key, name in ((STAGED.c.white_key, STAGED.c.white), (STAGED.c.black_key, STAGED.c.black)):
        unknown = key.is_not(None) & key.not_in(sa.select(ALIASES.c.key))
        first = sa.func.min(STAGED.c.id)
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
    same_game = (GAMES.c.key == STAGED.c.key) & (STAGED.c.site_id != "")
    for key, stored in ((STAGED.c.white_key, GAMES.c.white_id), (STAGED.c.black_key, GAMES.c.black_id)):
        pairs = (
            sa.select(sa.func.min(stored, ALIASES.c.id), sa.func.max(stored, ALIASES.c.id))
            .select_from(STAGED.join(GAMES, same_game).join(ALIASES, ALIASES.c.key == key))
            .where(stored != ALIASES.c.id)
            .distinct()
        )
        insert = sa.insert(SAME_GAMES).prefix_with("OR IGNORE")
        connection.execute(insert.from_select(["first_id", "second_id"], pairs))


def _insert_new(import_id: int) -> sa.Insert:
    """Returns the statement that stores all staged games but those that need a closer look."""
    tables, white, black = with_aliases()
    plain = [name for name in VALUES if name != "thread"]
    thread = sa.case((STAGED.c.open, STAGED.c.thread))
    chosen = sa.select(
        sa.literal(import_id), white.c.id, black.c.id, thread, *(STAGED.c[name] for name in plain)
    )
    chosen = chosen.select_from(tables).where(sa.not_(STAGED.c.closer)).order_by(STAGED.c.id)
    columns = ["import_id", "white_id", "black_id", "thread", *plain]
    return sa.insert(GAMES).prefix_with("OR IGNORE").from_select(columns, chosen)
