"""The standard streams, which may be closed, full, or a pipe whose reader has gone."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, Final, TextIO

from chessgru.errors import OutputError, PGNError

_NOT_WRITTEN: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def prepare_streams() -> None:
    """Lets the standard streams show what they cannot encode as "?", and messages to nobody pass."""
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the rest of the process
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def standard_input() -> BinaryIO:
    """Returns the bytes of standard input. Raises PGNError if it is closed."""
    if sys.stdin is None:
        raise PGNError("standard input is closed: pipe games into it, or name a file")
    return sys.stdin.buffer


def standard_output() -> TextIO:
    """Returns standard output. Raises OutputError if it is closed."""
    if sys.stdout is None:
        raise OutputError("standard output is closed: open it, or name a file")
    return sys.stdout


def flush_output() -> None:
    """Writes what waits for standard output."""
    if sys.stdout is not None:
        sys.stdout.flush()


def output_error(error: Exception) -> OutputError | None:
    """Returns what to tell of an error in writing standard output, which is silent then; None of others.

    Other files are written in `chessgru.files.writable`, which leaves no error of these kinds.
    """
    if not isinstance(error, OSError) or error.errno not in _NOT_WRITTEN or error.filename is not None:
        return None
    silence(sys.stdout)
    return OutputError(f"standard output: cannot be written ({error.strerror}): make room, or name a file")


@contextmanager
def unless_unread(stream: TextIO) -> Iterator[None]:
    """Goes on after a block that prints to a stream which nobody reads any more, and silences that."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.EPIPE:
            raise
        silence(stream)


def silence(stream: Any) -> None:  # noqa: ANN401 - of the standard streams, whatever took their place
    """Lets what is and will be written to a stream go nowhere, so that the end of the process is quiet."""
    try:
        number = stream.fileno()
    except (AttributeError, OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)
