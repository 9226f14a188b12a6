"""HTTP as the two sites want it: one request at a time, pauses when asked, a bounded number of tries.

A failure that may pass (a cut connection, a timeout, 429, 5xx) is a `TransientError`: whoever asked hands
it to `PoliteClient.pause` and tries again, until `pause` gives up with a `SourceError`. Every other failure
is a `SourceError` at once. Neither ever holds a header, so no token gets into a message.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from chessgru.errors import SourceError

TIMEOUT: Final = httpx.Timeout(30.0, read=90.0)
MAX_TRIES: Final = 5
"""Failures in a row, with nothing received between them, before giving up."""
RATE_LIMIT_PAUSE: Final = 60.0
LONGEST_PAUSE: Final = 600.0
MAX_BODY: Final = 256 * 2**20
"""Bytes of one JSON answer; the largest real months are below 20 MiB."""


class TransientError(Exception):
    """One try failed in a way that may pass; `wait` is the pause in seconds, None to choose one."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.wait = wait


class PoliteClient:
    """Sends requests to one site, one after another, and keeps count of the failures in a row."""

    def __init__(
        self,
        *,
        site: str,
        base_url: str,
        headers: Mapping[str, str],
        client: httpx.Client | None,
        sleep: Callable[[float], None],
        now: Callable[[], float],
    ) -> None:
        self.site = site
        self._base_url = base_url.rstrip("/")
        self._headers = dict(headers)
        self._owned = client is None
        self._client = client or httpx.Client()
        self._sleep = sleep
        self._now = now
        self.on_wait: Callable[[float, str], None] = lambda _seconds, _why: None
        """Called once a second during a pause, with the seconds left and the reason."""
        self._failures = 0
        self._reached = False

    def close(self) -> None:
        """Closes the connection, unless the caller brought his own client."""
        if self._owned:
            self._client.close()

    @contextmanager
    def open(
        self,
        path: str,
        *,
        expect: str,
        missing: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[httpx.Response]:
        """Opens an answer to be read as it arrives.

        `expect` is a part of the content type that the answer must have, `missing` the message for a
        404. Raises TransientError or SourceError, also for what happens while the answer is read.
        """
        try:
            with self._client.stream(
                "GET",
                self._base_url + path,
                params=params or None,
                headers={**self._headers, **(headers or {})},
                timeout=TIMEOUT,
                follow_redirects=True,
            ) as response:
                self._reached = True
                self._check(response, expect, missing)
                yield response
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise self._interruption(error) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SourceError(f"{self.site}: {path}: {error}") from error

    def _interruption(self, error: Exception) -> Exception:
        if isinstance(error, httpx.ConnectError) and not self._reached:
            return SourceError(f"{self.site}: cannot be reached ({error}); check the internet connection")
        if isinstance(error, httpx.TimeoutException):
            return TransientError("no answer in time")
        return TransientError(f"the connection broke ({error})")

    def _check(self, response: httpx.Response, expect: str, missing: str) -> None:
        status = response.status_code
        if status in (404, 410):
            raise SourceError(missing)
        if status == 429:
            raise TransientError("too many requests (429)", self._retry_after(response) or RATE_LIMIT_PAUSE)
        if status >= 500:
            raise TransientError(f"trouble at the site ({status})", self._retry_after(response))
        if status in (401, 403):
            hint = _REFUSALS.get((self.site, status), "try again later")
            raise SourceError(f"{self.site}: refused ({status}); {hint}")
        if status not in (200, 304):
            raise SourceError(f"{self.site}: unexpected answer ({status}); try again later")
        kind = response.headers.get("content-type", "nothing")
        if status == 200 and expect not in kind:
            raise SourceError(
                f"{self.site}: sent {kind.partition(';')[0]!r} instead of {expect!r}; try again later"
            )

    def _retry_after(self, response: httpx.Response) -> float | None:
        """Returns the seconds of a Retry-After header, which holds a number or a date."""
        text = response.headers.get("retry-after", "")
        if text.isdecimal():
            return max(float(text), 1.0)
        try:
            return max(parsedate_to_datetime(text).timestamp() - self._now(), 1.0)
        except ValueError:
            return None

    def pause(self, failure: TransientError) -> None:
        """Waits before another try; raises SourceError when there were too many or the wait is too long."""
        self._failures += 1
        wait = 2.0**self._failures if failure.wait is None else failure.wait
        if wait > LONGEST_PAUSE:
            raise SourceError(
                f"{self.site}: {failure}, and asks to wait {wait / 60:.0f} min; "
                "what arrived is kept, try again then to get the rest"
            ) from failure
        if self._failures >= MAX_TRIES:
            raise SourceError(
                f"{self.site}: gave up after {self._failures} tries: {failure}; "
                "what arrived is kept, try again later to get the rest"
            ) from failure
        while wait > 0:
            self.on_wait(wait, str(failure))
            self._sleep(min(wait, 1.0))
            wait -= 1.0

    def succeeded(self) -> None:
        """Notes that something arrived: the count of failures in a row begins anew."""
        self._failures = 0

    def json(
        self, path: str, *, missing: str, headers: Mapping[str, str] | None = None
    ) -> tuple[object, httpx.Headers] | None:
        """Returns a whole JSON answer and its headers, trying again as needed; None if unchanged (304)."""
        while True:
            try:
                with self.open(path, expect="json", missing=missing, headers=headers) as response:
                    body = self._body(response)
                answer = None if response.status_code == 304 else (parse_json(body), response.headers)
            except TransientError as failure:
                self.pause(failure)
            else:
                self.succeeded()
                return answer

    def _body(self, response: httpx.Response) -> bytes:
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > MAX_BODY:
                raise SourceError(
                    f"{self.site}: an answer of more than {MAX_BODY} bytes; nothing real is so long"
                )
        return bytes(body)


_REFUSALS: Final = {
    ("lichess", 401): "the token in LICHESS_TOKEN is wrong or expired: renew it, or unset it to go without",
    ("chess.com", 403): "it wants to know whom to write to: set CHESSGRU_CONTACT to your e-mail address",
}


def parse_json(text: bytes) -> object:
    """Returns a parsed JSON text; raises TransientError if it is damaged or nested without end."""
    try:
        answer: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TransientError("a damaged answer") from error
    return answer
