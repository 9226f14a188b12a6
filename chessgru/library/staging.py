"""Games on their way into the library: rows with keys, in a temporary table of the connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from hashlib import blake2b
from itertools import islice
from typing import Any, Final

import sqlalchemy as sa

from chessgru.game import Game, Rejection, name_key
from chessgru.library.schema import game_values, pack_clocks, pack_tokens, transaction

BATCH: Final = 1000

Progress = Callable[[int], None]
"""Called now and then with the number of games read so far, rejected ones counted."""

_MORE_MAY_COME: Final = ("cut ", "no result after")
_key_of_name = lru_cache(maxsize=100_000)(name_key)

STAGED: Final = sa.Table(
    "staged",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("white_key", sa.Text),
    sa.Column("black_key", sa.Text),
    sa.Column("open", sa.Boolean),
    sa.Column("closer", sa.Boolean, server_default=sa.false()),
    *game_values(),
    prefixes=["TEMPORARY"],
)
VALUES: Final = [column.name for column in game_values()]


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


def key_of_site(site_id: str) -> bytes:
    """Returns the key of the game that a site calls so."""
    return _digest("id", site_id)


def _row(game: Game) -> dict[str, Any]:
    """Returns the values of a game's row, with the keys that tell it from others."""
    white, black, tokens = _key_of_name(game.white), _key_of_name(game.black), pack_tokens(game.tokens)
    if game.site_id:
        key = thread = key_of_site(game.site_id)
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


def stage(
    connection: sa.Connection,
    items: Iterable[Game | Rejection],
    *,
    reject: Callable[[Rejection], None],
    progress: Progress | None,
) -> int:
    """Writes the games to the staging table, hands over the rejections, returns the number of games."""
    read, games, insert = 0, 0, sa.insert(STAGED)
    for batch in _batches(items):
        rows = [_row(item) for item in batch if isinstance(item, Game)]
        for item in batch:
            if isinstance(item, Rejection):
                reject(item)
        if rows:
            with transaction(connection, "BEGIN"):
                connection.execute(insert, rows)
        read += len(batch)
        games += len(rows)
        if progress is not None:
            progress(read)
    return games


def _batches(items: Iterable[Game | Rejection]) -> Iterator[list[Game | Rejection]]:
    iterator = iter(items)
    while batch := list(islice(iterator, BATCH)):
        yield batch
