"""A download in progress: games to iterate over, and a mark at the end."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from threading import Event
from types import TracebackType
from typing import Self

import httpx

from chessgru import __version__
from chessgru.errors import PGNError, SourceError
from chessgru.game import Game, Rejection
from chessgru.pgn import read_games
from chessgru.pgn.tags import site_id
from chessgru.sources import chesscom, lichess
from chessgru.sources.account import Account, ReceivedGame
from chessgru.sources.filters import Filters, SiteName, account_name
from chessgru.sources.polite import PoliteClient
from chessgru.sources.progress import Meter, ProgressListener


class _CancelledError(Exception):
    """Leaves a pause."""


class Download(Iterator[Game | Rejection]):
    """The games of an account, as they arrive; can be gone through once.

    Nothing is asked of the site before the first `next`. Raises SourceError when the site cannot be
    reached, refuses, or breaks off too often; the games until then are good. To cancel, leave the `with`
    block; or, from another thread or a signal handler, call `cancel`.
    """

    def __init__(self, *, account: Account, web: PoliteClient, meter: Meter, name: str) -> None:
        self.name = name
        """The `source` of each game, such as "lichess:anna_k"."""
        self.mark: str | None = None
        """None until every game arrived; store it then, under `sync_key`, and pass it in the next time.

        With `Filters.max` it stays the old one, unless there were fewer games: older ones are missing.
        """
        self.failure: SourceError | None = None
        """What ended `until_failure`, if anything did."""
        self._cancelled = Event()
        self._account = account
        self._web = web
        self._meter = meter
        self._items = self._run()
        web.on_wait = self._pause

    @property
    def resume_mark(self) -> str | None:
        """Where to go on if this download ends now, and every game that came out of it was stored."""
        return self.mark or self._account.resume_mark

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Game | Rejection:
        return next(self._items)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the download and closes its connection; does nothing the second time."""
        self._items.close()
        self._web.close()

    def cancel(self) -> None:
        """Ends the iteration at the next game or second of a pause, with `mark` still None."""
        self._cancelled.set()

    def until_failure(self) -> Iterator[Game | Rejection]:
        """Yields the same games, but ends at a SourceError and keeps it in `failure`.

        For `Library.add`, which stores all or nothing: what arrived before a failure is worth keeping.
        """
        try:
            yield from self
        except SourceError as error:
            self.failure = error

    def _pause(self, seconds: float, why: str) -> None:
        if self._cancelled.is_set():
            raise _CancelledError
        self._meter.wait(seconds, why)

    def _next_item(self, received: ReceivedGame) -> Game | Rejection:
        item = replace(_parse(received, name=self.name), index=self._meter.games)
        self._meter.games += 1
        self._report()
        return item

    def _report(self) -> None:
        self._meter.step(expected=self._account.expected, fraction=self._account.fraction)

    def _run(self) -> Generator[Game | Rejection]:
        received_games = self._account.games()
        try:
            for received in received_games:
                if received is not None:
                    yield self._next_item(received)
                else:
                    self._report()
                if self._cancelled.is_set():
                    return
            self.mark = self._account.mark
            self._meter.finish()
        except _CancelledError:
            return
        finally:
            received_games.close()
            self._web.close()


def _parse(received: ReceivedGame, *, name: str) -> Game | Rejection:
    """Returns what one received game reads as; a rejection's detail ends with the game's address."""
    item = _outcome(received.pgn, name)
    if isinstance(item, Rejection):
        return replace(item, detail=f"{item.detail}: {received.url}")
    return item if item.site_id else replace(item, site_id=site_id({"Link": received.url}))


def _outcome(pgn: str, name: str) -> Game | Rejection:
    """Returns the first game of a text; one that is no PGN spoils itself alone, not the whole download."""
    nothing = Rejection(reason="no moves", detail="the site gave no moves", source=name)
    if not pgn.strip():
        return nothing
    try:
        return next(read_games(io.BytesIO(pgn.encode("utf-8", "replace")), name=name), nothing)
    except PGNError as error:
        return Rejection(reason="not PGN", detail=str(error), source=name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a download takes from the world around it, so that tests can pass in their own."""

    client: httpx.Client | None = None
    """None opens one for the download alone."""
    base_url: str | None = None
    """None is the site itself."""
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time
    """Seconds from 1970."""


def download(
    site: SiteName,
    user: str,
    *,
    filters: Filters | None = None,
    mark: str | None = None,
    token: str | None = None,
    contact: str | None = None,
    progress: ProgressListener | None = None,
    surroundings: Surroundings | None = None,
) -> Download:
    """Prepares the download of an account's games.

    `user` is a name or the address of a profile page. `mark` is what the last complete download of the
    same account and filters left (see `sync_key`); None fetches everything. `token` is Lichess's and goes
    nowhere else; `contact` (an e-mail address) goes to chess.com. Raises SourceError for an impossible
    name, mark or token.
    """
    around = surroundings or Surroundings()
    wanted = filters or Filters()
    name = account_name(site, user)
    meter = Meter(listener=progress, now=around.now)
    if site == "lichess":
        headers = lichess.request_headers(token, __version__)
        web = _client(site, lichess.BASE_URL, headers, around)
        account: Account = lichess.LichessAccount(name, filters=wanted, mark=mark, web=web)
    else:
        headers = chesscom.request_headers(name, contact, __version__)
        web = _client(site, chesscom.BASE_URL, headers, around)
        account = chesscom.ChessComAccount(name, filters=wanted, mark=mark, web=web, now=around.now)
    return Download(account=account, web=web, meter=meter, name=f"{site}:{name}")


def _client(site: SiteName, base_url: str, headers: dict[str, str], around: Surroundings) -> PoliteClient:
    return PoliteClient(
        site=site,
        base_url=around.base_url or base_url,
        headers=headers,
        client=around.client,
        sleep=around.sleep,
        now=around.now,
    )
