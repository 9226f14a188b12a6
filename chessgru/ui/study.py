"""A game under review: how likely each move was, and guessing them against the model. No Streamlit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import pandas as pd

from chessgru.board import Action
from chessgru.errors import MoveError
from chessgru.game import Game, Side
from chessgru.session import LiveGame
from chessgru.ui.contract import Predictions, Predictor
from chessgru.ui.state import SIDES, Seating, Table

Guesser = Literal["white", "black", "both"]
_LEAST: Final = 1e-12


@dataclass(frozen=True, slots=True)
class MoveScore:
    """What was expected before one ply, and what came."""

    ply: int
    """0-based."""
    san: str
    uci: str
    probability: float
    rank: int
    """1 where the move was the likeliest."""
    legal: int
    """How many moves there were."""
    expected: str
    """SAN of the likeliest move."""
    expected_uci: str
    expected_probability: float
    shares: dict[str, float]
    """Probability by UCI."""

    @property
    def bits(self) -> float:
        """The surprise: 1 bit is a move of probability 1/2, 5 bits of 1/32."""
        return -math.log2(max(self.probability, _LEAST))

    @property
    def side(self) -> Side:
        """Who moved."""
        return SIDES[self.ply % 2]

    @property
    def written(self) -> str:
        """The move with its number, such as "12… Qxd4"."""
        return numbered(self.ply, self.san)


def numbered(ply: int, san: str) -> str:
    """Returns a move with its number.

    >>> numbered(0, "e4"), numbered(1, "c5")
    ('1. e4', '1… c5')
    """
    return f"{ply // 2 + 1}{'.' if ply % 2 == 0 else '…'} {san}"


@dataclass(frozen=True, slots=True)
class Guess:
    """What somebody guessed at one ply, beside what was played and what the model expected."""

    ply: int
    san: str
    played: str
    expected: str
    right: bool
    model_right: bool
    probability: float
    """What the model gave to the guess."""
    likeliest: tuple[tuple[str, float], ...] = ()
    """The three moves that the model expected most, as SAN with probability."""


@dataclass(slots=True)
class Study:
    """One window's game under review. Callbacks change it."""

    table: Table
    source: Game
    predictor: Predictor | str
    """A string says why there is none."""
    scores: list[MoveScore] = field(default_factory=list)
    guesser: Guesser | None = None
    """Whose moves are being guessed, None while nothing is."""
    frontier: int = 0
    """The ply to guess next; what comes after it is not shown."""
    guesses: list[Guess] = field(default_factory=list)

    @property
    def game(self) -> LiveGame:
        """The game, looked at from the cursor."""
        return self.table.game

    # The forecast of every move

    def score_on(self) -> Iterator[int]:
        """Scores the plies that are not scored yet, and yields how many are after each."""
        while len(self.scores) < len(self.game.line):
            score = self._score(len(self.scores))
            if score is None:
                return
            self.scores.append(score)
            yield score.ply + 1

    def _score(self, ply: int) -> MoveScore | None:
        """Returns the score of a ply, whether or not its turn has come; None without a predictor."""
        if ply < len(self.scores):
            return self.scores[ply]
        if isinstance(self.predictor, str):
            return None
        found = self.predictor.predict(self.game.at(ply).tokens)
        return score_of(found, ply, self.game.line[ply].uci, self.game.line[ply].san)

    def forecast(self) -> Predictions | str:
        """Returns both players' predictions at the cursor, or why there are none."""
        if isinstance(self.predictor, str):
            return self.predictor
        return self.predictor.predict(self.game.tokens)

    def of(self, side: Side) -> list[MoveScore]:
        """Returns one player's moves."""
        return [score for score in self.scores if score.side == side]

    def worst(self, count: int = 8) -> list[MoveScore]:
        """Returns the moves that the model missed most: those that were not its first choice."""
        missed = (score for score in self.scores if score.rank > 1)
        return sorted(missed, key=lambda score: -score.bits)[:count]

    # What is done at the board

    def handle(self, action: Action) -> None:
        """Does what was done at the board: looks elsewhere, or guesses."""
        if action.kind in ("goto", "flip", "curtain"):
            self.table.handle(action)
        elif action.seq > self.table.done:
            self.table.done = action.seq
            if action.kind == "move" and action.game == self.table.game_id:
                self.guess(action.move, action.fen)

    def guess(self, text: str, fen: str | None = None) -> None:
        """Takes a guess of the next move, as SAN or UCI; a text that is no legal move is told."""
        self.table.error = ""
        if self.guesser is None:
            self.table.error = "This game is over: start “Guess the moves” to try your own."
            return
        position = self.game.at(self.frontier)
        if self.finished or (fen is not None and fen != position.fen):
            return
        try:
            ply = LiveGame(line=position.line[: self.frontier], cursor=self.frontier).play(text).line[-1]
        except MoveError as error:
            self.table.error = str(error)
            return
        self._note(ply.uci, ply.san)

    def skip(self) -> None:
        """Shows the move without a guess; it counts as a wrong one."""
        if self.guesser is not None and not self.finished:
            self._note("", "")

    def _note(self, uci: str, san: str) -> None:
        played = self.game.line[self.frontier]
        score = self._score(self.frontier)
        expected = score.expected_uci if score else ""
        guess = Guess(
            ply=self.frontier,
            san=san,
            played=played.san,
            expected=score.expected if score else "",
            right=uci == played.uci,
            model_right=expected == played.uci,
            probability=score.shares.get(uci, 0.0) if score else 0.0,
            likeliest=self._likeliest(score) if score else (),
        )
        self.guesses.append(guess)
        self._advance(self.frontier + 1)

    def _likeliest(self, score: MoveScore, count: int = 3) -> tuple[tuple[str, float], ...]:
        """Returns the moves that were expected most before a ply, as SAN with probability."""
        names = self.game.at(score.ply).moves()
        best = sorted(score.shares.items(), key=lambda share: -share[1])[:count]
        return tuple((names[uci], probability) for uci, probability in best)

    def _advance(self, ply: int) -> None:
        while ply < len(self.game.line) and self.guesser not in ("both", SIDES[ply % 2]):
            ply += 1
        self.frontier = ply
        self.table.game = self.game.at(ply)

    def start_guessing(self, guesser: Guesser, first: int = 0) -> None:
        """Begins guessing from a ply on."""
        self.guesser, self.guesses = guesser, []
        self.table.orientation = "black" if guesser == "black" else "white"
        self._advance(min(first, len(self.game.line)))

    def stop_guessing(self) -> None:
        """Shows the whole game again."""
        self.guesser = None
        self.table.error = ""

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to guess."""
        return self.frontier >= len(self.game.line)

    def shown(self) -> Table:
        """Returns the table as the board may show it: while guessing, without what comes."""
        table = self.table
        if self.guesser is None:
            return table
        cursor = min(self.game.cursor, self.frontier)
        known = self.game if self.finished else LiveGame(line=self.game.line[: self.frontier])
        mover = SIDES[self.frontier % 2]
        return Table(
            table.seating,
            known.at(cursor),
            table.orientation,
            frozenset({mover}) if cursor == self.frontier and not self.finished else frozenset(),
            session=table.session,
            game_id=table.game_id,
            done=table.done,
            error=table.error,
        )


def new_study(source: Game, seating: Seating, predictor: Predictor | str) -> Study:
    """Returns a game to look at, from its first position."""
    game = LiveGame.from_game(source).start()
    return Study(Table(seating, game, seat=frozenset()), source, predictor)


def score_of(predictions: Predictions, ply: int, uci: str, san: str) -> MoveScore:
    """Returns how a move stood among what was expected."""
    side = SIDES[ply % 2]
    moves = (predictions.white if side == "white" else predictions.black).suggestions
    ranks = {move.uci: rank for rank, move in enumerate(moves, start=1)}
    shares = {move.uci: move.probability for move in moves}
    best = moves[0]
    return MoveScore(
        ply=ply,
        san=san,
        uci=uci,
        probability=shares.get(uci, 0.0),
        rank=ranks.get(uci, len(moves)),
        legal=len(moves),
        expected=best.san,
        expected_uci=best.uci,
        expected_probability=best.probability,
        shares=shares,
    )


def table_of(scores: Sequence[MoveScore], seating: Seating) -> pd.DataFrame:
    """Returns one row a ply, as shown and downloaded."""
    return pd.DataFrame(
        [
            {
                "move": score.written,
                "player": seating.shown(score.side),
                "probability": round(score.probability, 4),
                "rank": score.rank,
                "legal moves": score.legal,
                "surprise (bits)": round(score.bits, 2),
                "expected": score.expected,
                "its probability": round(score.expected_probability, 4),
            }
            for score in scores
        ]
    )


def guesses_table(guesses: Sequence[Guess]) -> pd.DataFrame:
    """Returns one row a guess, as shown and downloaded; a guess passed over is empty."""
    return pd.DataFrame(
        [
            {
                "move": numbered(guess.ply, guess.played),
                "you said": guess.san,
                "the model gave it": round(guess.probability, 4),
                "right": "yes" if guess.right else "no",
                "the model expected": guess.expected,
                "the model right": "yes" if guess.model_right else "no",
            }
            for guess in guesses
        ]
    )


def comments(scores: Sequence[MoveScore]) -> dict[int, str]:
    """Returns what the PGN says after each ply.

    >>> comments([MoveScore(0, "e4", "e2e4", 0.5, 1, 20, "e4", "e2e4", 0.5, {})])
    {0: '50.0 %, rank 1 of 20, 1.0 bits'}
    """
    texts = {}
    for score in scores:
        expected = (
            "" if score.rank == 1 else f"; expected {score.expected} {score.expected_probability:.1%}"
        )
        text = (
            f"{score.probability:.1%}, rank {score.rank} of {score.legal}, {score.bits:.1f} bits{expected}"
        )
        texts[score.ply] = text.replace("%", " %")
    return texts
