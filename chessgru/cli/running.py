"""Runs the command line: every outcome is an exit code, and a mistake is one line, not a traceback."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import Final

import typer

from chessgru.compiling import NOTICE, told_of_compiling
from chessgru.errors import ChessgruError

INTERRUPTED: Final = 130


def run(app: typer.Typer, arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code: 0, 1 for a mistake it told of, 2 for a wrong call.

    `arguments` None means those of the process. With `CHESSGRU_DEBUG` set, errors are raised instead.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        with told_of_compiling(_tell_compiling):
            app(arguments, standalone_mode=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - the reader has gone; stay silent
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("CHESSGRU_DEBUG"):
            raise
        _tell(error)
        return 1
    return 0


def _tell_compiling() -> None:
    start = "\r\033[K" if sys.stderr.isatty() else ""  # over a progress bar
    print(f"{start}chessgru: {NOTICE} …", file=sys.stderr, flush=True)


def _tell(error: Exception) -> None:
    if isinstance(error, ChessgruError):
        line = str(error)
    else:
        line = (
            f"unexpected {type(error).__name__}: {error} (CHESSGRU_DEBUG=1 shows where; please report it)"
        )
    print(f"chessgru: {' '.join(line.split())}", file=sys.stderr)
