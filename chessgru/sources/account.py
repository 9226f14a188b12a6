"""What the two sites' accounts have in common, as `Download` sees them."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Protocol

from chessgru.errors import SourceError


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedGame:
    """One game as the site sent it."""

    pgn: str
    """"" if the site gave none."""
    url: str


class Account(Protocol):
    """The games of one account on a site, under one set of filters, from one mark on."""

    expected: int | None
    """Games that will come in all, once known."""
    fraction: float | None
    """How much has been received, from 0 to 1; None if `expected` tells, or nothing does."""

    def games(self) -> Generator[ReceivedGame | None]:
        """Yields the games, and None after a stretch that may have held none; raises SourceError."""

    @property
    def mark(self) -> str | None:
        """Where the next download may begin after this one, now that it is complete.

        The old mark if `Filters.max` left older games behind.
        """

    @property
    def resume_mark(self) -> str | None:
        """Where the next download may begin if this one ends now, between two games."""


def parse_mark(site: str, mark: str | None) -> Mapping[str, object]:
    """Returns the fields of a stored mark, none without a mark; raises SourceError if it is damaged."""
    if mark is None:
        return {}
    try:
        fields = json.loads(mark)
    except ValueError as error:
        raise SourceError(f"{site}: unreadable sync mark {mark!r}; download without it") from error
    if not isinstance(fields, dict):
        raise SourceError(f"{site}: unreadable sync mark {mark!r}; download without it")
    return fields


def field(record: object, *path: str) -> object:
    """Returns a value inside nested JSON objects, None where something on the way is missing."""
    for name in path:
        record = record.get(name) if isinstance(record, dict) else None
    return record


def text_field(record: object, *path: str) -> str:
    """Returns a text inside nested JSON objects, "" where it is missing or no text."""
    value = field(record, *path)
    return value if isinstance(value, str) else ""


def number_field(record: object, *path: str) -> int:
    """Returns a whole number inside nested JSON objects, 0 where it is missing or no number."""
    value = field(record, *path)
    return value if isinstance(value, int) else 0
