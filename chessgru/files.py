"""Writing files whole: a reader, or a crash, sees the old content or the new, never a part."""

from __future__ import annotations

import errno
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from chessgru.errors import OutputError

_IN_THE_WAY: Final = "move away what is there, or choose another place"
_FORBIDDEN: Final = "check the permissions of the file and its folder"
_FULL: Final = "make room there"
_ADVICE: Final = {
    errno.EISDIR: _IN_THE_WAY,
    errno.ENOTDIR: _IN_THE_WAY,
    errno.EEXIST: _IN_THE_WAY,
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
}


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Turns the system's errors inside the block, which writes `path`, into OutputError."""
    try:
        yield
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, "choose another place")
        raise OutputError(f"{path}: cannot be written ({error.strerror or error}): {advice}") from error


def check_writable(path: Path) -> None:
    """Raises OutputError if a file could not be written now; leaves no trace. Folders may be missing."""
    with writable(path):
        if path.exists() and not path.is_file():
            raise IsADirectoryError(errno.EISDIR, "no ordinary file")
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        with tempfile.TemporaryFile(dir=folder):
            pass


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """Opens a new file that takes the place of `path`, and is on the disk, when the block ends.

    If the block raises, what was there stays. Raises OutputError if the file cannot be written.
    """
    check_writable(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    with writable(path):
        try:
            with temporary.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file whole, making its folder if it is missing. Raises OutputError if that fails."""
    with writable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as file:
        file.write(content)
