"""Writing games to a file, compressed by its name, so that an interrupted export leaves no half file."""

from __future__ import annotations

import gzip
import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from chessgru.errors import LibraryError
from chessgru.game import Game
from chessgru.pgn import write_pgn


def write_file(games: Iterable[Game], path: Path) -> int:
    """Writes games as PGN and returns their number; "-" is standard output, .gz and .zst are compressed.

    Raises LibraryError if the file cannot be written; what was there before is then still there.
    """
    if str(path) == "-":
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")
        return write_pgn(games, sys.stdout)
    part = path.with_name(path.name + ".part")
    try:
        with _opened(part, path.suffix.lower()) as file:
            written = write_pgn(games, file)
        os.replace(part, path)
    except OSError as error:
        raise LibraryError(f"{path}: {error.strerror}: choose another file to export to") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return written


@contextmanager
def _opened(path: Path, suffix: str) -> Iterator[TextIO]:
    """Opens a text file that is compressed as its suffix tells, and stored when the block ends."""
    with path.open("wb") as raw:
        if suffix == ".gz":
            with gzip.open(raw, "wt", encoding="utf-8", newline="\n") as file:
                yield file
        elif suffix == ".zst":
            import zstandard

            compressor = zstandard.ZstdCompressor().stream_writer(raw, closefd=False)
            with io.TextIOWrapper(compressor, encoding="utf-8", newline="\n") as file:
                yield file
        else:
            with io.TextIOWrapper(raw, encoding="utf-8", newline="\n") as file:
                yield file
                file.flush()
                os.fsync(raw.fileno())
