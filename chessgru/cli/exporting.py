"""Writing games to a file, compressed by its name, so that an interrupted export leaves no half file."""

from __future__ import annotations

import bz2
import gzip
import io
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from chessgru.cli.streams import standard_output
from chessgru.errors import LibraryError
from chessgru.files import written_whole
from chessgru.game import Game
from chessgru.pgn import write_pgn


def write_file(games: Iterable[Game], path: Path) -> int:
    """Writes games as PGN and returns their number; .gz, .bz2 and .zst are compressed.

    "-" is standard output. Raises OutputError if the file cannot be written, and LibraryError if there is
    no game; what was there before is then still there.
    """
    if str(path) == "-":
        output = standard_output()
        if isinstance(output, io.TextIOWrapper):
            output.reconfigure(encoding="utf-8")
        return _write_some(games, output)
    with (
        written_whole(path) as raw,
        io.TextIOWrapper(_packed(raw, path.suffix.lower()), encoding="utf-8", newline="\n") as file,
    ):
        return _write_some(games, file)


def _write_some(games: Iterable[Game], file: TextIO) -> int:
    written = write_pgn(games, file)
    if not written:
        raise LibraryError(
            "no game in the library fits --player to --limit, nothing was written: change them"
        )
    return written


def _packed(raw: BinaryIO, suffix: str) -> gzip.GzipFile | bz2.BZ2File | BinaryIO:
    """Returns a file that writes to `raw`, which it leaves open, compressed as the suffix tells."""
    if suffix == ".gz":
        return gzip.GzipFile("", "wb", fileobj=raw)
    if suffix == ".bz2":
        return bz2.BZ2File(raw, "wb")
    if suffix == ".zst":
        import zstandard

        return cast("BinaryIO", zstandard.ZstdCompressor().stream_writer(raw, closefd=False))
    return open(raw.fileno(), "wb", closefd=False)
