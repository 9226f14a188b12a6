"""A game being played: an immutable line of plies, and a cursor that says which position is looked at.

Every change returns a new `LiveGame`, so an earlier one can be kept, compared or stored without copying.
Nothing here knows about players' predictions, the screen or the library.
"""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import chess

from chessgru.errors import MoveError
from chessgru.game import Game, Result, Side
from chessgru.vocabulary import MOVES, UCI, token_of

_CASTLING: Final = re.compile(r"^[o0]-[o0](-[o0])?", re.IGNORECASE)
_LOST: Final[dict[Side, Result]] = {"white": "0-1", "black": "1-0"}
_AUTOMATIC: Final[dict[chess.Termination, str]] = {
    chess.Termination.CHECKMATE: "checkmate",
    chess.Termination.STALEMATE: "stalemate",
    chess.Termination.INSUFFICIENT_MATERIAL: "neither side can mate",
    chess.Termination.SEVENTYFIVE_MOVES: "75 moves without capture or pawn move",
    chess.Termination.FIVEFOLD_REPETITION: "the position came up five times",
}


@dataclass(frozen=True, slots=True)
class Ply:
    """One half-move of a line: its token, its SAN, and the position after it."""

    token: int
    san: str
    fen: str
    clock: float | None = None
    """Seconds left to the mover after the move, None where no clock ran."""

    @property
    def uci(self) -> str:
        """The move in UCI notation."""
        return UCI[self.token]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveGame:
    """A game being played or looked at.

    >>> game = LiveGame().play("e4").play("c7c5")
    >>> game.sans, game.to_move, game.back().fen.split()[1]
    (('e4', 'c5'), 'white', 'b')
    """

    line: tuple[Ply, ...] = ()
    cursor: int = 0
    """Plies of the line that are on the board, 0 = the start position."""
    result: Result = "*"
    ending: str = ""
    """Why it ended, such as "checkmate" or "White resigned"; "" where nobody said."""

    def __post_init__(self) -> None:
        if not 0 <= self.cursor <= len(self.line):
            raise MoveError(f"ply {self.cursor} is outside of the game: it has {len(self.line)} plies")

    # What is on the board

    @property
    def fen(self) -> str:
        """The position at the cursor."""
        return self.line[self.cursor - 1].fen if self.cursor else chess.STARTING_FEN

    @property
    def tokens(self) -> tuple[int, ...]:
        """The tokens of the plies up to the cursor: what a predictor reads."""
        return tuple(ply.token for ply in self.line[: self.cursor])

    @property
    def sans(self) -> tuple[str, ...]:
        """The SAN of each ply of the whole line."""
        return tuple(ply.san for ply in self.line)

    @property
    def to_move(self) -> Side:
        """The side to move at the cursor."""
        return "black" if self.cursor % 2 else "white"

    @property
    def at_end(self) -> bool:
        """Whether the last position of the line is on the board."""
        return self.cursor == len(self.line)

    @property
    def is_over(self) -> bool:
        """Whether the game has a result."""
        return self.result != "*"

    def board(self) -> chess.Board:
        """Returns the position at the cursor with its moves, so that repetitions are known."""
        board = chess.Board()
        for ply in self.line[: self.cursor]:
            board.push(MOVES[ply.token])
        return board

    def moves(self) -> dict[str, str]:
        """Returns the legal moves at the cursor, SAN by UCI; none at the end of a finished game."""
        if self.is_over and self.at_end:
            return {}
        board = chess.Board(self.fen)
        return {move.uci(): board.san(move) for move in board.legal_moves}

    def repetitions(self) -> int:
        """Returns how many times the position at the cursor has come up, this time counted."""
        fens = [chess.STARTING_FEN, *(ply.fen for ply in self.line[: self.cursor])]
        seen = Counter(" ".join(fen.split()[:4]) for fen in fens)
        return seen[" ".join(self.fen.split()[:4])]

    # Playing

    def play(self, text: str, *, clock: float | None = None) -> LiveGame:
        """Returns the game after a move given as SAN or UCI, at the cursor.

        Played before the end of the line, the move replaces what followed; the move that followed is only
        stepped over. Raises MoveError if the text is no legal move here, or the game is over.
        """
        if self.is_over and self.at_end:
            raise MoveError(f"the game is over ({self.result}): take a move back or start a new game")
        board = self.board()
        move = _parsed(board, text)
        if not self.at_end and self.line[self.cursor].token == token_of(move):
            return self.forward()
        san = board.san(move)
        board.push(move)
        ply = Ply(token_of(move), san, board.fen(), clock)
        result, ending = _outcome(board)
        line = (*self.line[: self.cursor], ply)
        return LiveGame(line=line, cursor=len(line), result=result, ending=ending)

    def take_back(self, plies: int = 1) -> LiveGame:
        """Returns the game without its last plies, as if never played, whichever position is looked at.

        Of a game that was resigned, drawn or lost on time, that alone is taken back.
        """
        if self.is_over and self.ending not in _AUTOMATIC.values():
            return replace(self, cursor=len(self.line), result="*", ending="")
        keep = max(0, len(self.line) - plies)
        return LiveGame(line=self.line[:keep], cursor=keep)

    def resign(self, side: Side) -> LiveGame:
        """Returns the game lost by `side`; the last position is shown."""
        return self._ended(_LOST[side], f"{side.capitalize()} resigned")

    def draw(self) -> LiveGame:
        """Returns the game drawn by agreement; the last position is shown."""
        return self._ended("1/2-1/2", "draw agreed")

    def flag(self, side: Side) -> LiveGame:
        """Returns the game lost by `side` on time, or drawn where the other side cannot mate."""
        board = self.end().board()
        if board.has_insufficient_material(chess.BLACK if side == "white" else chess.WHITE):
            return self._ended("1/2-1/2", f"{side.capitalize()} out of time, the other side cannot mate")
        return self._ended(_LOST[side], f"{side.capitalize()} ran out of time")

    def _ended(self, result: Result, ending: str) -> LiveGame:
        if self.is_over:
            raise MoveError(
                f"the game is over already: {self.result} ({self.ending or 'result of the file'})"
            )
        return replace(self, cursor=len(self.line), result=result, ending=ending)

    # Looking

    def at(self, cursor: int) -> LiveGame:
        """Returns the same game looked at after `cursor` plies, at most its ends."""
        return replace(self, cursor=min(max(cursor, 0), len(self.line)))

    def back(self) -> LiveGame:
        """Returns the same game looked at one ply earlier."""
        return self.at(self.cursor - 1)

    def forward(self) -> LiveGame:
        """Returns the same game looked at one ply later."""
        return self.at(self.cursor + 1)

    def start(self) -> LiveGame:
        """Returns the same game looked at from the start position."""
        return self.at(0)

    def end(self) -> LiveGame:
        """Returns the same game looked at from its last position."""
        return self.at(len(self.line))

    # In and out

    @classmethod
    def from_moves(cls, moves: Iterable[str]) -> LiveGame:
        """Returns the game of moves given as SAN or UCI; raises MoveError that names the ply.

        >>> LiveGame.from_moves("e4 e5 Ke3".split())
        Traceback (most recent call last):
        chessgru.errors.MoveError: ply 3: 'Ke3' is not a legal move for White; try Ba6, Bb5, Bc4
        """
        game = cls()
        for number, text in enumerate(moves, start=1):
            try:
                game = game.play(text)
            except MoveError as error:
                raise MoveError(f"ply {number}: {error}") from None
        return game

    @classmethod
    def from_tokens(
        cls,
        tokens: Sequence[int],
        clocks: Sequence[float | None] = (),
        result: Result = "*",
        ending: str = "",
    ) -> LiveGame:
        """Returns a stored game looked at from its last position; `clocks` as in `Game`.

        A result that the last position decides wins over the one given, with its ending. The tokens must
        be legal.
        """
        board = chess.Board()
        line = []
        for token, clock in zip(tokens, clocks or (None,) * len(tokens), strict=True):
            san = board.san(MOVES[token])
            board.push(MOVES[token])
            line.append(Ply(token, san, board.fen(), clock))
        decided, why = _outcome(board)
        if decided != "*":
            result, ending = decided, why
        return cls(line=tuple(line), cursor=len(line), result=result, ending=ending)

    @classmethod
    def from_game(cls, game: Game) -> LiveGame:
        """Returns a game out of a file as a live one, looked at from its last position."""
        return cls.from_tokens(game.tokens, game.clocks, game.result)

    def to_pgn(self, headers: Mapping[str, str] | None = None) -> str:
        """Returns the whole line as PGN, clocks as `[%clk]`; `headers` overwrite or add tags.

        >>> print(LiveGame.from_moves(["e4", "c5"]).to_pgn({"White": "Dad"}).splitlines()[-1])
        1. e4 c5 *
        """
        roster = {"Event": "Casual game", "Site": "?", "Date": "????.??.??", "Round": "?"}
        roster |= {"White": "?", "Black": "?", "Result": self.result}
        if self.ending:
            roster["Termination"] = self.ending
        tags = [_tag(name, value) for name, value in (roster | dict(headers or {})).items()]
        words = [word for index, ply in enumerate(self.line) for word in _words(index, ply)]
        lines = textwrap.wrap(" ".join([*words, self.result]), 80, break_on_hyphens=False)
        return "\n".join([*tags, "", *lines, ""])


def _tag(name: str, value: str) -> str:
    """Returns a PGN tag on one line, whatever the value holds."""
    clean = " ".join("".join(c if c.isprintable() else " " for c in value).split())
    escaped = clean.replace("\\", "\\\\").replace('"', '\\"')
    return f'[{name} "{escaped}"]'


def _words(index: int, ply: Ply) -> list[str]:
    """Returns the PGN words of one ply: its number where one is due, the move, the clock."""
    words = [f"{index // 2 + 1}."] if index % 2 == 0 else []
    words.append(ply.san)
    if ply.clock is not None:
        minutes, seconds = divmod(ply.clock, 60)
        hours, minutes = divmod(int(minutes), 60)
        words.append(f"{{[%clk {hours}:{minutes:02}:{seconds:04.1f}]}}")
    return words


def _parsed(board: chess.Board, text: str) -> chess.Move:
    """Returns the legal move that a text means, SAN or UCI, with zeros, check marks and case forgiven."""
    cleaned = text.strip().rstrip("!?+#").replace("–", "-")
    if _CASTLING.match(cleaned):
        cleaned = cleaned.upper().replace("0", "O")
    spellings = (cleaned, cleaned[:1].upper() + cleaned[1:])
    for spelling in spellings if cleaned else ():
        try:
            move = board.parse_san(spelling)
        except ValueError:
            continue
        if move:
            return move
    try:
        move = board.parse_uci(cleaned.lower())
    except ValueError:
        move = chess.Move.null()
    if not move:
        raise MoveError(_illegal(board, text))
    return move


def _illegal(board: chess.Board, text: str) -> str:
    side = "White" if board.turn else "Black"
    shown = text if len(text) <= 20 else f"{text[:20]}…"
    examples = ", ".join(sorted(board.san(move) for move in board.legal_moves)[:3])
    if not examples:
        return f"{shown!r} is not a legal move: the game is over"
    return f"{shown!r} is not a legal move for {side}; try {examples}"


def _outcome(board: chess.Board) -> tuple[Result, str]:
    """Returns the result and why, ("*", "") while it runs; draws that must be claimed do not count."""
    outcome = board.outcome(claim_draw=False)
    if outcome is None:
        return "*", ""
    result: Result = "1/2-1/2"
    if outcome.winner is not None:
        result = "1-0" if outcome.winner else "0-1"
    return result, _AUTOMATIC[outcome.termination]
