"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from chessgru.library import Library

LibraryFile = Annotated[
    Path | None, typer.Option("--library", metavar="FILE", help="Library to use instead of your own.")
]
ModelFolder = Annotated[
    Path | None, typer.Option("--model", metavar="DIR", help="Model to use instead of the shipped one.")
]
AsJSON = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Since = Annotated[
    str | None, typer.Option(metavar="DATE", help="From this date: 2024, 2024-05, 2024-05-07.")
]
Until = Annotated[str | None, typer.Option(metavar="DATE", help="Up to this date, included.")]


def open_library(path: Path | None) -> Library:
    """Opens the library that a command was told to use; None is the user's own."""
    from chessgru.library import Library

    return Library(path)
