"""The one owner of Streamlit's session state: what this window has on its board, under review, and in view.

What a widget holds stays under the widget's own key; everything that outlives a page is here.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import streamlit as st

from chessgru.board import Action
from chessgru.errors import MoveError
from chessgru.game import Side, TimeClass, time_class_of
from chessgru.library.live import LiveGame as Record
from chessgru.session import LiveGame
from chessgru.ui.clock import Clock, running

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from chessgru.ui.study import Study

_KEY: Final = "chessgru"
_STUDY: Final = "chessgru_study"
_PEOPLE: Final = "chessgru_people"
BOARD_KEY: Final = "board"
GUEST: Final = "Guest"
SIDES: Final[tuple[Side, Side]] = ("white", "black")


@dataclass(frozen=True, slots=True)
class Chair:
    """Who sits at one side: a name, and a rating or None if nobody knows it."""

    name: str = GUEST
    rating: int | None = None


@dataclass(frozen=True, slots=True)
class Seating:
    """Who plays whom, and how fast; `speed` is None where it is not known, `clock` where none runs."""

    white: Chair = field(default_factory=Chair)
    black: Chair = field(default_factory=Chair)
    speed: TimeClass | None = None
    clock: Clock | None = None
    followed: int | None = None
    """The library's number of the game, where one is followed that is played elsewhere."""

    @property
    def pace(self) -> TimeClass | None:
        """The speed that the clock means, else the one chosen."""
        return time_class_of(str(self.clock)) if self.clock else self.speed

    def of(self, side: Side) -> Chair:
        """Returns who has that color."""
        return self.white if side == "white" else self.black

    def shown(self, side: Side) -> str:
        """Returns the name to show for that color, told apart where both have the same.

        >>> Seating().shown("black"), Seating(Chair("Dad"), Chair("Son")).shown("black")
        ('Guest (Black)', 'Son')
        """
        name = self.of(side).name
        return f"{name} ({side.capitalize()})" if self.white.name == self.black.name else name

    def swapped(self) -> Seating:
        """Returns the same two with colors changed."""
        return replace(self, white=self.black, black=self.white)


@dataclass(slots=True)
class Table:
    """One window's board: the game on it, the players, and how it is looked at. Callbacks change it."""

    seating: Seating
    game: LiveGame = field(default_factory=LiveGame)
    orientation: Side = "white"
    seat: frozenset[Side] = frozenset(SIDES)
    """The sides that this window is for: both at one board, one on each of two devices, none to watch."""
    modelled: frozenset[Side] = frozenset()
    """The sides that the model plays."""
    temperature: float = 1.0
    thinks_until: float | None = None
    """When the model will move, None while it does not think."""
    replaced: tuple[LiveGame, Record | None] | None = None
    """The game, and as what it is stored, before a move at an earlier position replaced the rest."""
    record: Record | None = None
    """The game as last stored or read, None before the first move."""
    session: str = field(default_factory=lambda: secrets.token_hex(4))
    game_id: str = field(default_factory=lambda: secrets.token_hex(4))
    done: int = 0
    """Number of the last action done."""
    error: str = ""
    curtains: frozenset[Side] = frozenset()
    """The sides whose predictions were hidden by a press in this window."""
    kept: frozenset[Side] = frozenset()
    """The sides whose players, in another window, keep their predictions from this one."""
    drawn: tuple[object, ...] = ()
    """The `stand` that the board shows."""

    @property
    def hands(self) -> frozenset[Side]:
        """The sides that people may move in this window."""
        return self.seat - self.modelled

    @property
    def stand(self) -> tuple[object, ...]:
        """What the board must have shown: it is drawn again while it is behind."""
        stored = self.record.version if self.record else 0
        return (stored, self.done, self.seating, self.game.line, self.game.result, self.kept, self.error)

    def elapsed(self, now: float) -> float:
        """Returns the seconds since the last move was stored, by the library's clock; 0 if none was."""
        return max(0.0, now - self.record.updated) if self.record else 0.0

    def left(self, side: Side, now: float) -> float | None:
        """Returns the seconds on a side's clock, None where no clock runs."""
        clock = self.seating.clock
        return clock.left(self.game, side, self.elapsed(now)) if clock else None

    def flag(self, now: float) -> bool:
        """Ends the game if the side to move has no time left; returns whether it did."""
        side = running(self.game)
        if side is None or self.left(side, now) != 0:
            return False
        self.game = self.game.flag(side)
        return True

    def handle(self, action: Action, now: float = 0.0) -> None:
        """Does what a player did at the board, once; what is out of date or not legal changes nothing.

        `now` is in seconds since 1970, for the clock.
        """
        if action.seq <= self.done:
            return
        self.done = action.seq
        self.error = ""
        if action.game != self.game_id:
            return
        try:
            self._do(action, now)
        except MoveError as error:
            self.error = str(error)

    def _do(self, action: Action, now: float) -> None:
        match action.kind:
            case "goto":
                self.game = self.game.at(action.cursor)
            case "flip":
                self.orientation = action.orientation
            case "curtain":
                one = frozenset({action.orientation})
                self.curtains = self.curtains | one if action.closed else self.curtains - one
            case "new":
                self.start(LiveGame())
            case _ if not self.hands:
                raise MoveError("you are watching this game: ask a player for the link to his side")
            case _:
                self._change(action, now)

    def _move(self, action: Action, now: float) -> None:
        if action.fen != self.game.fen or self.flag(now):
            return
        side = self.game.to_move
        if side not in self.hands:
            where = "and the model thinks" if side in self.modelled else "on the other device"
            raise MoveError(f"it is {side.capitalize()}'s move, {where}")
        if self.seating.clock and not self.game.at_end:
            raise MoveError("the clock runs: step to the last position to move")
        self._play(action.move, now)

    def play_model(self, move: str, now: float) -> None:
        """Plays a move of the side that the model plays."""
        if not self.flag(now):
            self._play(move, now)

    def _play(self, move: str, now: float) -> None:
        side, clock = self.game.to_move, self.seating.clock
        left = clock.left(self.game, side, self.elapsed(now)) + clock.increment if clock else None
        before = self.game
        self.game = before.play(move, clock=left)
        if before.at_end or not self.game.at_end or self.game.line == before.line:
            return
        self.replaced = before, self.record
        if before.is_over:
            self.record = None
            self.error = "This began another game; the finished one is kept. Take back returns to it."
        else:
            gone = len(before.line) - before.cursor
            self.error = f"This replaced {gone} move{'s' * (gone > 1)}: Take back brings the old line back."

    def _change(self, action: Action, now: float) -> None:
        """Does what changes the game itself."""
        if action.kind == "move":
            self._move(action, now)
        elif action.kind == "back":
            self._take_back()
        elif action.kind == "draw":
            self.game = self.game.draw()
        else:
            self.game = self.game.resign(self.resigns)

    def _take_back(self) -> None:
        """Takes back the last move, and the one before if the model would only play it again.

        Where that was played instead of other moves, those are there again.
        """
        moves = self.game.line
        self.game = self.game.take_back()
        if self.game.line and self.game.line != moves and self.game.to_move in self.modelled:
            self.game = self.game.take_back()
        if self.replaced is None:
            return
        before, record = self.replaced
        if len(self.game.line) <= before.cursor:
            self.replaced = None
            if self.game.line == before.line[: before.cursor]:
                self.game = before
                self.record = record if before.is_over else self.record

    def let_model_play(self, sides: frozenset[Side]) -> None:
        """Lets the model play these sides, and the people at this window theirs of the others.

        Who only watches cannot.
        """
        if self.seat and self.seating.followed is None:
            self.modelled = sides

    @property
    def resigns(self) -> Side:
        """The side that a press on "resign" means: the one played here, or else the one to move."""
        return next(iter(self.hands)) if len(self.hands) == 1 else self.game.end().to_move

    def start(self, game: LiveGame, seating: Seating | None = None) -> None:
        """Puts another game on the board, by other players if given, both sides played here."""
        self.game = game
        self.replaced = None
        self.record = None
        self.seat = frozenset(SIDES)
        self.thinks_until = None
        self.game_id = secrets.token_hex(4)
        self.error = ""
        self.seating = replace(self.seating, followed=None) if seating is None else seating


def menu_key(label: str) -> str:
    """Returns the key of a menu's state, True while it is open."""
    return f"menu_{label.lower()}"


def close_menu(label: str) -> None:
    """Closes a menu; for use in callbacks."""
    st.session_state[menu_key(label)] = False


def has_table() -> bool:
    """Returns whether this window has a table already."""
    return _KEY in st.session_state


def set_table(table: Table) -> None:
    """Gives this window its table."""
    st.session_state[_KEY] = table


def table() -> Table:
    """Returns this window's table; on the first visit an empty one between guests."""
    if not has_table():
        set_table(Table(Seating()))
    current: Table = st.session_state[_KEY]
    return current


# The Review page


def reviewed() -> Study | None:
    """Returns the game that this window has under review, None before the first."""
    found: Study | None = st.session_state.get(_STUDY)
    return found


def set_reviewed(study: Study) -> None:
    """Puts a game under review in this window."""
    st.session_state[_STUDY] = study


# The Players page


@dataclass(slots=True)
class People:
    """What one window looks at on the Players page, and what was decided there. Callbacks change it."""

    player: str | None = None
    """Who is looked at; the menu itself forgets him when another page is opened."""
    path: tuple[int, ...] = ()
    """The moves followed in the repertoire of `walker`."""
    walker: str = ""
    merged: list[tuple[str, str]] = field(default_factory=list)
    """Names made one person here, with the alias that joined; they can be taken apart again."""
    refused: set[tuple[str, str]] = field(default_factory=set)
    """Pairs that were said to be two people."""
    drops: int = 0
    """How often files were dropped: each drop gets an empty place of its own."""
    taken: set[str] = field(default_factory=set)
    """The files dropped so far; a slow browser tells a drop twice."""
    problem: str = ""
    """What was wrong with the account asked for, told once."""
    deleted: int = 0
    """How many players were deleted: the menu and the tabs are new after each, in the browser too."""

    def path_of(self, name: str) -> tuple[int, ...]:
        """Returns the moves followed in somebody's repertoire, none if another's was looked at last."""
        return self.path if self.walker == name else ()

    def walk(self, path: tuple[int, ...], name: str = "") -> None:
        """Goes to a position of somebody's repertoire; without a name back to the start."""
        self.path, self.walker = path, name

    def fresh(self, uploads: Iterable[UploadedFile]) -> list[UploadedFile]:
        """Returns the files that were not taken before, and takes them."""
        new = [upload for upload in uploads if upload.file_id not in self.taken]
        self.taken |= {upload.file_id for upload in new}
        return new

    def told(self) -> str:
        """Returns the problem with an account, and forgets it."""
        problem, self.problem = self.problem, ""
        return problem


def people() -> People:
    """Returns what this window looks at on the Players page."""
    if _PEOPLE not in st.session_state:
        st.session_state[_PEOPLE] = People()
    found: People = st.session_state[_PEOPLE]
    return found


def forget_player() -> None:
    """Looks at nobody any more: he was deleted."""
    people().player = None
    people().walk(())
    people().deleted += 1
