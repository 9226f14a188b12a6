"""Runs the command line: every outcome is an exit code, and a mistake is one line, not a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Final

import typer

from chessgru.cli.streams import flush_output, output_error, prepare_streams, silence
from chessgru.compiling import NOTICE, told_of_compiling
from chessgru.errors import ChessgruError

INTERRUPTED: Final = 130


def run(app: typer.Typer, arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code: 0, 1 for a mistake it told of, 2 for a wrong call.

    `arguments` None means those of the process. With `CHESSGRU_DEBUG` set, errors are raised instead.
    """
    prepare_streams()
    try:
        code = _call(app, arguments)
        flush_output()
    except BrokenPipeError:  # who read the output has seen enough
        silence(sys.stdout)
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("CHESSGRU_DEBUG"):
            raise
        _tell(output_error(error) or error)
        return 1
    return code


def _call(app: typer.Typer, arguments: Sequence[str] | None) -> int:
    """Runs a command and returns its exit code. Raises BrokenPipeError if nobody reads its output."""
    try:
        with told_of_compiling(_tell_compiling):
            app(arguments, standalone_mode=True)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # Typer makes an exit of it
            raise end.__context__ from None
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    return 0


def _tell_compiling() -> None:
    start = "\r\033[K" if sys.stderr.isatty() else ""  # over a progress bar
    _print_error(f"{start}chessgru: {NOTICE} …")


def _tell(error: Exception) -> None:
    if isinstance(error, ChessgruError):
        line = str(error)
    elif isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        line = f"{error.object!r} is not UTF-8: type it again in a terminal that is"
    else:
        line = (
            f"unexpected {type(error).__name__}: {error} (CHESSGRU_DEBUG=1 shows where; please report it)"
        )
    _print_error(f"chessgru: {' '.join(line.split())}")


def _print_error(line: str) -> None:
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:  # nobody reads it, or there is no room
        silence(sys.stderr)
