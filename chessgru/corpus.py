"""Many files of games as one set of sequences, each game once: what a base model is trained on."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np

from chessgru.errors import PGNError
from chessgru.files import write_atomically
from chessgru.game import Game
from chessgru.pgn import read_games
from chessgru.sequences import Sequences, encode

_GAMES_AT_ONCE: Final = 5000
SHORTEST: Final = 6
"""Games of fewer plies teach nothing."""


@dataclass(frozen=True)
class Corpus:
    """Games to train on, and what was left out."""

    games: Sequences
    """Players are numbered, not named."""
    duplicates: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    """How many games by the reason of their rejection; "too short" is one."""


@dataclass
class _Collector:
    """Gathers games file by file, numbering players and dropping games seen before."""

    parts: list[Sequences] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    seen: set[bytes] = field(default_factory=set)
    duplicates: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    def add(self, games: Sequence[Game]) -> None:
        fresh = []
        for game in games:
            if len(game.tokens) < SHORTEST:
                self.left_out["too short"] += 1
                continue
            text = repr((game.tokens, game.date, game.white.casefold(), game.black.casefold()))
            identity = hashlib.blake2b(text.encode(), digest_size=12).digest()
            if identity in self.seen:
                self.duplicates += 1
                continue
            self.seen.add(identity)
            fresh.append(game)
        if fresh:
            self._renumber(encode(fresh))

    def _renumber(self, part: Sequences) -> None:
        numbers = [self.numbers.setdefault(name, len(self.numbers)) for name in part.names]
        players = np.array([*numbers, -1], np.int32)[part.players]
        self.parts.append(replace(part, players=players, names=()))


def join(parts: Sequence[Sequences]) -> Sequences:
    """Returns the games of several sets one after another, players numbered as they are."""
    lengths = np.concatenate([np.zeros(0, np.int64), *(part.lengths for part in parts)])
    return Sequences(
        tokens=np.concatenate([np.zeros(0, np.uint16), *(part.tokens for part in parts)]),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        ratings=np.concatenate([np.zeros((0, 2), np.int16), *(part.ratings for part in parts)]),
        speed=np.concatenate([np.zeros(0, np.int8), *(part.speed for part in parts)]),
        players=np.concatenate([np.zeros((0, 2), np.int32), *(part.players for part in parts)]),
        date=np.concatenate([np.zeros(0, np.int32), *(part.date for part in parts)]),
    )


def read_corpus(paths: Sequence[Path], progress: Callable[[Path, int], None] = lambda *_: None) -> Corpus:
    """Returns the games of PGN files (compressed or not), each once; of one token file as they are.

    `progress` is called with the file and its bytes read so far. Raises PGNError if a file cannot be read,
    or no game is left.
    """
    if len(paths) == 1 and paths[0].suffix == ".parquet":
        return Corpus(Sequences.load(paths[0]).without_names())
    found = _Collector()
    for path in paths:
        outcomes = read_games(path, progress=partial(progress, path))
        while some := list(islice(outcomes, _GAMES_AT_ONCE)):
            found.add([outcome for outcome in some if isinstance(outcome, Game)])
            found.left_out.update(o.reason for o in some if not isinstance(o, Game))
    if not found.parts:
        raise PGNError(f"{', '.join(map(str, paths))}: no game to train on; check the files")
    return Corpus(join(found.parts), found.duplicates, dict(found.left_out))


def cached_corpus(
    paths: Sequence[Path], folder: Path, progress: Callable[[Path, int], None] = lambda *_: None
) -> Corpus:
    """Returns `read_corpus`, kept in `folder` as `games.parquet` so that it is read once only.

    Files that changed since (by size or time) are read again.
    """
    stamp = {
        str(path.resolve()): [path.stat().st_size, path.stat().st_mtime_ns] for path in _existing(paths)
    }
    kept, about = folder / "games.parquet", folder / "games.json"
    known = _counts(about)
    if kept.exists() and known.get("files") == stamp:
        return Corpus(Sequences.load(kept), known["duplicates"], known["left_out"])
    corpus = read_corpus(paths, progress)
    folder.mkdir(parents=True, exist_ok=True)
    about.unlink(missing_ok=True)
    corpus.games.save(kept)
    counts = {"files": stamp, "duplicates": corpus.duplicates, "left_out": corpus.left_out}
    write_atomically(about, json.dumps(counts).encode())
    return corpus


def _counts(about: Path) -> dict[str, Any]:
    """Returns what was counted when the games were read; nothing if that is missing or damaged."""
    try:
        known = json.loads(about.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _existing(paths: Sequence[Path]) -> Sequence[Path]:
    for path in paths:
        if not path.is_file():
            raise PGNError(f"{path}: no such file: check the name")
    return paths
