"""The tables of the games library, how its file is opened, and how moves and clocks become bytes.

One SQLite file in write-ahead mode, so that the app and the command line read and write it at the same
time. A game points to the *aliases* that played it, an alias to its player: merging two spellings of one
person changes a single row and is undone by changing it back. The counts of each alias are kept beside it,
so listing the players does not read the games.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Column, Float, ForeignKey, Index, Integer, LargeBinary, MetaData, Table, Text
from sqlalchemy.exc import DBAPIError

from chessgru.errors import LibraryError

APPLICATION_ID: Final = 0x63677275
"""Marks the file as ours in its header ("cgru")."""
VERSION: Final = 2
BUSY_SECONDS: Final = 60
NO_CLOCK: Final = -1
LONGEST_CLOCK: Final = 2**31 - 1

METADATA: Final = MetaData()


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0")


PLAYERS: Final = Table(
    "players", METADATA, Column("id", Integer, primary_key=True), Column("name", Text, nullable=False)
)

ALIASES: Final = Table(
    "aliases",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("player_id", ForeignKey("players.id"), nullable=False, index=True),
    _count("white_games"),
    _count("black_games"),
    _count("first_day"),
    _count("last_day"),
    _text("rated"),
    comment="`rated` sorts by time and ends in the latest rating: 'YYYYMMDD HH:MM:SS|rating'.",
)

IMPORTS: Final = Table(
    "imports",
    METADATA,
    Column("id", Integer, primary_key=True),
    _text("source"),
    Column("time", Float, nullable=False),
    _count("accepted"),
    _count("duplicates"),
    _count("grown"),
    _count("cut"),
    _text("rejected"),
)


def game_values() -> tuple[Column[Any], ...]:
    """Returns the columns that come from the game itself, in `games` and where an import is staged."""
    return (
        *(Column(name, LargeBinary, nullable=False) for name in ("key", "tokens")),
        *(Column(name, LargeBinary) for name in ("thread", "clocks")),
        *(Column(name, Integer) for name in ("white_rating", "black_rating")),
        *(_count(name) for name in ("day", "position", "line")),
        *(
            _text(name)
            for name in (
                *("white", "black", "result", "date", "time", "time_control"),
                *("event", "site", "round", "eco", "site_id", "warnings"),
            )
        ),
    )


GAMES: Final = Table(
    "games",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("import_id", ForeignKey("imports.id"), nullable=False, index=True),
    Column("white_id", ForeignKey("aliases.id")),
    Column("black_id", ForeignKey("aliases.id")),
    *game_values(),
)
Index("games_key", GAMES.c.key, unique=True)
Index("games_white", GAMES.c.white_id, GAMES.c.black_id, GAMES.c.day)
Index("games_black", GAMES.c.black_id, GAMES.c.white_id, GAMES.c.day)
Index("games_open", GAMES.c.thread, sqlite_where=GAMES.c.thread.is_not(None))

SAME_GAMES: Final = Table(
    "same_games",
    METADATA,
    Column("first_id", ForeignKey("aliases.id"), primary_key=True),
    Column("second_id", ForeignKey("aliases.id"), primary_key=True, index=True),
    comment="Two names that one game of a site came with: a renamed account.",
)

LIVE_GAMES: Final = Table(
    "live_games",
    METADATA,
    Column("slug", Text, primary_key=True),
    _text("white"),
    _text("black"),
    Column("white_rating", Integer),
    Column("black_rating", Integer),
    _text("time_control"),
    Column("tokens", LargeBinary, nullable=False),
    Column("clocks", LargeBinary),
    _text("result"),
    _text("ending"),
    _text("model"),
    _text("state"),
    _count("version"),
    Column("created", Float, nullable=False),
    Column("updated", Float, nullable=False),
)

MARKS: Final = Table(
    "marks", METADATA, Column("key", Text, primary_key=True), Column("value", Text, nullable=False)
)

_NEW_COLUMNS: Final = {2: (LIVE_GAMES.c.ending, LIVE_GAMES.c.model)}
"""What a version of the schema added to those before."""


def pack_tokens(tokens: Sequence[int]) -> bytes:
    """Returns move tokens as little-endian uint16, two bytes a ply."""
    return _little_endian(array("H", tokens))


def unpack_tokens(blob: bytes) -> tuple[int, ...]:
    """Returns the tokens that `pack_tokens` wrote."""
    return tuple(_from_little_endian("H", blob))


def pack_clocks(clocks: Sequence[float | None]) -> bytes | None:
    """Returns clocks as little-endian int32 milliseconds, -1 where unknown; None if there are none.

    >>> unpack_clocks(pack_clocks((59.9, None)))
    (59.9, None)
    """
    if not clocks:
        return None
    return _little_endian(array("i", [_milliseconds(seconds) for seconds in clocks]))


def unpack_clocks(blob: bytes | None) -> tuple[float | None, ...]:
    """Returns the clocks that `pack_clocks` wrote, in seconds."""
    if blob is None:
        return ()
    return tuple(None if value < 0 else value / 1000 for value in _from_little_endian("i", blob))


def _milliseconds(seconds: float | None) -> int:
    return NO_CLOCK if seconds is None else max(0, min(LONGEST_CLOCK, round(seconds * 1000)))


def _little_endian(values: array[int]) -> bytes:
    if sys.byteorder == "big":
        values.byteswap()
    return values.tobytes()


def _from_little_endian(typecode: str, blob: bytes) -> array[int]:
    values = array(typecode, blob)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def open_database(path: Path) -> sa.Engine:
    """Opens the library file, making it and its folder if missing.

    One in a folder that must not be written can be read. Raises LibraryError, and leaves the file as it
    was, if it is damaged, belongs to another program or was written by a newer chessgru.
    """
    engine = sa.create_engine(
        _address(path),
        isolation_level="AUTOCOMMIT",
        connect_args={"timeout": BUSY_SECONDS},
        pool_size=4,
        max_overflow=64,
    )
    sa.event.listen(engine, "connect", _prepare_connection)
    try:
        with readable(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            _check_or_create(engine, path)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _address(path: Path) -> sa.URL:
    """Returns where SQLite finds the file, and how to open it.

    To read it SQLite writes files beside it, unless told that nobody will change it, or to do with the ones
    that are there (https://sqlite.org/wal.html#read_only_databases).
    """
    effective = os.access in os.supports_effective_ids
    if not path.is_file() or os.access(path.parent, os.W_OK, effective_ids=effective):
        return sa.URL.create("sqlite", database=str(path))
    log_there = path.with_name(f"{path.name}-wal").exists()
    how = {"mode": "ro"} if log_there else {"immutable": "1"}
    return sa.URL.create("sqlite", database=path.absolute().as_uri(), query={**how, "uri": "true"})


@contextmanager
def transaction(connection: sa.Connection, begin: str = "BEGIN IMMEDIATE") -> Iterator[None]:
    """Stores what the block changes when it ends, or undoes it if the block raises."""
    connection.exec_driver_sql(begin)
    try:
        yield
        connection.exec_driver_sql("COMMIT")
    except BaseException:
        if in_order(connection) and connection.connection.driver_connection.in_transaction:  # type: ignore[union-attr]
            connection.exec_driver_sql("ROLLBACK")  # else SQLite has done so, on a full disk for one
        raise


def in_order(connection: sa.Connection) -> bool:
    """Tells whether a connection can be used: one that was interrupted is closed, and all in it undone."""
    return not (connection.closed or connection.invalidated)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turns the database's and the system's errors inside the block into LibraryError."""
    try:
        yield
    except DBAPIError as error:
        raise LibraryError(_explain(path, str(error.orig))) from error
    except sqlite3.Error as error:
        raise LibraryError(_explain(path, str(error))) from error
    except OSError as error:
        raise LibraryError(f"{path}: {error.strerror}: choose another file with --library") from error


def _explain(path: Path, message: str) -> str:
    """Returns one line for an error of SQLite: what is wrong and what to do."""
    advice = {
        "not a database": "not a chessgru library, left as it is: choose another file",
        "malformed": "the library is damaged, left as it is: restore a copy or choose another file",
        "locked": "another program is writing to the library: try again when it has finished",
        "readonly": "the library cannot be written: check the permissions of the file and its folder",
        "unable to open": "the library cannot be opened: check that it is a file and its permissions",
        "full": "the disk is full: nothing was stored",
    }
    for symptom, hint in advice.items():
        if symptom in message:
            return f"{path}: {hint}"
    return f"{path}: the library cannot be used: {message}"


def _prepare_connection(connection: Any, _record: object) -> None:  # noqa: ANN401 - a DBAPI connection
    for pragma in ("foreign_keys=ON", "synchronous=NORMAL", "cache_size=-32768"):
        connection.execute(f"PRAGMA {pragma}").close()


def _check_or_create(engine: sa.Engine, path: Path) -> None:
    with engine.connect() as connection:
        found = _version(connection, path)
        if found == 0:
            _use_write_ahead_log(connection)
        if found < VERSION and "mode" not in engine.url.query and "immutable" not in engine.url.query:
            _bring_up_to_date(connection, path)


def _version(connection: sa.Connection, path: Path) -> int:
    """Returns the schema version, 0 for an empty file; raises LibraryError if it is not ours."""
    owner = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
    version: int = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    tables = connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar_one()
    if owner != APPLICATION_ID and tables:
        raise LibraryError(f"{path}: a database of another program, left as it is: choose another file")
    if version > VERSION:
        raise LibraryError(
            f"{path}: the library has version {version}, newer than {VERSION}: update chessgru"
        )
    return version if tables else 0


def _bring_up_to_date(connection: sa.Connection, path: Path) -> None:
    """Makes the tables, or adds to them what they lack, unless another process was first."""
    with transaction(connection):
        found = _version(connection, path)
        if found == 0:
            METADATA.create_all(connection)
            connection.exec_driver_sql(f"PRAGMA application_id={APPLICATION_ID}")
        else:
            for version in range(found + 1, VERSION + 1):
                _add_columns(connection, _NEW_COLUMNS[version])
        connection.exec_driver_sql(f"PRAGMA user_version={VERSION}")


def _add_columns(connection: sa.Connection, columns: Sequence[Column[Any]]) -> None:
    for column in columns:
        written = sa.schema.CreateColumn(column).compile(connection)
        connection.exec_driver_sql(f"ALTER TABLE {column.table.name} ADD COLUMN {written}")


def _use_write_ahead_log(connection: sa.Connection, patience: float = 10.0) -> None:
    """Switches the file to write-ahead mode, waiting while another process does the same."""
    deadline = time.monotonic() + patience
    while True:
        try:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL").close()
            return
        except DBAPIError as error:
            if "locked" not in str(error.orig) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
