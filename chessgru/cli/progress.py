"""Progress bars on standard error: by bytes for files, by games for downloads; none on no terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from chessgru.cli.streams import standard_input
from chessgru.game import Game, Rejection
from chessgru.pgn import read_games


@contextmanager
def reading(path: str) -> Iterator[Iterator[Game | Rejection]]:
    """Opens a PGN file, or standard input for "-", as games, with a bar that shows how far it is read."""
    file = Path(path)
    size = file.stat().st_size if path != "-" and file.is_file() else None
    with tqdm(total=size, unit="B", unit_scale=True, desc=file.name, file=sys.stderr, disable=None) as bar:

        def advance(done: int) -> None:
            bar.update(min(done, size if size is not None else done) - bar.n)

        source = standard_input() if path == "-" else path
        name = "standard input" if path == "-" else ""
        yield _then_storing(read_games(source, name=name, progress=advance), bar, file.name)


def _then_storing(
    items: Iterator[Game | Rejection], bar: tqdm[Any], name: str
) -> Iterator[Game | Rejection]:
    yield from items
    bar.set_description(f"{name} read, storing")


@contextmanager
def downloading(name: str) -> Iterator[Any]:
    """Shows a bar of downloaded games and yields the listener that moves it (see `sources.Progress`)."""
    with tqdm(unit=" games", desc=name, file=sys.stderr, disable=None) as bar:

        def listen(progress: Any) -> None:  # noqa: ANN401 - a sources.Progress, imported lazily elsewhere
            bar.total = progress.expected
            bar.update(progress.games - bar.n)
            pause = f"waiting {progress.waiting:.0f} s: {progress.why}" if progress.waiting else ""
            bar.set_postfix_str(pause or _time_left(progress.seconds_left))

        yield listen


def _time_left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02} left"
