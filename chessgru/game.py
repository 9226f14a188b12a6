"""One game as a value, and the words around it: sides, ratings, dates, speeds, names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final, Literal

from chessgru.errors import UnknownPlayerError

TimeClass = Literal["bullet", "blitz", "rapid", "classical", "correspondence"]
TIME_CLASSES: Final[tuple[TimeClass, ...]] = (
    "bullet",
    "blitz",
    "rapid",
    "classical",
    "correspondence",
)
Side = Literal["white", "black"]
Result = Literal["1-0", "0-1", "1/2-1/2", "*"]


def name_key(name: str) -> str:
    """Returns what two spellings of one name share: case, width and spacing are ignored.

    >>> name_key("  Carlsen,Magnus ") == name_key("CARLSEN, Magnus")
    True
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"\s*,\s*", ", ", " ".join(folded.split()))


def time_class_of(time_control: str) -> TimeClass | None:
    """Returns the speed of a PGN TimeControl tag, or None if it does not tell.

    The estimated duration is base + 40 * increment, with Lichess's limits: bullet below 3 minutes,
    blitz below 8, rapid below 25, else classical. "1/86400" (days a move) is correspondence.

    >>> time_class_of("300+3"), time_class_of("600"), time_class_of("-"), time_class_of("1/259200")
    ('blitz', 'rapid', None, 'correspondence')
    """
    if re.fullmatch(r"1/\d{5,}", time_control):
        return "correspondence"
    match = re.match(r"(?:\d+/)?(\d+)(?:\+(\d+(?:\.\d+)?))?", time_control)
    if match is None:
        return None
    seconds = int(match[1]) + 40 * float(match[2] or 0)
    for limit, speed in ((180, "bullet"), (480, "blitz"), (1500, "rapid")):
        if seconds < limit:
            return speed  # type: ignore[return-value]
    return "classical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Game:
    """A game of standard chess from the standard start, at least one ply long.

    Strings are as written in the file, "" where the tag is missing or unknown ("?"). `tokens` holds the
    mainline as indices into `vocabulary.MOVES`; `clocks` the seconds left to the mover after each ply,
    None where not given, and is empty when the game has no clocks at all.
    """

    tokens: tuple[int, ...]
    white: str = ""
    black: str = ""
    white_rating: int | None = None
    black_rating: int | None = None
    result: Result = "*"
    date: str = ""
    """As in PGN, "YYYY.MM.DD" with "??" for unknown parts; UTCDate where the file has it."""
    time: str = ""
    """UTC time of day at the start, "HH:MM:SS"."""
    time_control: str = ""
    event: str = ""
    site: str = ""
    round: str = ""
    eco: str = ""
    site_id: str = ""
    """The site's own id, such as "lichess:q7ZvsdUF" or "chess.com:1334448464"."""
    clocks: tuple[float | None, ...] = ()
    source: str = ""
    """The file or account the game came from."""
    index: int = 0
    """0-based position in the source, rejected games counted."""
    line: int = 1
    """1-based line of the source where the game begins."""
    warnings: tuple[str, ...] = ()
    """What was mended or cut, one short sentence each, such as "cut at ply 34: illegal move 'Qxh9'"."""

    @property
    def time_class(self) -> TimeClass | None:
        """The speed, or None if the time control does not tell."""
        return time_class_of(self.time_control)

    def side_of(self, keys: Collection[str]) -> Side | None:
        """Returns the color that a player had, given the `name_key` of each of his aliases.

        None if he did not play, or if both sides bear one of his names.
        """
        white, black = name_key(self.white) in keys, name_key(self.black) in keys
        if white == black:
            return None
        return "white" if white else "black"


def unknown_among(games: Iterable[Game], name: str) -> UnknownPlayerError:
    """Returns the error that tells of a name which nobody bears in these games of a file."""
    known = {side for game in games for side in (game.white, game.black)}
    return UnknownPlayerError(name, sorted(known), "give a name as it stands in the file")


RejectionReason = Literal[
    "no moves",
    "not PGN",
    "variant",
    "set-up position",
    "illegal move",
    "null move",
    "unreadable move",
    "game without tags",
    "too long",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A game that was not taken in, and why."""

    reason: RejectionReason
    detail: str
    source: str = ""
    index: int = 0
    line: int = 1
