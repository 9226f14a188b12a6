"""One player's repertoire as counts: what came after a line of moves, how often, with what score."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import chess

from chessgru.game import Game, Side
from chessgru.vocabulary import MOVES, UCI

DEPTH: Final = 40
"""Plies of each game that the tree keeps."""


@dataclass(frozen=True, slots=True)
class Line:
    """The first moves of one game, and what the player made of it: 1, 0.5, 0, or None without a result."""

    tokens: tuple[int, ...]
    side: Side
    score: float | None


@dataclass(frozen=True, slots=True)
class Branch:
    """One move after a line, and the games that went on with it."""

    token: int
    uci: str
    san: str
    games: int
    share: float
    """Of the games that came here."""
    won: int
    drawn: int
    lost: int

    @property
    def score(self) -> float | None:
        """The player's points per game that has a result."""
        decided = self.won + self.drawn + self.lost
        return (self.won + self.drawn / 2) / decided if decided else None


def _score(game: Game, side: Side) -> float | None:
    if game.result == "*":
        return None
    if game.result == "1/2-1/2":
        return 0.5
    return float((game.result == "1-0") == (side == "white"))


def lines_of(games: Collection[Game], keys: Collection[str]) -> list[Line]:
    """Returns a player's games as lines; those he did not play, or played against himself, are left out."""
    sides = ((game, game.side_of(keys)) for game in games)
    return [Line(game.tokens[:DEPTH], side, _score(game, side)) for game, side in sides if side is not None]


def branches(lines: Sequence[Line], side: Side, path: tuple[int, ...]) -> list[Branch]:
    """Returns the moves that came after a path when the player had that color, commonest first."""
    here = len(path)
    came = [line for line in lines if line.side == side and line.tokens[:here] == path]
    going = [line for line in came if len(line.tokens) > here]
    by_move: dict[int, list[Line]] = {}
    for line in going:
        by_move.setdefault(line.tokens[here], []).append(line)
    board = board_after(path)
    found = [_branch(board, token, some, len(going)) for token, some in by_move.items()]
    return sorted(found, key=lambda branch: (-branch.games, branch.san))


def _branch(board: chess.Board, token: int, lines: Sequence[Line], total: int) -> Branch:
    scores = [line.score for line in lines]
    return Branch(
        token,
        UCI[token],
        board.san(MOVES[token]),
        len(lines),
        len(lines) / total,
        scores.count(1.0),
        scores.count(0.5),
        scores.count(0.0),
    )


def board_after(path: Sequence[int]) -> chess.Board:
    """Returns the position after a path of legal tokens."""
    board = chess.Board()
    for token in path:
        board.push(MOVES[token])
    return board


def written(path: Sequence[int]) -> list[str]:
    """Returns a path as moves with numbers, one text a ply.

    >>> written([UCI.index("e2e4"), UCI.index("c7c5")])
    ['1. e4', '1… c5']
    """
    board, texts = chess.Board(), []
    for token in path:
        dot = "." if board.turn else "…"
        texts.append(f"{board.fullmove_number}{dot} {board.san(MOVES[token])}")
        board.push(MOVES[token])
    return texts
