"""Games of a chess.com account: a list of months, then one answer a month.

The months are fetched as JSON, each game with its PGN inside, and not from the address that ends in
`/pgn`: only the JSON tells which games are rated, and a damaged month cannot pass for a short one.

A closed month never changes, so the mark is the first month that could still change, with what the site
needs to answer "unchanged" (ETag or Last-Modified) to the next request. A month counts as closed a day
after its end, since the site's copies are up to half a day old.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final
from urllib.parse import quote

import httpx

from chessgru.errors import SourceError
from chessgru.game import name_key, time_class_of
from chessgru.sources.account import ReceivedGame, field, number_field, parse_mark, text_field
from chessgru.sources.filters import Filters
from chessgru.sources.polite import PoliteClient

BASE_URL: Final = "https://api.chess.com"
CLOSED_AFTER: Final = timedelta(days=1)
EVERYWHERE: Final = timedelta(days=1)
"""A month may begin and end this much off, since days do not begin everywhere at once."""


def request_headers(user: str, contact: str | None, version: str) -> dict[str, str]:
    """Returns the headers of every request: the site refuses programs that don't say who they are."""
    reach = contact if contact and contact.isascii() and contact.isprintable() else f"for player {user}"
    agent = f"chessgru/{version} (copies one player's games for his own study; {reach})"
    return {"User-Agent": agent.encode("ascii", "replace").decode(), "Accept": "application/json"}


class ChessComAccount:
    """The games of one account; see `account.Account`."""

    expected: int | None = None

    def __init__(
        self,
        user: str,
        *,
        filters: Filters,
        mark: str | None,
        web: PoliteClient,
        now: Callable[[], float],
    ) -> None:
        fields = parse_mark("chess.com", mark)
        self._user = user
        self._path = f"/pub/player/{quote(user.lower(), safe='')}/games"
        self._filters = filters
        self._old_mark = mark
        self._old_month = text_field(fields, "month")
        self._old_conditions = field(fields, "conditions")
        self._web = web
        self._open_month = _month_of(datetime.fromtimestamp(now(), UTC) - CLOSED_AFTER)
        self._conditions: dict[str, dict[str, str]] = {}
        self._resume_month: str | None = None
        self._count = 0
        self.fraction: float | None = 0.0

    def games(self) -> Generator[ReceivedGame | None]:
        """Yields the games, and a None after each month; oldest first, or newest first with a `max`."""
        months = self._months()
        for done, month in enumerate(months):
            self._resume_month = month
            records = self._fetch(month)
            for place, record in enumerate(records, start=1):
                self.fraction = (done + place / len(records)) / len(months)
                if not self._wanted(record):
                    continue
                self._count += 1
                yield _received(record)
                if self._full:
                    return
            self.fraction = (done + 1) / len(months)
            yield None

    @property
    def mark(self) -> str | None:
        """The first month that may still get games; see `account.Account`."""
        if self._full:
            return self._old_mark
        month = max(self._open_month, self._old_month)
        conditions = {at: value for at, value in self._conditions.items() if at >= month}
        return json.dumps({"month": month, "conditions": conditions})

    @property
    def resume_mark(self) -> str | None:
        """The month that was being received; the old mark where the newest came first, or none came."""
        if self._filters.max is not None or self._resume_month is None:
            return self._old_mark
        return json.dumps({"month": min(self._resume_month, self._open_month), "conditions": {}})

    @property
    def _full(self) -> bool:
        return self._filters.max is not None and self._count >= self._filters.max

    def _months(self) -> list[str]:
        """Returns the months to fetch, such as "2024/05"; raises SourceError for nobody."""
        answer = self._web.json(f"{self._path}/archives", missing=self._unknown())
        addresses = field(answer[0], "archives") if answer else None
        if not isinstance(addresses, list):
            raise SourceError(f"chess.com: no list of months for {self._user!r}; try again later")
        found = (re.search(r"/(\d{4}/\d{2})$", str(address)) for address in addresses)
        months = {match[1] for match in found if match}
        wanted = [month for month in months if self._first_month <= month <= self._last_month]
        return sorted(wanted, reverse=self._filters.max is not None)

    def _unknown(self) -> str:
        page = f"www.chess.com/member/{self._user}"
        return f"chess.com: no account named {self._user!r}; check the spelling on {page}"

    @property
    def _first_month(self) -> str:
        since = self._filters.since
        return max(self._old_month, _month_of(since - EVERYWHERE) if since else "")

    @property
    def _last_month(self) -> str:
        until = self._filters.until
        return _month_of(until + EVERYWHERE) if until else "9999/12"

    def _fetch(self, month: str) -> list[object]:
        """Returns the games of a month in the order in which they come out, none if it is unchanged."""
        answer = self._web.json(
            f"{self._path}/{month}",
            missing=f"chess.com: {month} of {self._user!r} is listed but missing; try again later",
            headers=self._condition(month),
        )
        if answer is None:
            self._conditions[month] = self._condition(month)
            return []
        body, headers = answer
        self._conditions[month] = _condition_of(headers)
        records = field(body, "games")
        if not isinstance(records, list):
            raise SourceError(f"chess.com: no games in the answer for {month}; try again later")
        newest_first = self._filters.max is not None
        return sorted(records, key=lambda record: number_field(record, "end_time"), reverse=newest_first)

    def _condition(self, month: str) -> dict[str, str]:
        stored = field(self._old_conditions, month)
        if not isinstance(stored, Mapping):
            return {}
        return {name: str(stored[name]) for name in _CONDITIONS.values() if name in stored}

    def _wanted(self, record: object) -> bool:
        filters = self._filters
        white, black = (name_key(text_field(record, side, "username")) for side in ("white", "black"))
        owner = name_key(self._user)
        ended_ms = 1000 * number_field(record, "end_time")
        return (
            (filters.color is None or (white if filters.color == "white" else black) == owner)
            and (
                filters.opponent is None
                or name_key(filters.opponent) == (black if white == owner else white)
            )
            and (not filters.rated_only or field(record, "rated") is True)
            and (not filters.speeds or time_class_of(text_field(record, "time_control")) in filters.speeds)
            and (filters.since_ms is None or filters.since_ms <= ended_ms)
            and (filters.until_ms is None or ended_ms <= filters.until_ms)
        )


_CONDITIONS: Final = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}


def _condition_of(headers: httpx.Headers) -> dict[str, str]:
    """Returns the headers with which to ask later whether an answer has changed."""
    return {ask: headers[tell] for tell, ask in _CONDITIONS.items() if tell in headers}


def _month_of(day: datetime | date) -> str:
    return f"{day.year:04}/{day.month:02}"


def _received(record: object) -> ReceivedGame:
    return ReceivedGame(pgn=text_field(record, "pgn"), url=text_field(record, "url"))
