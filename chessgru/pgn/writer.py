"""Games back to PGN, with all their tags and clocks, so that reading the text again changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TextIO

from chessgru.game import Game
from chessgru.pgn.tags import printable, site_id

_WIDTH: Final = 80
_PIECES: Final = ("", "", "N", "B", "R", "Q", "K")
_SQUARES: Final = tuple(file + rank for rank in "12345678" for file in "abcdefgh")
_CHECKS: Final = ("", "+", "#")


def _san(row: list[int]) -> str:
    """Returns the SAN of one row of `rules.describe`."""
    start, end, promotion, piece, takes, origin, check = row
    if piece == 6 and abs(end - start) == 2:
        return ("O-O" if end > start else "O-O-O") + _CHECKS[check]
    square = _SQUARES[start]
    text = _PIECES[piece] + ("", square[0], square[1], square)[origin]
    text += ("x" if takes else "") + _SQUARES[end]
    return text + (f"={_PIECES[promotion]}" if promotion else "") + _CHECKS[check]


def san_line(tokens: tuple[int, ...] | list[int]) -> list[str]:
    """Returns the SAN of each move of a line from the standard start.

    Raises ValueError naming the ply if a token is not legal where it stands.
    """
    from chessgru.pgn.rules import describe  # numba takes a moment to import

    return [_san(row) for row in describe(tokens).tolist()]


def _tag(name: str, value: str) -> str:
    escaped = printable(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'[{name} "{escaped}"]'


def _link_tags(game: Game) -> Iterator[tuple[str, str]]:
    """Yields the tag that gives back the site's id, unless the site's address already does."""
    if site_id({"Site": game.site}) == game.site_id:
        return
    site, _, number = game.site_id.partition(":")
    links = {
        "lichess": f"https://lichess.org/{number}",
        "chess.com": f"https://www.chess.com/game/{'' if '/' in number else 'live/'}{number}",
    }
    link = links.get(site, "")
    yield ("Link", link) if site_id({"Link": link}) == game.site_id else ("SiteId", game.site_id)


def _tags(game: Game) -> Iterator[tuple[str, str]]:
    yield "Event", game.event or "?"
    yield "Site", game.site or "?"
    yield "Date", game.date or "????.??.??"
    yield "Round", game.round or "?"
    yield "White", game.white or "?"
    yield "Black", game.black or "?"
    yield "Result", game.result
    if game.time:
        yield from [("UTCDate", game.date)] * bool(game.date)
        yield "UTCTime", game.time
    if game.white_rating is not None:
        yield "WhiteElo", str(game.white_rating)
    if game.black_rating is not None:
        yield "BlackElo", str(game.black_rating)
    for name, value in (("TimeControl", game.time_control), ("ECO", game.eco)):
        if value:
            yield name, value
    yield from _link_tags(game)


def _clock(seconds: float) -> str:
    """Returns a %clk command, with as many decimals as are needed."""
    whole, rest = divmod(round(seconds * 1000), 1000)
    decimals = f".{rest:03d}".rstrip("0") if rest else ""
    return f"[%clk {whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}{decimals}]"


def _comment(game: Game, ply: int, comments: Mapping[int, str]) -> str:
    """Returns what stands in braces after a ply, or ""."""
    clock = game.clocks[ply] if 0 <= ply < len(game.clocks) else None
    parts = [] if clock is None else [_clock(clock)]
    text = printable(comments.get(ply, "").replace("{", "(").replace("}", ")"))
    return " ".join(parts + [text] * bool(text))


def _movetext(game: Game, comments: Mapping[int, str]) -> Iterator[str]:
    """Yields the words of the movetext: a comment is one word."""
    interrupted = True
    if before := _comment(game, -1, comments):
        yield f"{{{before}}}"
    for ply, san in enumerate(san_line(game.tokens)):
        if ply % 2 == 0:
            yield f"{ply // 2 + 1}."
        elif interrupted:
            yield f"{ply // 2 + 1}..."
        yield san
        comment = _comment(game, ply, comments)
        interrupted = bool(comment)
        if comment:
            yield f"{{{comment}}}"
    yield game.result


def _wrapped(words: Iterable[str]) -> Iterator[str]:
    """Yields lines of at most 80 characters, longer only where one word is."""
    line = ""
    for word in words:
        if line and len(line) + 1 + len(word) > _WIDTH:
            yield line
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield line


def to_pgn(game: Game, comments: Mapping[int, str] | None = None) -> str:
    """Returns a game as PGN text that ends with a newline.

    `comments` go after the move of their 0-based ply, -1 before the first move. Reading the text gives
    the same game, but for where it came from. Raises ValueError if a token is not legal where it stands.
    """
    tags = [_tag(name, value) for name, value in _tags(game)]
    return "\n".join([*tags, "", *_wrapped(_movetext(game, comments or {})), ""])


def write_pgn(games: Iterable[Game], file: TextIO) -> int:
    """Writes games to a text file opened with encoding UTF-8, and returns how many."""
    count = 0
    for count, game in enumerate(games, start=1):  # noqa: B007
        file.write(to_pgn(game) + "\n")
    return count
