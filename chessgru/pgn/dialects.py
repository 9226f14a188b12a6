"""The letters that languages give to the pieces, and which of them a game was written in."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Language = str

_KINDS: Final = "NBRQK"
_LETTERS: Final[dict[Language, str]] = {
    "English": "NBRQK",
    "German": "SLTDK",
    "French": "CFTDR",
    "Spanish or Italian": "CATDR",
    "Dutch": "PLTDK",
}
"""Knight, bishop, rook, queen, king. Spanish and Italian use the same letters."""

RUSSIAN: Final = "Russian"
_CYRILLIC: Final = 1 << 26
LANGUAGES: Final[tuple[Language, ...]] = (*_LETTERS, RUSSIAN)


def _mask(letters: Iterable[str]) -> int:
    return sum(1 << (ord(letter) - ord("A")) for letter in set(letters))


_MASKS: Final = {language: _mask(letters) for language, letters in _LETTERS.items()} | {RUSSIAN: _CYRILLIC}


def _pieces(letters: str) -> NDArray[np.int8]:
    """Returns the piece for each letter code (see `movetext`), 0 where the language has none."""
    pieces = np.zeros(256, dtype=np.int8)
    pieces[2:7] = range(2, 7)  # figurines
    for piece, letter in enumerate(letters, start=2):
        pieces[ord(letter)] = piece
        if letters == _KINDS:
            pieces[ord(letter.lower())] = piece
    return pieces


def _russian() -> NDArray[np.int8]:
    pieces = _pieces("")
    pieces[7:12] = range(2, 7)
    return pieces


PIECES: Final[dict[Language, NDArray[np.int8]]] = {
    language: _pieces(letters) for language, letters in _LETTERS.items()
} | {RUSSIAN: _russian()}


@lru_cache(maxsize=1024)
def languages_of(letters: int) -> tuple[Language, ...]:
    """Returns the languages that have all of these letters, given as the bits of `info[LETTERS]`."""
    return tuple(language for language, mask in _MASKS.items() if not letters & ~mask)


def common_language(games: Iterable[int]) -> Language | None:
    """Returns the language that most games of a file must have been written in, or None if nothing tells.

    Each game is given by its letters; it speaks only if exactly one language has them all.
    """
    votes: dict[Language, int] = {}
    for letters in games:
        candidates = languages_of(letters)
        if letters and len(candidates) == 1:
            votes[candidates[0]] = votes.get(candidates[0], 0) + 1
    return max(votes, key=lambda language: votes[language]) if votes else None
