"""The tags of a PGN game, as they come from many programs, turned into the fields of a `Game`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from chessgru.game import TIME_CLASSES, Result

_TAG: Final = re.compile(r'\[(\w+)\s+"([^"\\\n]*)"\s*\]')
_LOOSE_TAG: Final = re.compile(r'[ \t]*\[(\w+)\s+"(.*)"\s*\]?\s*')
_ESCAPED: Final = re.compile(r"\\([\"\\])")
_UNKNOWN: Final = frozenset({"", "?", "??", "???"})

_STANDARD: Final = frozenset(
    ("standard", "chess", "normal", "regular", "orthodox", "from position", "ultrabullet", *TIME_CLASSES)
)
_START_FEN: Final = "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq -"

_LICHESS: Final = re.compile(r"lichess\.org/(?:embed/)?(?:game/)?(\w{8})(?:\w{4})?(?:[/?#]|$)", re.ASCII)
_LICHESS_PAGES: Final = frozenset({"analysis", "practice", "training"})
_CHESSCOM: Final = re.compile(
    r"chess\.com/(?:\w+/)*?(?:(?:game/)?(live|daily)(?:/game)?/|(live)#g=)(?:game/)?(\d+)", re.ASCII
)

_RESULTS: Final[dict[str, Result]] = {
    "1-0": "1-0",
    "0-1": "0-1",
    "1/2-1/2": "1/2-1/2",
    "1/2": "1/2-1/2",
    "½-½": "1/2-1/2",
    "0.5-0.5": "1/2-1/2",
    "1:0": "1-0",
    "0:1": "0-1",
    "*": "*",
}


def decode(raw: bytes, older: str = "cp1252") -> str:
    """Returns text that is UTF-8, or else in the code page of Windows that older programs write."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode(older, errors="replace")


def _loose_tags(text: str) -> dict[str, str]:
    """Reads tags line by line: escaped quotes, bare quotes inside a value, a missing bracket."""
    tags: dict[str, str] = {}
    for line in text.splitlines():
        pairs = _TAG.findall(line)
        if len(pairs) < 2 and (match := _LOOSE_TAG.fullmatch(line)):
            pairs = [(match[1], _ESCAPED.sub(r"\1", match[2]))]
        tags.update(pairs)
    return tags


def read_tags(text: str) -> dict[str, str]:
    """Returns the tags of a game by name, the last of a name winning; other lines are ignored."""
    pairs = _TAG.findall(text)
    if len(pairs) == text.count("\n[") + text.startswith("["):
        return dict(pairs)
    return _loose_tags(text)


def printable(text: str) -> str:
    """Returns text without control characters, and without blanks at its ends."""
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return text.strip()


def known(tags: Mapping[str, str], name: str) -> str:
    """Returns a tag's value, or "" if it is missing or says that nobody knows."""
    value = printable(tags.get(name, ""))
    return "" if value in _UNKNOWN else value


@lru_cache(maxsize=1024)
def rating_of(value: str) -> int | None:
    """Returns a rating, or None if the tag does not tell one.

    >>> [rating_of(value) for value in ("1500", "1500?", "?", "-", "0", "")]
    [1500, 1500, None, None, None, None]
    """
    match = re.match(r"\s*(\d{2,4})(?!\d)", value)
    return int(match[1]) if match and 10 <= int(match[1]) <= 4000 else None


def _part(value: str, limit: int) -> str:
    return f"{int(value):02d}" if value.isascii() and value.isdigit() and 1 <= int(value) <= limit else "??"


@lru_cache(maxsize=4096)
def date_of(value: str) -> str:
    """Returns a date as "YYYY.MM.DD" with "??" for unknown parts, or "" if not even the year is known.

    >>> date_of("2024.3.5"), date_of("1999.??.??"), date_of("2020-01-31"), date_of("????.??.??")
    ('2024.03.05', '1999.??.??', '2020.01.31', '')
    """
    parts = re.split(r"[.\-/]", value.strip())
    if len(parts) == 3 and len(parts[2]) == 4:  # 31.12.2020
        parts.reverse()
    if not re.fullmatch(r"[12]\d{3}", parts[0], re.ASCII):
        return ""
    month = _part(parts[1], 12) if len(parts) > 1 else "??"
    day = _part(parts[2], 31) if len(parts) > 2 else "??"
    return f"{parts[0]}.{month}.{day}"


def game_date(tags: Mapping[str, str]) -> str:
    """Returns the date in UTC where the file has it complete, else the date as the organisers count."""
    utc = date_of(tags.get("UTCDate", ""))
    return utc if utc and "?" not in utc else date_of(tags.get("Date", "")) or utc


def utc_time(tags: Mapping[str, str]) -> str:
    """Returns the time of day at the start as "HH:MM:SS", or ""."""
    value = tags.get("UTCTime", "")
    return value if re.fullmatch(r"[0-2]\d:[0-5]\d:[0-5]\d", value, re.ASCII) else ""


def site_id(tags: Mapping[str, str]) -> str:
    """Returns the site's own id of the game, or "".

    Ids of daily games on chess.com are numbered apart from live ones, and marked so.

    >>> site_id({"Site": "https://lichess.org/q7ZvsdUF"})
    'lichess:q7ZvsdUF'
    >>> site_id({"Link": "https://www.chess.com/game/live/1334448464"})
    'chess.com:1334448464'
    """
    for name in ("Site", "Link", "GameURL"):
        value = known(tags, name)
        match = _LICHESS.search(value)
        if match and match[1] not in _LICHESS_PAGES:
            return f"lichess:{match[1]}"
        if match := _CHESSCOM.search(value):
            return f"chess.com:{'daily/' if match[1] == 'daily' else ''}{match[3]}"
    game_id = known(tags, "GameId")
    if re.fullmatch(r"\w{8}", game_id, re.ASCII) and "lichess" in tags.get("Site", "lichess").lower():
        return f"lichess:{game_id}"
    return known(tags, "SiteId")


def is_variant(tags: Mapping[str, str]) -> bool:
    """Whether the game follows other rules than those of standard chess, as far as its tags tell."""
    variant = known(tags, "Variant")
    return bool(variant) and variant.casefold() not in _STANDARD


def is_set_up(tags: Mapping[str, str]) -> bool:
    """Whether the game begins from another position than the standard one."""
    fen = known(tags, "FEN")
    return bool(fen) and " ".join(fen.split()[:4]) not in (_START_FEN, _START_FEN.split()[0])


def result_of(value: str) -> Result | None:
    """Returns the result that a tag tells, or None if it tells none."""
    return _RESULTS.get(value.replace(" ", ""))
