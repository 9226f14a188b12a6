"""The import command: files, folders, accounts on the two sites, and watching a folder."""

from __future__ import annotations

import glob
import json
import os
import sys
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer

from chessgru.cli.options import AsJSON, LibraryFile, Since, Until, given_path, open_library
from chessgru.cli.outcomes import as_dict, as_text, nothing_taken
from chessgru.cli.salvage import UntilFailure, pointing_to_salvage
from chessgru.cli.streams import unless_unread
from chessgru.cli.watching import take_in_changes
from chessgru.errors import ChessgruError, LibraryError, PGNError
from chessgru.game import TIME_CLASSES, Side, TimeClass

if TYPE_CHECKING:
    from chessgru.library import Library
    from chessgru.library.intake import ImportReport
    from chessgru.sources import Filters, SiteName

_Users = Annotated[list[str] | None, typer.Option(metavar="USER", help="Account to download; repeatable.")]


def import_games(
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH…", help="PGN files, folders, patterns; - reads a pipe."),
    ] = None,
    watch: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", parser=given_path, help="Keep taking in what appears or grows there."),
    ] = None,
    lichess: _Users = None,
    chesscom: _Users = None,
    since: Since = None,
    until: Until = None,
    speed: Annotated[
        list[str] | None, typer.Option(metavar="SPEED", help=f"{', '.join(TIME_CLASSES)}; repeatable.")
    ] = None,
    color: Annotated[str | None, typer.Option(metavar="white|black", help="The account's color.")] = None,
    opponent: Annotated[
        str | None, typer.Option(metavar="USER", help="Only games against this one.")
    ] = None,
    rated: Annotated[bool, typer.Option("--rated", help="Only rated games; casual ones come too.")] = False,
    latest: Annotated[int | None, typer.Option(min=1, help="Only so many newest games.")] = None,
    anew: Annotated[bool, typer.Option("--anew", help="Download all, not just what is new.")] = False,
    salvage: Annotated[
        bool, typer.Option("--salvage", help="Keep the games before the damaged place of a file.")
    ] = False,
    library: LibraryFile = None,
    as_json: AsJSON = False,
) -> None:
    """Takes games into the library, each once: files, folders, Lichess and chess.com accounts.

    --since to --latest choose what to download from an account. A token for faster downloads from Lichess
    is taken from LICHESS_TOKEN.
    """
    sites: dict[SiteName, list[str] | None] = {"lichess": lichess, "chess.com": chesscom}
    accounts = [(site, user) for site, users in sites.items() for user in users or ()]
    if not (paths or watch or accounts):
        raise typer.BadParameter("nothing to import: give files, --lichess, --chesscom or --watch")
    chosen = (since, until, speed, color, opponent, rated or None, latest)
    if not accounts and any(value is not None for value in chosen):
        raise typer.BadParameter("--since to --latest choose games of --lichess and --chesscom accounts")
    for path in paths or ():
        given_path(path)
    filters = _filters(since, until, speed, color, opponent, rated, latest)
    with open_library(library, create=True) as games:
        session = _Session(games, as_json=as_json, salvage=salvage)
        for path in _expand(paths or [], session):
            session.take_in_file(path)
        for site, user in accounts:
            session.download(site, user, filters, anew=anew)
        session.finish()
        if watch:
            session.watch(watch)
    if session.failed:
        raise typer.Exit(1)


def _filters(
    since: str | None,
    until: str | None,
    speeds: list[str] | None,
    color: str | None,
    opponent: str | None,
    rated: bool,
    latest: int | None,
) -> Filters:
    from chessgru.sources import Filters

    if color not in (None, *get_args(Side)):
        raise typer.BadParameter(f"{color!r} is neither white nor black", param_hint="--color")
    for speed in speeds or ():
        if speed not in TIME_CLASSES:
            raise typer.BadParameter(
                f"{speed!r} is none of {', '.join(TIME_CLASSES)}", param_hint="--speed"
            )
    return Filters(
        speeds=frozenset(cast("list[TimeClass]", speeds or [])),
        color=cast("Side | None", color),
        since=_day(since, end=False),
        until=_day(until, end=True),
        opponent=opponent,
        rated_only=rated,
        max=latest,
    )


def _day(text: str | None, *, end: bool) -> date | None:
    """Returns a date option as a day, the last one of a month or year if `end`."""
    from chessgru.library.selection import calendar_day

    return calendar_day(text, end=end)


def _expand(paths: Iterable[str], session: _Session) -> Iterator[str]:
    """Yields the files that paths, folders and patterns stand for; what stands for none is told."""
    from chessgru.library.watching import pgn_files

    for path in paths:
        if Path(path).is_dir():
            found = [str(file) for file in pgn_files(Path(path))]
        elif glob.has_magic(path) and not Path(path).exists():
            found = sorted(glob.glob(path, recursive=True))
        else:
            found = [path]
        if not found:
            session.tell_failure(LibraryError(f"{path}: no PGN files there: check the path"))
        yield from found


def _readable(text: str) -> str:
    """Returns a text with the bytes of file names in it that are not UTF-8 escaped."""
    return os.fsencode(text).decode("utf-8", "backslashreplace")


class _Session:
    """One call of the command: its reports, and whether anything failed."""

    def __init__(self, library: Library, *, as_json: bool, salvage: bool) -> None:
        self.library = library
        self.as_json = as_json
        self.salvage = salvage
        self.failed = False
        self._reports: list[dict[str, Any]] = []
        self._errors: list[str] = []

    def take_in_file(self, path: str) -> None:
        """Imports one file; if it fails, that is told and the others go on."""
        from chessgru.cli.progress import reading

        name = "standard input" if path == "-" else _readable(path)
        before = self.library.imports(1)
        try:
            with reading(path) as items:
                kept = UntilFailure(items) if self.salvage else None
                taken = kept or pointing_to_salvage(items)
                report = self.library.add(taken, source=name)
            if kept is not None and isinstance(kept.error, KeyboardInterrupt):
                self.tell(report)
                raise kept.error
            if report.read and sum(report.rejected.values()) == report.read:
                raise PGNError(nothing_taken(report))
            self.tell(report)
            if kept is not None and kept.error is not None:
                raise kept.error
        except ChessgruError as error:
            self.tell_failure(error)
        except KeyboardInterrupt:
            told = f"nothing of {name} was stored"
            if self.library.imports(1) != before:
                told = f"of {name}, the games read so far were stored"
            typer.echo(f"chessgru: stopped: {told}", err=True)
            raise

    def download(self, site: SiteName, user: str, filters: Filters, *, anew: bool) -> None:
        """Imports an account's games; what came before a failure is kept."""
        from chessgru.cli.downloading import store_account

        try:
            report, error = store_account(self.library, site, user, filters, anew=anew)
        except ChessgruError as failure:
            self.tell_failure(failure)
            return
        if report.read or error is None:
            self.tell(report)
        if isinstance(error, ChessgruError):
            self.tell_failure(error)
        elif error is not None:
            raise error

    def watch(self, folders: list[Path]) -> None:
        """Takes in what appears and grows in some folders until interrupted."""
        try:
            take_in_changes(self.library, folders, as_json=self.as_json)
        except KeyboardInterrupt:
            typer.echo("stopped watching", err=True)

    def tell(self, report: ImportReport) -> None:
        """Prints a report, or keeps it for the JSON."""
        if self.as_json:
            self._reports.append(as_dict(report))
        else:
            with unless_unread(sys.stdout):
                typer.echo(as_text(report))

    def tell_failure(self, error: ChessgruError) -> None:
        """Prints an error on standard error and remembers it for the exit code."""
        self.failed = True
        told = _readable(str(error))
        self._errors.append(told)
        with unless_unread(sys.stderr):
            typer.echo(f"chessgru: {told}", err=True)

    def finish(self) -> None:
        """Prints the JSON of everything imported so far."""
        if self.as_json and (self._reports or self._errors):
            with unless_unread(sys.stdout):
                typer.echo(json.dumps({"imports": self._reports, "errors": self._errors}))
