"""The words of the Universal Chess Interface: options, positions and limits, read and written.

Nothing here waits, predicts or prints; `uci` does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import chess

from chessgru import vocabulary
from chessgru.errors import MoveError, SettingsError
from chessgru.game import TIME_CLASSES, Side, TimeClass, time_class_of
from chessgru.sampling import Clock

ANYBODY: Final = "anybody"
"""The value of the options Player and Opponent that names nobody in particular."""
_NOBODY: Final = ("", ANYBODY, "<empty>")
_MOST_CHOICES: Final = 200
_HIGHEST_RATING: Final = 4000

Speed = Literal["auto"] | TimeClass


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The options, as they stand; ratings of 0 are the latest known."""

    player: str = ""
    """Who moves; "" is anybody."""
    opponent: str = ""
    temperature: int = 100
    """In hundredths."""
    rating: int = 0
    opponent_rating: int = 0
    pacing: bool = False
    """Whether to pause before a move as people do."""
    multipv: int = 3
    """How many candidate moves are told."""
    speed: Speed = "auto"
    """What to take the game for; "auto" goes by the clock."""


@dataclass(frozen=True)
class _Spin:
    field: str
    lowest: int
    highest: int

    def told(self, settings: Settings) -> str:
        value = getattr(settings, self.field)
        return f"type spin default {value} min {self.lowest} max {self.highest}"

    def read(self, name: str, value: str) -> dict[str, object]:
        if not re.fullmatch(r"-?\d+", value) or not self.lowest <= int(value) <= self.highest:
            raise SettingsError(f"{name} must be from {self.lowest} to {self.highest}, not {value!r}")
        return {self.field: int(value)}


@dataclass(frozen=True)
class _Check:
    field: str

    def told(self, settings: Settings) -> str:
        return f"type check default {str(getattr(settings, self.field)).lower()}"

    def read(self, name: str, value: str) -> dict[str, object]:
        if value.lower() not in ("true", "false"):
            raise SettingsError(f"{name} must be true or false, not {value!r}")
        return {self.field: value.lower() == "true"}


@dataclass(frozen=True)
class _Choice:
    field: str
    choices: tuple[str, ...]

    def told(self, settings: Settings) -> str:
        return f"type combo default {getattr(settings, self.field)}" + _variants(self.choices)

    def read(self, name: str, value: str) -> dict[str, object]:
        if value.lower() not in self.choices:
            raise SettingsError(f"{name} must be one of {', '.join(self.choices)}, not {value!r}")
        return {self.field: value.lower()}


@dataclass(frozen=True)
class _Person:
    """Somebody's name: a list to choose from if it is short, else a text."""

    field: str
    names: tuple[str, ...]

    def told(self, settings: Settings) -> str:
        value = getattr(settings, self.field)
        choices = (ANYBODY, *dict.fromkeys((*self.names, *([value] if value else ()))))
        if len(choices) > _MOST_CHOICES or any(map(_confusing, choices)):
            return f"type string default {value or '<empty>'}"
        return f"type combo default {value or ANYBODY}" + _variants(choices)

    def read(self, name: str, value: str) -> dict[str, object]:  # noqa: ARG002 - one shape for all
        return {self.field: "" if value.lower() in _NOBODY else value}


_TITLE = re.compile(r"(\S+)\s+(\S+)\s+(computer|human)\s+(.+)")


@dataclass(frozen=True)
class _UCIOpponent:
    """Who a graphical interface says sits opposite: "GM 2800 human Gary Kasparov"."""

    def told(self, settings: Settings) -> str:  # noqa: ARG002 - one shape for all
        return "type string default <empty>"

    def read(self, name: str, value: str) -> dict[str, object]:
        if value.lower() in _NOBODY:
            return {"opponent": "", "opponent_rating": 0}
        match = _TITLE.fullmatch(value)
        if match is None:
            raise SettingsError(f"{name} must be like 'none 1500 human Ann', not {value!r}")
        rating = int(match[2]) if match[2].isdecimal() else 0
        return {"opponent": match[4], "opponent_rating": min(rating, _HIGHEST_RATING)}


_Option = _Spin | _Check | _Choice | _Person | _UCIOpponent


def _variants(choices: Sequence[str]) -> str:
    return "".join(f" var {choice}" for choice in choices)


def _confusing(name: str) -> bool:
    """Tells whether a name holds a word of the protocol, or could not be written in one line."""
    return bool(re.search(r"\b(name|type|default|min|max|var|value)\b", name)) or name != " ".join(
        name.split()
    )


def _options(names: Sequence[str]) -> Mapping[str, _Option]:
    people = tuple(names)
    return {
        "Player": _Person("player", people),
        "Opponent": _Person("opponent", people),
        "Temperature": _Spin("temperature", 0, 300),
        "Rating": _Spin("rating", 0, _HIGHEST_RATING),
        "OpponentRating": _Spin("opponent_rating", 0, _HIGHEST_RATING),
        "Speed": _Choice("speed", ("auto", *TIME_CLASSES)),
        "Pacing": _Check("pacing"),
        "MultiPV": _Spin("multipv", 1, 20),
        "UCI_Opponent": _UCIOpponent(),
    }


def told_options(settings: Settings, names: Sequence[str]) -> list[str]:
    """Returns an `option` line for each option; the settings are the defaults.

    >>> told_options(Settings(), ["Dad"])[0]
    'option name Player type combo default anybody var anybody var Dad'
    """
    return [f"option name {name} {option.told(settings)}" for name, option in _options(names).items()]


def changed(settings: Settings, text: str) -> Settings:
    """Returns the settings after "name X value Y".

    Raises SettingsError if there is no such option, or no such value of it.
    """
    match = re.fullmatch(r"name\s+(.*?)(?:\s+value\b\s*(.*))?", text.strip(), re.IGNORECASE)
    if match is None:
        raise SettingsError(f"setoption needs 'name X value Y', not {text!r}")
    name, value = match[1], (match[2] or "").strip()
    for known, option in _options(()).items():
        if known.casefold() == name.casefold():
            return replace(settings, **option.read(known, value))  # type: ignore[arg-type]
    raise SettingsError(f"no option {name!r}; there are {', '.join(_options(()))}")


@dataclass(frozen=True)
class Position:
    """The game as the interface tells it."""

    board: chess.Board
    """After all moves."""
    tokens: tuple[int, ...] = ()
    start: str = ""
    """FEN where the game was set up; "" for the standard start."""

    @property
    def side(self) -> Side:
        """Who is to move."""
        return "white" if self.board.turn else "black"


def read_position(text: str) -> Position:
    """Returns the position of "startpos moves e2e4" or "fen … moves …". Raises MoveError if it is none."""
    where, _, moves = text.partition("moves")
    kind, _, fen = where.strip().partition(" ")
    if kind not in ("startpos", "fen"):
        raise MoveError(f"position needs 'startpos' or 'fen …', not {text.strip()[:40]!r}")
    board = _set_up(fen.strip()) if kind == "fen" else chess.Board()
    start = board.fen()
    tokens = tuple(_pushed(board, word, ply) for ply, word in enumerate(moves.split(), 1))
    return Position(board, tokens, "" if start == chess.STARTING_FEN else start)


def _set_up(fen: str) -> chess.Board:
    try:
        board = chess.Board(fen)
    except ValueError as error:
        raise MoveError(f"not a FEN: {fen!r} ({error})") from error
    if not board.is_valid():
        raise MoveError(f"not a position of standard chess: {fen!r} ({board.status()!s})")
    return board


def _pushed(board: chess.Board, word: str, ply: int) -> int:
    """Plays a move on the board and returns its token."""
    try:
        move = board.parse_uci(word.lower())
        token = vocabulary.token_of(move)
    except (ValueError, KeyError) as error:
        raise MoveError(f"ply {ply}: {word!r} is not legal here") from error
    board.push(move)
    return token


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How to think about a move."""

    clock: Clock = field(default_factory=Clock)
    infinite: bool = False
    """Until told to stop."""
    ponder: bool = False
    """On the opponent's time, until told that he made the expected move, or to stop."""
    only: frozenset[str] = frozenset()
    """The moves to choose from, all if empty."""
    time_control: str = ""
    """As in PGN, seconds + increment, by the clock as it stands; "" if there is none."""

    @property
    def time_class(self) -> TimeClass | None:
        """What a game that starts with this clock is."""
        return time_class_of(self.time_control)


_NUMBERS: Final = ("wtime", "btime", "winc", "binc", "movestogo", "movetime", "depth", "nodes", "mate")


def read_limits(text: str, side: Side) -> Limits:
    """Returns what follows "go", for the side to move; what is not understood is passed over.

    `depth`, `nodes` and `mate` change nothing: there is one depth.
    """
    words = text.split()
    found: dict[str, int] = {}
    only: list[str] = []
    for place, word in enumerate(words):
        value = words[place + 1] if place + 1 < len(words) else ""
        if word in _NUMBERS and re.fullmatch(r"-?\d+", value):
            found[word] = int(value)
        elif word == "searchmoves":
            only = [each.lower() for each in words[place + 1 :] if re.fullmatch(_MOVE, each.lower())]
    clock = _clock(found, side[0])
    return Limits(
        clock=clock,
        infinite="infinite" in words,
        ponder="ponder" in words,
        only=frozenset(only),
        time_control="" if clock.remaining is None else f"{clock.remaining:.0f}+{clock.increment:g}",
    )


_MOVE: Final = r"[a-h][1-8][a-h][1-8][nbrq]?"


def _clock(found: Mapping[str, int], color: str) -> Clock:
    def seconds(word: str) -> float | None:
        return max(found[word], 0) / 1000 if word in found else None

    return Clock(
        remaining=seconds(f"{color}time"),
        increment=seconds(f"{color}inc") or 0.0,
        moves_to_go=found.get("movestogo"),
        per_move=seconds("movetime"),
    )
