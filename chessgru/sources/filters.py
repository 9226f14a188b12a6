"""Which games of an account to download, and the name of that account."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal

from chessgru.errors import SettingsError, SourceError
from chessgru.game import Side, TimeClass

SiteName = Literal["lichess", "chess.com"]

_PROFILE_PAGES: Final[dict[SiteName, re.Pattern[str]]] = {
    "lichess": re.compile(r"(?:https?://)?(?:www\.)?lichess\.org/@/([^/?#]+)(?:[/?#].*)?"),
    "chess.com": re.compile(r"(?:https?://)?(?:www\.)?chess\.com/member/([^/?#]+)(?:[/?#].*)?"),
}


def account_name(site: SiteName, text: str) -> str:
    """Returns the account's name, given as a name, as "@name", or as the address of its profile page.

    Raises SourceError if it cannot be a name.

    >>> account_name("lichess", "https://lichess.org/@/Anna_K/all"), account_name("chess.com", " @Bert ")
    ('Anna_K', 'Bert')
    """
    page = _PROFILE_PAGES[site].fullmatch(text.strip())
    name = page[1] if page else text.strip().removeprefix("@")
    if not re.fullmatch(r"[\w.-]{1,40}", name) or not any(letter.isalnum() for letter in name):
        raise SourceError(
            f"{site}: {text!r} cannot be an account; give the name as on its profile page, such as 'anna_k'"
        )
    return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which games to download; the default is all of them, casual ones included.

    Raises SettingsError when `max` is below 1 or `since` is after `until`.
    """

    speeds: frozenset[TimeClass] = frozenset()
    """Empty means every speed; the limits are those of `game.time_class_of` on both sites."""
    color: Side | None = None
    """The color that the account's owner had."""
    since: date | None = None
    """First day, in UTC: of the game's start on Lichess, of its end on chess.com."""
    until: date | None = None
    """Last day, included."""
    opponent: str | None = None
    rated_only: bool = False
    max: int | None = None
    """The newest so many games, newest first; without it games come oldest first."""

    def __post_init__(self) -> None:
        if self.max is not None and self.max < 1:
            raise SettingsError(f"max is {self.max}, but at least one game must be asked for")
        if self.since and self.until and self.since > self.until:
            raise SettingsError(f"since {self.since} is after until {self.until}: no day lies between them")

    @property
    def narrows(self) -> bool:
        """True if anything but `rated_only` and `max` keeps games out."""
        return bool(self.speeds or self.color or self.since or self.until or self.opponent)

    @property
    def since_ms(self) -> int | None:
        """The first millisecond of `since`, from 1970."""
        return None if self.since is None else _midnight_ms(self.since)

    @property
    def until_ms(self) -> int | None:
        """The last millisecond of `until`, from 1970."""
        return None if self.until is None else _midnight_ms(self.until + timedelta(days=1)) - 1


def _midnight_ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


def sync_key(site: SiteName, user: str, filters: Filters) -> str:
    """Returns the name under which to store the mark of a download: another filter, another mark.

    `max` is left out: it says how much to fetch at a time, not what.

    >>> sync_key("lichess", "Anna_K", Filters(rated_only=True))
    'lichess:anna_k?rated_only=True'
    """
    parts = {
        "speeds": ",".join(sorted(filters.speeds)),
        "color": filters.color,
        "since": filters.since,
        "until": filters.until,
        "opponent": filters.opponent and filters.opponent.casefold(),
        "rated_only": filters.rated_only,
    }
    query = "&".join(f"{name}={value}" for name, value in parts.items() if value)
    account = f"{site}:{account_name(site, user).casefold()}"
    return f"{account}?{query}" if query else account
