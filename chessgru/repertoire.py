"""What a player plays in the opening: a tree of moves with counts and results, one for each color.

The tree follows the order of moves. Games that came to the same position by another order are not put on a
branch they did not take; each branch says how many there were (`here`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import chess
import numpy as np
import torch

from chessgru import vocabulary
from chessgru.game import Game, Result, Side
from chessgru.openings import opening_of
from chessgru.replay import position_keys, replay

_GAMES_AT_ONCE: Final = 512
_LOSS: Final[Mapping[Side, Result]] = {"white": "0-1", "black": "1-0"}
_WIN: Final[Mapping[Side, Result]] = {"white": "1-0", "black": "0-1"}


@dataclass(frozen=True, slots=True)
class Tally:
    """Games and their results for the player; games without a result count in none of the three."""

    games: int = 0
    wins: int = 0
    draws: int = 0
    losses: int = 0

    @property
    def score(self) -> float | None:
        """Points a game, 0 to 1; None if no game has a result."""
        decided = self.wins + self.draws + self.losses
        return (self.wins + self.draws / 2) / decided if decided else None


@dataclass(frozen=True, slots=True)
class Branch:
    """One move of the tree, and what followed."""

    uci: str
    san: str
    own: bool
    """Whether it is the player's move."""
    tally: Tally
    """Games that took just this way."""
    here: int
    """Games that had the position after this move, in whatever order of moves; never fewer."""
    opening: str
    """The name of the opening if this move gives it one, else ""."""
    branches: tuple[Branch, ...]
    """The most frequent first; rare ones are left out."""


@dataclass(frozen=True, slots=True)
class Repertoire:
    """The tree of one color; `branches` are the first moves."""

    side: Side
    tally: Tally
    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """One of a player's answers."""

    uci: str
    san: str
    tally: Tally


@dataclass(frozen=True, slots=True)
class Reaction:
    """How a player answers one of his opponents' tries."""

    line: str
    """Such as "1. e4 c5"; the last move is the opponent's."""
    tally: Tally
    answers: tuple[Answer, ...]
    """The most frequent first."""


def tally_of(games: Sequence[Game], side: Side) -> Tally:
    """Returns how games ended for the player who had that color."""
    results = Counter(game.result for game in games)
    return Tally(len(games), results[_WIN[side]], results["1/2-1/2"], results[_LOSS[side]])


def repertoire(
    games: Sequence[Game], names: Collection[str], side: Side, *, plies: int = 12, fewest: int = 2
) -> Repertoire:
    """Returns the tree of the player with these `name_key`s over his games of one color.

    It is `plies` deep and leaves out moves made in fewer than `fewest` games.
    """
    played = [game for game in games if game.side_of(names) == side]
    grower = _Grower(side, plies, fewest, _visits(played, plies))
    return Repertoire(side, tally_of(played, side), grower.grow(played, chess.Board(), ()))


def _visits(games: Sequence[Game], plies: int) -> tuple[dict[tuple[int, ...], int], Counter[int]]:
    """Returns the position key after every line of the games, and in how many games each key occurs."""
    keys: dict[tuple[int, ...], int] = {}
    counts: Counter[int] = Counter()
    for start in range(0, len(games), _GAMES_AT_ONCE):
        lines = [game.tokens[:plies] for game in games[start : start + _GAMES_AT_ONCE]]
        tokens = np.zeros((len(lines), max(map(len, lines))), np.int64)
        for row, line in enumerate(lines):
            tokens[row, : len(line)] = line
        boards = replay(torch.from_numpy(tokens))
        found = position_keys(boards.flatten()).view(len(lines), -1).tolist()
        for line, row in zip(lines, found, strict=True):
            own = row[: len(line) + 1]
            counts.update(set(own))
            keys.update({line[:ply]: key for ply, key in enumerate(own)})
    return keys, counts


@dataclass(frozen=True)
class _Grower:
    side: Side
    plies: int
    fewest: int
    visits: tuple[dict[tuple[int, ...], int], Counter[int]]

    def grow(self, games: Sequence[Game], board: chess.Board, line: tuple[int, ...]) -> tuple[Branch, ...]:
        """Returns the branches after a line that all the games took."""
        ways: defaultdict[int, list[Game]] = defaultdict(list)
        if len(line) < self.plies:
            for game in games:
                if len(game.tokens) > len(line):
                    ways[game.tokens[len(line)]].append(game)
        frequent = sorted(ways.items(), key=lambda way: (-len(way[1]), way[0]))
        return tuple(
            self._branch(taken, board, line, token)
            for token, taken in frequent
            if len(taken) >= self.fewest
        )

    def _branch(
        self, games: Sequence[Game], board: chess.Board, line: tuple[int, ...], token: int
    ) -> Branch:
        move = vocabulary.MOVES[token]
        san, own = board.san(move), board.turn == (self.side == "white")
        board.push(move)
        after = (*line, token)
        keys, counts = self.visits
        opening = opening_of([board.fen()])
        branches = self.grow(games, board, after)
        board.pop()
        return Branch(
            uci=move.uci(),
            san=san,
            own=own,
            tally=tally_of(games, self.side),
            here=counts[keys[after]],
            opening=opening.name if opening else "",
            branches=branches,
        )


def reactions(found: Repertoire, *, most: int = 10, deepest: int = 5) -> tuple[Reaction, ...]:
    """Returns how the player answers his opponents' main tries, the most frequent first.

    A try is an opponent's move within the first `deepest` plies of the tree.
    """
    tries = [
        Reaction(_numbered(line), line[-1].tally, tuple(map(_answer, line[-1].branches)))
        for line in _lines(found.branches, ())
        if not line[-1].own and line[-1].branches and len(line) <= deepest
    ]
    return tuple(sorted(tries, key=lambda reaction: -reaction.tally.games)[:most])


def _answer(branch: Branch) -> Answer:
    return Answer(branch.uci, branch.san, branch.tally)


def _lines(branches: Sequence[Branch], before: tuple[Branch, ...]) -> Iterator[tuple[Branch, ...]]:
    for branch in branches:
        line = (*before, branch)
        yield line
        yield from _lines(branch.branches, line)


def _numbered(line: Sequence[Branch]) -> str:
    return numbered([branch.san for branch in line])


def numbered(sans: Sequence[str]) -> str:
    """Returns moves from the start with their numbers.

    >>> numbered(["e4", "c5", "Nf3"])
    '1. e4 c5 2. Nf3'
    """
    return " ".join(f"{ply // 2 + 1}. {san}" if ply % 2 == 0 else san for ply, san in enumerate(sans))
