"""Games of a Lichess account: one streamed answer, resumed where it was cut.

The answer is NDJSON with the PGN inside (`pgnInJson`), not bare PGN: a line tells the game's id and its
start to the millisecond, which resuming and syncing need (PGN has whole seconds), and a game that was cut
off is a damaged line, while half a PGN reads like a whole short game.

Games are listed by their start, but only once they are over. A game that was open during one download may
so begin before that download's mark; the mark remembers that there was one, and the next download looks
back: a day for everything, a year for correspondence. The library drops what it has by id.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

from chessgru.errors import SourceError
from chessgru.game import TimeClass
from chessgru.sources.account import ReceivedGame, field, number_field, parse_mark, text_field
from chessgru.sources.filters import Filters
from chessgru.sources.polite import PoliteClient, TransientError, parse_json

BASE_URL: Final = "https://lichess.org"
EARLIEST_MS: Final = 1356998400070
"""The smallest time that the site accepts."""
LATEST_MS: Final = 10**14
DAY_MS: Final = 86_400_000
LONGEST_LIVE_GAME: Final = DAY_MS
LONGEST_CORRESPONDENCE: Final = 366 * DAY_MS
MAX_LINE: Final = 2**22
"""Bytes of one game; the longest possible real ones are below 1 MiB."""

_PERF_TYPES: Final[dict[TimeClass, str]] = {
    "bullet": "ultraBullet,bullet",
    "blitz": "blitz",
    "rapid": "rapid",
    "classical": "classical",
    "correspondence": "correspondence",
}


@dataclass(frozen=True, slots=True)
class _Window:
    """A stretch of time to ask for, in ms from 1970, both ends included; None is open."""

    since: int | None
    until: int | None
    correspondence_only: bool = False


def request_headers(token: str | None, version: str) -> dict[str, str]:
    """Returns the headers of every request; raises SourceError, without quoting it, for a bad token."""
    headers = {"User-Agent": f"chessgru/{version}", "Accept": "application/x-ndjson"}
    if token and token.strip():
        if not all("!" <= letter <= "~" for letter in token.strip()):
            raise SourceError("lichess: LICHESS_TOKEN holds characters that no token has; copy it again")
        headers["Authorization"] = f"Bearer {token.strip()}"
    return headers


class LichessAccount:
    """The games of one account; see `account.Account`."""

    fraction: float | None = None

    def __init__(self, user: str, *, filters: Filters, mark: str | None, web: PoliteClient) -> None:
        fields = parse_mark("lichess", mark)
        self._user = user
        self._path = quote(user, safe="")
        self._filters = filters
        self._old_mark = mark
        self._old_since = number_field(fields, "since") or None
        self._old_open = field(fields, "open") is True
        self._web = web
        self._playing = False
        self._newest: int | None = None
        self._seen: set[str] = set()
        self.expected: int | None = None

    def games(self) -> Generator[ReceivedGame | None]:
        """Yields the games, oldest first, or newest first if there is a `max`."""
        self._ask_counts()
        for window in self._windows():
            yield from self._download(window)

    @property
    def mark(self) -> str | None:
        """One millisecond after the start of the newest game; see `account.Account`."""
        return self._old_mark if self._full else self._mark_text(open_games=self._playing)

    @property
    def resume_mark(self) -> str | None:
        """The same after a part of the games; the old mark where the newest came first, or none came."""
        if self._filters.max is not None or self._newest is None:
            return self._old_mark
        return self._mark_text(open_games=self._playing or self._old_open)

    def _mark_text(self, *, open_games: bool) -> str:
        since = max(self._old_since or 0, 0 if self._newest is None else self._newest + 1)
        return json.dumps({"since": since, "open": open_games})

    def _ask_counts(self) -> None:
        """Asks how many games there are, and whether some are open; raises SourceError for nobody."""
        answer = self._web.json(
            f"/api/user/{self._path}", missing=self._unknown(), headers={"Accept": "application/json"}
        )
        user = answer[0] if answer else None
        self._playing = number_field(user, "count", "playing") > 0
        total = number_field(user, "count", "rated" if self._filters.rated_only else "all")
        if total and not self._filters.narrows and self._old_since is None:
            self.expected = min(total, self._filters.max or total)

    def _unknown(self) -> str:
        return f"lichess: no account named {self._user!r}; check the spelling on lichess.org/@/{self._user}"

    def _windows(self) -> list[_Window]:
        """Returns what to ask for, one after the other."""
        whole = _Window(self._filters.since_ms, self._filters.until_ms)
        if self._old_since is None:
            return [whole]
        if not self._old_open:
            return [_clip(whole, since=self._old_since)]
        start = self._old_since - LONGEST_LIVE_GAME
        windows = [_clip(whole, since=start)]
        if not self._filters.speeds or "correspondence" in self._filters.speeds:
            late = _clip(whole, since=start - LONGEST_CORRESPONDENCE, until=start - 1)
            windows.insert(0, replace(late, correspondence_only=True))
        return windows

    def _download(self, window: _Window) -> Generator[ReceivedGame]:
        """Yields the games of a window, through cuts and pauses."""
        while not self._full and not _empty(window):
            try:
                with self._web.open(
                    f"/api/games/user/{self._path}",
                    expect="ndjson",
                    missing=self._unknown(),
                    params=self._params(window),
                ) as response:
                    for record in _records(response.iter_bytes()):
                        window = self._rest_of(window, record)
                        if self._is_new(record):
                            yield _received(record)
                        if self._full:
                            return
                return
            except TransientError as failure:
                self._web.pause(failure)

    @property
    def _full(self) -> bool:
        return self._filters.max is not None and len(self._seen) >= self._filters.max

    def _params(self, window: _Window) -> dict[str, str]:
        filters = self._filters
        speeds = {"correspondence"} if window.correspondence_only else filters.speeds
        limit = None if filters.max is None else filters.max - len(self._seen) + 1
        params = {
            "pgnInJson": "true",
            "clocks": "true",
            "sort": "dateAsc" if limit is None else "dateDesc",
            "since": None if window.since is None else max(window.since, EARLIEST_MS),
            "until": None if window.until is None else max(window.until, EARLIEST_MS),
            "max": limit if self._seen else filters.max,
            "perfType": ",".join(perf for speed, perf in _PERF_TYPES.items() if speed in speeds),
            "color": filters.color,
            "vs": filters.opponent,
            "rated": "true" if filters.rated_only else None,
        }
        return {name: str(value) for name, value in params.items() if value}

    def _rest_of(self, window: _Window, record: Mapping[str, object]) -> _Window:
        """Returns what is left of a window after a game, which may come again: ids tell."""
        created = number_field(record, "createdAt")
        self._newest = max(created, self._newest or 0)
        if self._filters.max is None:
            return replace(window, since=created)
        return replace(window, until=created)

    def _is_new(self, record: Mapping[str, object]) -> bool:
        game_id = text_field(record, "id")
        if game_id in self._seen:
            return False
        self._seen.add(game_id)
        self._web.succeeded()
        return True


def _clip(window: _Window, *, since: int, until: int | None = None) -> _Window:
    """Returns the part of a window from `since` to `until`."""
    ends = [end for end in (window.until, until) if end is not None]
    return _Window(max(since, window.since or since), min(ends, default=None))


def _empty(window: _Window) -> bool:
    return window.since is not None and window.until is not None and window.since > window.until


def _received(record: Mapping[str, object]) -> ReceivedGame:
    return ReceivedGame(
        pgn=text_field(record, "pgn"), url=f"https://lichess.org/{text_field(record, 'id')}"
    )


def _records(chunks: Iterable[bytes]) -> Iterator[dict[str, object]]:
    """Yields the games of an NDJSON stream; raises TransientError at a damaged line."""
    for line in _lines(chunks):
        record = parse_json(line)
        created = number_field(record, "createdAt")
        if not isinstance(record, dict) or not text_field(record, "id") or not 0 < created < LATEST_MS:
            raise TransientError("a damaged answer")
        yield record


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    r"""Yields the non-empty lines; unlike `httpx.Response.iter_lines`, only "\n" parts them."""
    rest = bytearray()
    for chunk in chunks:
        rest += chunk
        if b"\n" in chunk:
            *lines, tail = bytes(rest).split(b"\n")
            rest = bytearray(tail)
            yield from (line for line in lines if line.strip())
        if len(rest) > MAX_LINE:
            raise SourceError(f"lichess: a game of more than {MAX_LINE} bytes; nothing real is so long")
    if rest.strip():
        yield bytes(rest)
