"""Watching folders for PGN files that appear or grow, games in progress included."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import watchfiles

from chessgru.errors import ChessgruError, LibraryError
from chessgru.library import ImportReport, Library
from chessgru.library.following import WATCHING
from chessgru.pgn import read_games

SUFFIXES: Final = (".pgn", ".pgn.gz", ".pgn.bz2", ".pgn.zst")
_GROUP_MS: Final = 300
"""Changes that come this close together are taken in at once."""
_LOOK_AGAIN_MS: Final = 1000
"""How often the folders are looked through for changes that the system did not tell of."""


@dataclass(frozen=True, slots=True)
class Change:
    """A file that was read because it changed: what came of it, or why it could not be read."""

    path: Path
    report: ImportReport | None
    error: ChessgruError | None = None


def is_pgn(path: Path) -> bool:
    """Tells whether a file's name is that of a PGN file, compressed or not."""
    return path.name.lower().endswith(SUFFIXES) and not path.name.startswith(".")


def pgn_files(folder: Path) -> list[Path]:
    """Returns the PGN files of a folder and the folders in it, by name."""
    return sorted(path for path in folder.rglob("*") if is_pgn(path) and path.is_file())


def check_folders(folders: Sequence[Path]) -> None:
    """Raises LibraryError if something else than folders is to be watched."""
    for folder in folders:
        if folder.is_file():
            raise LibraryError(f"{folder} is a file: give the folder it is in to watch it")
        if not folder.is_dir():
            raise LibraryError(f"{folder}: no such folder to watch: make it first, or check its name")


def watch(
    library: Library, folders: Sequence[Path], *, stop: threading.Event | None = None
) -> Iterator[Change]:
    """Takes in all PGN files of some folders, then those that appear or change, within a second.

    Runs until `stop` is set or the process is interrupted. A file that cannot be read is told and tried
    again when it changes. Raises LibraryError if a folder is missing or the library fails.
    """
    check_folders(folders)
    folders = [folder.resolve() for folder in folders]
    for folder in folders:
        library.set_mark(f"{WATCHING}{folder}", str(time.time()))
    seen: dict[Path, tuple[int, int]] = {}
    changes = watchfiles.watch(
        *folders,
        stop_event=stop,
        debounce=_GROUP_MS,
        step=50,
        rust_timeout=_LOOK_AGAIN_MS,
        yield_on_timeout=True,
    )
    yield from _take_in_changed(library, folders, seen)
    for _ in changes:
        yield from _take_in_changed(library, folders, seen)


def _take_in_changed(
    library: Library, folders: Sequence[Path], seen: dict[Path, tuple[int, int]]
) -> Iterator[Change]:
    """Reads the files whose size or time differs from what was seen before."""
    for path in (path for folder in folders for path in pgn_files(folder)):
        try:
            status = path.stat()
        except OSError:
            continue
        state = (status.st_size, status.st_mtime_ns)
        if state[0] == 0 or seen.get(path) == state:
            continue
        seen[path] = state
        yield _take_in(library, path)


def _take_in(library: Library, path: Path) -> Change:
    try:
        return Change(path, library.add(read_games(path), source=str(path)))
    except LibraryError:
        raise
    except ChessgruError as error:
        return Change(path, None, error)
