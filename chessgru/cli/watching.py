"""Watching folders: telling what came, and doing it beside the app."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from chessgru.cli.outcomes import as_dict, as_text
from chessgru.cli.streams import unless_unread
from chessgru.errors import ChessgruError

if TYPE_CHECKING:
    from chessgru.library import Library


def take_in_changes(library: Library, folders: Sequence[Path], *, as_json: bool = False) -> None:
    """Takes in what appears and grows in some folders, and tells it, until the process is interrupted."""
    from chessgru.library.watching import check_folders, watch

    check_folders(folders)
    typer.echo(f"watching {', '.join(map(str, folders))}: stop with Ctrl-C", err=True)
    for change in watch(library, folders):
        if change.error is not None:
            with unless_unread(sys.stderr):
                typer.echo(f"chessgru: {change.error}", err=True)
        elif change.report is not None:
            with unless_unread(sys.stdout):
                typer.echo(json.dumps(as_dict(change.report)) if as_json else as_text(change.report))


def watch_beside(library: Path | None, folders: Sequence[Path]) -> None:
    """Watches folders in a thread that ends with the process; a failure ends the watching and is told.

    Raises LibraryError if a folder is missing or the library cannot be opened.
    """
    from chessgru.cli.options import open_library
    from chessgru.library.watching import check_folders

    check_folders(folders)
    games = open_library(library, create=True)

    def run() -> None:
        try:
            take_in_changes(games, folders)
        except ChessgruError as error:
            typer.echo(f"chessgru: stopped watching: {error}", err=True)

    threading.Thread(target=run, name="chessgru-watch", daemon=True).start()
