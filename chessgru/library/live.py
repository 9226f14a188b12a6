"""Games being played, kept in the library so that a closed window or a restart loses no move."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import sqlalchemy as sa

from chessgru.errors import LibraryError
from chessgru.game import Result, Side
from chessgru.library.schema import LIVE_GAMES, pack_clocks, pack_tokens, unpack_clocks, unpack_tokens

LiveState = Literal["playing", "finished"]
_EDITABLE: Final = (
    *("white", "black", "white_rating", "black_rating", "time_control"),
    *("result", "ending", "model", "state"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveGame:
    """A game being played: change it with `dataclasses.replace`, then save it.

    `slug` names it in links. `version` counts the saves; a save based on an older version is refused.
    `created` and `updated` (when the last move came, or the game ended) are in seconds since 1970. `clocks`
    as in `Game`. `ending` says why it ended, `model` which side the model plays ("" for none).
    """

    slug: str
    white: str = ""
    black: str = ""
    white_rating: int | None = None
    black_rating: int | None = None
    time_control: str = ""
    tokens: tuple[int, ...] = ()
    clocks: tuple[float | None, ...] = ()
    result: Result = "*"
    ending: str = ""
    model: Side | Literal[""] = ""
    state: LiveState = "playing"
    version: int = 0
    created: float = 0.0
    updated: float = 0.0


class LiveConflictError(LibraryError):
    """The live game was changed elsewhere, in another window say, since it was loaded."""


class LiveGoneError(LibraryError):
    """There is no such live game: it was deleted, or the link is wrong."""


def new_slug() -> str:
    """Returns a short name for links that nobody can guess."""
    return secrets.token_urlsafe(8)


def _values(game: LiveGame) -> dict[str, Any]:
    plain = {name: getattr(game, name) for name in _EDITABLE}
    return plain | {"tokens": pack_tokens(game.tokens), "clocks": pack_clocks(game.clocks)}


def _game(row: sa.RowMapping) -> LiveGame:
    moves = {"tokens": unpack_tokens(row["tokens"]), "clocks": unpack_clocks(row["clocks"])}
    return LiveGame(**{**row, **moves})


def create(connection: sa.Connection, game: LiveGame, now: float) -> LiveGame:
    """Stores a new live game; raises LibraryError if its slug is taken."""
    stored = replace(game, version=1, created=now, updated=now)
    taken = sa.select(LIVE_GAMES.c.slug).where(LIVE_GAMES.c.slug == game.slug)
    if connection.execute(taken).first() is not None:
        raise LibraryError(f"a live game {game.slug!r} exists already: open it, or choose another name")
    times = {"slug": game.slug, "version": 1, "created": now, "updated": now}
    connection.execute(sa.insert(LIVE_GAMES), _values(stored) | times)
    return stored


def load(connection: sa.Connection, slug: str) -> LiveGame:
    """Returns a live game; raises LiveGoneError if there is none of that name."""
    row = connection.execute(sa.select(LIVE_GAMES).where(LIVE_GAMES.c.slug == slug)).mappings().first()
    if row is None:
        raise LiveGoneError(f"no live game {slug!r}: it was deleted, or the link is wrong")
    return _game(row)


def save(connection: sa.Connection, game: LiveGame, now: float) -> LiveGame:
    """Stores a changed live game, inside a transaction, and returns it with its new version.

    Raises LiveConflictError if it was saved elsewhere since it was loaded.
    """
    stored = load(connection, game.slug)
    if stored.version != game.version:
        raise LiveConflictError(
            f"live game {game.slug!r} was changed elsewhere (version {stored.version}, "
            f"yours {game.version}): load it again"
        )
    went_on = (stored.tokens, stored.state) != (game.tokens, game.state)
    saved = replace(game, version=game.version + 1, updated=now if went_on else stored.updated)
    values = _values(saved) | {"version": saved.version, "updated": saved.updated}
    connection.execute(sa.update(LIVE_GAMES).where(LIVE_GAMES.c.slug == game.slug), values)
    return saved


def list_live(connection: sa.Connection, state: LiveState | None) -> list[LiveGame]:
    """Returns the live games, the last changed first; all of them if state is None."""
    query = sa.select(LIVE_GAMES).order_by(LIVE_GAMES.c.updated.desc())
    if state is not None:
        query = query.where(LIVE_GAMES.c.state == state)
    return [_game(row) for row in connection.execute(query).mappings()]
