"""Plays as a person in any chess program: the Universal Chess Interface, without a word about scores.

Moves are drawn from what the person is likely to play; what is told are his candidate moves and how often
he chose them. It does not search, so `depth` and `nodes` change nothing, and it gives no score because it
has none. A game set up from a FEN is read from there on: the network knows nothing of the moves before, the
memory knows the positions all the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from threading import Event, Thread
from typing import TYPE_CHECKING, Final, Protocol

import chess
import numpy as np

from chessgru import __version__
from chessgru.errors import ChessgruError
from chessgru.game import Side, TimeClass
from chessgru.sampling import sample, thinking_time
from chessgru.uci.words import (
    Limits,
    Position,
    Settings,
    changed,
    read_limits,
    read_position,
    told_options,
)

if TYPE_CHECKING:
    from chessgru.predictor import Predictions, Suggestion

_WORDS: Final = (
    *("uci", "debug", "isready", "setoption", "register", "ucinewgame", "position", "go"),
    *("stop", "ponderhit", "quit"),
)


@dataclass(frozen=True, kw_only=True)
class Sitting:
    """Who plays whom, and how fast; names "" are anybody, ratings 0 the latest known."""

    side: Side
    """The player's."""
    player: str = ""
    opponent: str = ""
    rating: int = 0
    opponent_rating: int = 0
    speed: TimeClass | None = None
    start: str = ""
    """FEN of a game that was set up."""


class Predicts(Protocol):
    """What `predictor.Predictor` does."""

    def predict(self, tokens: Sequence[int]) -> Predictions:
        """Returns both players' predictions after some moves."""


class People(Protocol):
    """Who can play; see `uci.people`."""

    def names(self) -> Sequence[str]:
        """Returns everybody's name."""

    def find(self, name: str) -> str:
        """Returns the name somebody is known under. Raises UnknownPlayerError."""

    def predictor(self, sitting: Sitting, tell: Callable[[str], None]) -> Predicts:
        """Returns a predictor for a game; tells what could not be used."""


@dataclass
class _Thought:
    """A move being thought about in a thread of its own."""

    limits: Limits
    stopped: Event = field(default_factory=Event)
    released: Event = field(default_factory=Event)
    """No longer on the opponent's time."""
    thread: Thread | None = None

    def stop(self) -> None:
        self.stopped.set()
        self.released.set()
        self.finish()

    def finish(self) -> None:
        if self.thread is not None:
            self.thread.join()


class Conversation:
    """Answers a chess program line by line; whatever goes wrong is told as an `info string`.

    `say` writes one line at once. Thinking happens in a second thread, so that `stop` is heard.
    """

    def __init__(
        self,
        people: People,
        say: Callable[[str], None],
        rng: np.random.Generator,
        *,
        settings: Settings | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._people, self._say, self._rng, self._now = people, say, rng, now
        self._settings = settings or Settings()
        self._position: Position | None = Position(chess.Board())
        self._speed: TimeClass | None = None
        self._clock_seen = False
        self._thought: _Thought | None = None
        self._debug = False

    def run(self, lines: Iterable[str]) -> None:
        """Answers until `quit` or the end of the lines, where it finishes a move it is thinking about."""
        for line in lines:
            if not self.hear(line):
                return
        thought = self._thought
        if thought is not None and not (thought.limits.infinite or thought.limits.ponder):
            thought.finish()
        self._stop()

    def hear(self, line: str) -> bool:
        """Answers one line; returns False after `quit`."""
        words = line.split()
        place = next((place for place, word in enumerate(words) if word in _WORDS), None)
        if place is None:
            if words:
                self._note(f"not understood: {line.strip()[:80]!r}", debug=True)
            return True
        verb, rest = words[place], " ".join(words[place + 1 :])
        if verb == "quit":
            self._stop()
            return False
        try:
            getattr(self, f"_on_{verb}")(rest)
        except ChessgruError as error:
            self._note(str(error))
        except Exception as error:  # a chess program must never see a traceback
            self._note(f"unexpected {type(error).__name__}: {error} (please report it)")
        return True

    def _note(self, text: str, *, debug: bool = False) -> None:
        if self._debug or not debug:
            self._say(f"info string {' '.join(text.split())}")

    # What the program says -------------------------------------------------------------------------------

    def _on_uci(self, _: str) -> None:
        self._say(f"id name chessgru {__version__}")
        self._say("id author the chessgru authors")
        for line in told_options(self._settings, self._people.names()):
            self._say(line)
        self._say("uciok")

    def _on_debug(self, rest: str) -> None:
        self._debug = rest.strip() != "off"

    def _on_register(self, _: str) -> None:
        """Nobody needs to register."""

    def _on_isready(self, _: str) -> None:
        """Loads what is needed, so that the first move does not wait for it."""
        try:
            if self._thought is None:
                self._people.predictor(self._sitting("white"), self._note).predict(())
        finally:
            self._say("readyok")

    def _on_setoption(self, rest: str) -> None:
        settings = changed(self._settings, rest)
        if settings.player and settings.player != self._settings.player:
            settings = replace(settings, player=self._people.find(settings.player))
        self._settings = settings

    def _on_ucinewgame(self, _: str) -> None:
        self._stop()
        self._position, self._speed, self._clock_seen = Position(chess.Board()), None, False

    def _on_position(self, rest: str) -> None:
        self._position = None  # nothing is played in a position that was not understood
        self._position = read_position(rest)

    def _on_go(self, rest: str) -> None:
        self._stop()
        position = self._position
        limits = read_limits(rest, position.side if position else "white")
        if not self._clock_seen and limits.time_class is not None:
            self._speed, self._clock_seen = limits.time_class, True
        self._thought = thought = _Thought(limits)
        sitting = self._sitting(position.side if position else "white", position.start if position else "")
        thought.thread = Thread(
            target=self._think, args=(position, sitting, self._settings, thought), daemon=True
        )
        thought.thread.start()

    def _on_stop(self, _: str) -> None:
        self._stop()

    def _on_ponderhit(self, _: str) -> None:
        if self._thought is not None:
            self._thought.released.set()

    def _stop(self) -> None:
        if self._thought is not None:
            self._thought.stop()
            self._thought = None

    def _sitting(self, side: Side, start: str = "") -> Sitting:
        settings = self._settings
        return Sitting(
            side=side,
            player=settings.player,
            opponent=settings.opponent,
            rating=settings.rating,
            opponent_rating=settings.opponent_rating,
            speed=self._speed if settings.speed == "auto" else settings.speed,
            start=start,
        )

    # Thinking, in the second thread ----------------------------------------------------------------------

    def _think(
        self, position: Position | None, sitting: Sitting, settings: Settings, thought: _Thought
    ) -> None:
        """Says the candidate moves, waits as long as it should, and says the move."""
        began, pause, answer = self._now(), 0.0, "(none)"
        if position is None:
            self._note("no position to play in: the last one was refused")
        else:
            try:
                answer, pause = self._choose(position, sitting, settings, thought, began)
            except Exception as error:  # whatever it was, the game goes on
                answer = self._anything(position.board, thought.limits, error)
        self._wait(thought, pause, began)
        self._say(f"bestmove {answer}")

    def _choose(
        self, position: Position, sitting: Sitting, settings: Settings, thought: _Thought, began: float
    ) -> tuple[str, float]:
        """Returns what to say after "bestmove", and how many seconds the move takes."""
        predictor = self._people.predictor(sitting, self._note)
        found = predictor.predict(position.tokens)
        side = position.side
        only = thought.limits.only
        candidates = [move for move in found.of(side).suggestions if not only or move.uci in only]
        if not candidates:
            return self._anything(position.board, thought.limits, None), 0.0
        waiting: Side = "black" if side == "white" else "white"
        answers = {
            reply.if_uci: reply.suggestions[0].uci
            for reply in found.of(waiting).replies
            if reply.suggestions
        }
        self._tell(candidates[: settings.multipv], answers, sitting.player, began)
        move = sample(candidates, self._rng, settings.temperature / 100)
        pause = thinking_time(candidates, thought.limits.clock, self._rng) if settings.pacing else 0.0
        expected = f" ponder {answers[move.uci]}" if move.uci in answers else ""
        return move.uci + expected, pause

    def _tell(self, moves: Sequence[Suggestion], answers: dict[str, str], name: str, began: float) -> None:
        """Says the candidate moves, the likeliest first, each with the likely answer."""
        spent = round(1000 * (self._now() - began))
        for number, move in enumerate(moves, 1):
            line = " ".join([move.uci, *([answers[move.uci]] if move.uci in answers else ())])
            self._say(f"info depth 1 multipv {number} time {spent} pv {line}")
        told = ", ".join(map(_words, moves))
        self._note(f"{name or 'anybody'}: {told}")

    def _anything(self, board: chess.Board, limits: Limits, error: Exception | None) -> str:
        """Returns any legal move where there is no prediction, "(none)" where there is no move."""
        if error is not None:
            self._note(str(error) if isinstance(error, ChessgruError) else f"unexpected {error!r}")
        legal = sorted(move.uci() for move in board.legal_moves)
        wanted = [move for move in legal if not limits.only or move in limits.only] or legal
        if not wanted:
            self._note("the game is over")
            return "(none)"
        self._note("no prediction here: any legal move")
        return wanted[int(self._rng.integers(len(wanted)))]

    def _wait(self, thought: _Thought, pause: float, began: float) -> None:
        if thought.limits.infinite:
            thought.stopped.wait()
        elif thought.limits.ponder:
            thought.released.wait()
            began = self._now()
        thought.stopped.wait(max(0.0, pause - (self._now() - began)))


def _words(move: Suggestion) -> str:
    evidence = f" ({move.seen} of {move.of})" if move.of else ""
    return f"{move.san} {100 * move.probability:.1f} %{evidence}"
