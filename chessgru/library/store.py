"""The games library: every imported game, who played it under which names, and the games being played.

    with Library() as library:
        report = library.add(read_games("mine.pgn"), source="mine.pgn")
        library.merge("Dad", ["dad_lichess", "Smith, John"])
        games = library.games("Dad", opponent="Son", color="white")

A library may be used from several threads and processes at once: readers are never kept waiting, and a
change is stored completely or not at all, even if the process is killed.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import platformdirs
import sqlalchemy as sa

from chessgru.game import Game, Rejection, Result, Side, name_key
from chessgru.library import following, live, merging, players, selection
from chessgru.library.following import Followed
from chessgru.library.intake import Example, ImportReport, take_in
from chessgru.library.live import LiveGame, LiveState
from chessgru.library.merging import Suggestion
from chessgru.library.players import Player, PlayerSummary
from chessgru.library.schema import IMPORTS, MARKS, open_database, readable, transaction
from chessgru.library.selection import Selection, parse_day
from chessgru.library.staging import Progress, key_of_site

FILE_NAME: Final = "library.sqlite"


def default_home() -> Path:
    """Returns the folder of the user's data: `CHESSGRU_HOME`, or the system's place for it."""
    chosen = os.environ.get("CHESSGRU_HOME")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_data_dir("chessgru", False))


@dataclass(frozen=True, slots=True)
class PastImport:
    """An import as remembered; `time` is in seconds since 1970."""

    time: float
    report: ImportReport


class Library:
    """A file of games; `path` None means `library.sqlite` in `default_home()`, made if missing.

    Every method raises LibraryError if the file cannot be read or written, and UnknownPlayerError for a
    name that does not occur. `now` is the clock that stamps imports and live games.
    """

    def __init__(self, path: Path | None = None, *, now: Callable[[], float] = time.time) -> None:
        self.path = default_home() / FILE_NAME if path is None else Path(path)
        self._now = now
        self._engine = open_database(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; the library opens it again if it is used again."""
        self._engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        with readable(self.path), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        """Opens a transaction that ends with the block: stored, or undone if the block raises."""
        with self._reading() as connection, transaction(connection):
            yield connection

    # --- games -------------------------------------------------------------------------------------------

    def add(
        self, items: Iterable[Game | Rejection], *, source: str, progress: Progress | None = None
    ) -> ImportReport:
        """Stores the games that are not there yet, all of them or, if `items` raises, none.

        Duplicates are counted, not stored; a game in progress that went on replaces its earlier state.
        `progress` is called now and then with the number of games read so far.
        """
        with self._reading() as connection:
            return take_in(connection, items, source=source, now=self._now, progress=progress)

    def games(
        self,
        player: str | None = None,
        *,
        opponent: str | None = None,
        color: Side | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int | None = None,
        without: int | None = None,
    ) -> list[Game]:
        """Returns games oldest first: all, or those of a player, of two players, of a color or a time.

        `color` is the player's. `since` and `until` are dates such as "2024" or "2024-05-07", both
        included; undated games are then left out. `limit` keeps the latest. `without` is the number of a
        game to leave out, such as one in progress (see `in_progress`).
        """
        dates = {"since": since, "until": until}
        return list(
            self.stream(player, opponent=opponent, color=color, limit=limit, without=without, **dates)
        )

    def stream(
        self,
        player: str | None = None,
        *,
        opponent: str | None = None,
        color: Side | None = None,
        since: str | None = None,
        until: str | None = None,
        limit: int | None = None,
        without: int | None = None,
    ) -> Iterator[Game]:
        """Yields what `games` returns, one at a time in flat memory."""
        with self._reading() as connection:
            chosen = Selection(
                player=None if player is None else players.find_player(connection, player).id,
                opponent=None if opponent is None else players.find_player(connection, opponent).id,
                color=color,
                first_day=parse_day(since, end=False),
                last_day=parse_day(until, end=True),
                limit=limit,
                without=without,
            )
            yield from selection.stream(connection, chosen)

    def unfinished(self, limit: int = 20) -> list[Game]:
        """Returns the latest imported games whose result is still open, such as those being watched."""
        with self._reading() as connection:
            return list(selection.stream(connection, Selection(unfinished=True, limit=limit)))

    def in_progress(self, limit: int = 8) -> list[Followed]:
        """Returns the games in progress in watched folders, those whose file changed last first.

        One whose file was not written for half a day does not count.
        """
        with self._reading() as connection:
            return following.list_followed(connection, limit, self._now())

    def followed(self, id_: int) -> Followed | None:
        """Returns how a game that was in progress stands now, None if it is not there any more."""
        with self._reading() as connection:
            return following.load(connection, id_)

    def watched_folders(self) -> list[Path]:
        """Returns the folders that are or were watched, by name."""
        with self._reading() as connection:
            return following.watched_folders(connection)

    def count(self, player: str | None = None) -> int:
        """Returns the number of games, of a player's games if one is named."""
        with self._reading() as connection:
            id_ = None if player is None else players.find_player(connection, player).id
            return selection.count(connection, Selection(player=id_))

    def revision(self) -> int:
        """Returns a number that rises when games arrive, go on or go, or names become one person or two."""
        with self._reading() as connection:
            return selection.revision(connection)

    def imports(self, limit: int = 100) -> list[PastImport]:
        """Returns the past imports, the last one first."""
        with self._reading() as connection:
            rows = connection.execute(sa.select(IMPORTS).order_by(IMPORTS.c.id.desc()).limit(limit))
            return [_past_import(row) for row in rows.mappings()]

    # --- players -----------------------------------------------------------------------------------------

    def players(self, *, find: str = "", limit: int | None = None) -> list[PlayerSummary]:
        """Returns everyone in the library, those with the most games first.

        With `find` only those with a name that contains it, with `limit` so many at most.
        """
        with self._reading() as connection:
            return players.list_players(connection, find=find, limit=limit)

    def player(self, name: str) -> Player:
        """Returns the player who bears a name, in whatever case and spacing."""
        with self._reading() as connection:
            return players.find_player(connection, name)

    def merge(self, name: str, aliases: Sequence[str]) -> Player:
        """Makes one person of several names and returns that player; undone by `unmerge`.

        The player is shown under `name`, which need not occur yet; aliases must.
        """
        with self._writing() as connection:
            selection.note_change(connection)
            return players.merge_players(connection, name, aliases)

    def unmerge(self, alias: str) -> Player:
        """Makes a name a player of its own again and returns that player."""
        with self._writing() as connection:
            selection.note_change(connection)
            return players.unmerge_alias(connection, alias)

    def suggest_merges(self) -> list[Suggestion]:
        """Returns pairs of names that are likely one person, the surest first, for the user to confirm."""
        with self._reading() as connection:
            return merging.load_suggestions(connection)

    def delete_player(self, name: str) -> int:
        """Forgets a player and everything about him, and returns how many games that were.

        The bytes are overwritten in the file, not just marked free.
        """
        with self._reading() as connection:
            connection.exec_driver_sql("PRAGMA secure_delete=ON").close()
        with self._writing() as connection:
            connection.exec_driver_sql("PRAGMA secure_delete=ON").close()
            selection.note_change(connection)
            games = players.delete_player(connection, name)
        with self._reading() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").close()
        return games

    # --- games being played ------------------------------------------------------------------------------

    def create_live(self, game: LiveGame | None = None) -> LiveGame:
        """Stores a new game being played, with a slug of its own if None or without one."""
        game = game or LiveGame(slug="")
        with self._writing() as connection:
            return live.create(connection, replace(game, slug=game.slug or live.new_slug()), self._now())

    def load_live(self, slug: str) -> LiveGame:
        """Returns a game being played; raises LibraryError if there is none of that name."""
        with self._reading() as connection:
            return live.load(connection, slug)

    def save_live(self, game: LiveGame) -> LiveGame:
        """Stores a changed live game and returns it with its new version.

        One that had ended and goes on leaves the games until it ends again. Raises LiveConflictError if it
        was saved elsewhere since it was loaded.
        """
        with self._writing() as connection:
            return self._save_live(connection, game)

    def _save_live(self, connection: sa.Connection, game: LiveGame) -> LiveGame:
        saved = live.save(connection, game, self._now())
        if players.delete_game(connection, key_of_site(_site_id(game))):
            selection.note_change(connection)
        return saved

    def live_games(self, state: LiveState | None = "playing") -> list[LiveGame]:
        """Returns the games being played, the last changed first; finished ones too if state is None."""
        with self._reading() as connection:
            return live.list_live(connection, state)

    def finish_live(self, game: LiveGame, result: Result) -> LiveGame:
        """Marks a live game as finished and, if it has a move, stores it among the games as well.

        There it replaces what was stored when it ended before, if it did.
        """
        game = replace(game, result=result, state="finished")
        saved: list[LiveGame] = []
        with self._reading() as connection:

            def save() -> None:
                saved.append(self._save_live(connection, game))

            games = [_played(game)] if game.tokens else []
            take_in(connection, games, source="played here", now=self._now, first=save)
        with self._writing() as connection:
            players.drop_without_games(connection)
        return saved[0]

    # --- marks -------------------------------------------------------------------------------------------

    def mark(self, key: str) -> str | None:
        """Returns what `set_mark` stored under a key, such as how far a download got, or None."""
        with self._reading() as connection:
            return connection.scalars(sa.select(MARKS.c.value).where(MARKS.c.key == key)).first()

    def set_mark(self, key: str, value: str) -> None:
        """Stores a text under a key; one like "lichess:USER?…" is forgotten with that player."""
        with self._writing() as connection:
            connection.execute(sa.insert(MARKS).prefix_with("OR REPLACE"), {"key": key, "value": value})


def _past_import(row: sa.RowMapping) -> PastImport:
    rejected = json.loads(row["rejected"] or "{}")
    report = ImportReport(
        **{name: row[name] for name in ("source", "accepted", "duplicates", "grown", "cut")},
        rejected={reason: count for reason, (count, _, _) in rejected.items()},
        first_examples={reason: Example(line, detail) for reason, (_, line, detail) in rejected.items()},
    )
    return PastImport(row["time"], report)


def _played(game: LiveGame) -> Game:
    started = time.gmtime(game.created)
    return Game(
        tokens=game.tokens,
        white=_mover(game.white, game.model == "white"),
        black=_mover(game.black, game.model == "black"),
        white_rating=game.white_rating,
        black_rating=game.black_rating,
        result=game.result,
        date=time.strftime("%Y.%m.%d", started),
        time=time.strftime("%H:%M:%S", started),
        time_control=game.time_control,
        event="chessgru",
        site_id=_site_id(game),
        clocks=game.clocks,
    )


def _mover(name: str, model: bool) -> str:
    """Returns who moved: what the model plays for somebody is not to be learned as his."""
    return f"{name} (model)" if model and name_key(name) else name


def _site_id(game: LiveGame) -> str:
    return f"chessgru:{game.slug}"
