"""Options that several commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from chessgru.errors import LibraryError

if TYPE_CHECKING:
    from chessgru.library import Library

MOST_THREADS: Final = max(256, os.cpu_count() or 1)
LARGEST_SEED: Final = 2**32 - 1


def given_path(text: str) -> Path:
    """Returns a path as given; an empty one, such as an unset variable leaves, is a wrong call."""
    if not text:
        raise typer.BadParameter("the path is empty: give one")
    return Path(text)


LibraryFile = Annotated[
    Path | None,
    typer.Option(
        "--library", metavar="FILE", parser=given_path, help="Library to use instead of your own."
    ),
]
ModelFolder = Annotated[
    Path | None,
    typer.Option(
        "--model", metavar="DIR", parser=given_path, help="Model to use instead of the shipped one."
    ),
]
AsJSON = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Since = Annotated[
    str | None, typer.Option(metavar="DATE", help="From this date: 2024, 2024-05, 2024-05-07.")
]
Until = Annotated[str | None, typer.Option(metavar="DATE", help="Up to this date, included.")]


def open_library(path: Path | None, *, create: bool = False) -> Library:
    """Opens the library that a command was told to use; None is the user's own, made if missing.

    Raises LibraryError if another one is missing, unless it may be created.
    """
    from chessgru.library import Library

    if path is not None and not create and not os.path.exists(path):
        raise LibraryError(f"{path}: no library there: check --library, or make one with `chessgru import`")
    return Library(path)


def check_model(folder: Path | None) -> None:
    """Raises CheckpointError if the model that a command was told to use, if any, cannot be used."""
    if folder is not None:
        from chessgru.checkpoint import load_checkpoint

        load_checkpoint(folder)
