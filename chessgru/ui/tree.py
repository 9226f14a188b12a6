"""One player's repertoire as counts: what came in a position, how often, with what score.

A position is looked at by the moves that led to it, or by any order of moves: the two differ where games
transpose, and each branch says in how many games the position after it came up at all (`here`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import chess

from chessgru.game import Game, Side
from chessgru.vocabulary import MOVES, UCI

DEPTH: Final = 40
"""Plies of each game that the tree keeps."""
_GAMES_AT_ONCE: Final = 512


@dataclass(frozen=True, slots=True)
class Line:
    """The first moves of one game, and what the player made of it: 1, 0.5, 0, or None without a result."""

    tokens: tuple[int, ...]
    side: Side
    score: float | None
    keys: tuple[int, ...]
    """The positions before every ply and after the last, equal where the positions are."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A player's games, and in how many of each color a position came up."""

    lines: tuple[Line, ...]
    visits: Mapping[Side, Counter[int]]


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
    here: int
    """Games that had the position after this move, in whatever order of moves."""

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


def tree_of(games: Collection[Game], keys: Collection[str]) -> Tree:
    """Returns the games of the player with these `name_key`s.

    Games that he did not play, or played against himself, are left out.
    """
    sides = [(game, side) for game in games if (side := game.side_of(keys)) is not None]
    starts = [game.tokens[:DEPTH] for game, _ in sides]
    lines = tuple(
        Line(tokens, side, _score(game, side), positions)
        for (game, side), tokens, positions in zip(sides, starts, _positions(starts), strict=True)
    )
    visits: dict[Side, Counter[int]] = {"white": Counter(), "black": Counter()}
    for line in lines:
        visits[line.side].update(set(line.keys))
    return Tree(lines, visits)


def _positions(lines: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Returns a number for each position of each line, the start and the end included."""
    import numpy as np
    import torch

    from chessgru.replay import position_keys, replay

    found: list[tuple[int, ...]] = []
    for start in range(0, len(lines), _GAMES_AT_ONCE):
        some = lines[start : start + _GAMES_AT_ONCE]
        tokens = np.zeros((len(some), max(map(len, some))), np.int64)
        for row, line in enumerate(some):
            tokens[row, : len(line)] = line
        boards = replay(torch.from_numpy(tokens))
        rows = position_keys(boards.flatten()).view(len(some), -1).tolist()
        found += [tuple(row[: len(line) + 1]) for line, row in zip(some, rows, strict=True)]
    return found


def branches(tree: Tree, side: Side, path: tuple[int, ...], *, any_order: bool = False) -> list[Branch]:
    """Returns the moves that came after a path when the player had that color, commonest first.

    In `any_order` the games count that came to its position by other moves too.
    """
    by_move: dict[int, list[Line]] = {}
    for line, ply in _came(tree, side, path, any_order):
        if len(line.tokens) > ply:
            by_move.setdefault(line.tokens[ply], []).append(line)
    board = board_after(path)
    going = sum(map(len, by_move.values()))
    after = _positions([(*path, token) for token in by_move])
    found = [
        _branch(board, token, some, going, tree.visits[side][keys[-1]])
        for (token, some), keys in zip(by_move.items(), after, strict=True)
    ]
    return sorted(found, key=lambda branch: (-branch.games, branch.san))


def _came(tree: Tree, side: Side, path: tuple[int, ...], any_order: bool) -> list[tuple[Line, int]]:
    """Returns the lines that came to a position, each with the ply at which it first did."""
    mine = [line for line in tree.lines if line.side == side]
    if not any_order:
        return [(line, len(path)) for line in mine if line.tokens[: len(path)] == path]
    key = _positions([path])[0][-1]
    return [(line, line.keys.index(key)) for line in mine if key in line.keys]


def other_orders(tree: Tree, side: Side, path: tuple[int, ...]) -> list[tuple[tuple[int, ...], int]]:
    """Returns the other moves that led to the position of a path, with their games, commonest first."""
    came = _came(tree, side, path, any_order=True)
    counts = Counter(line.tokens[:ply] for line, ply in came if line.tokens[: len(path)] != path)
    return counts.most_common()


def _branch(board: chess.Board, token: int, lines: Sequence[Line], total: int, here: int) -> Branch:
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
        here,
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


def line_text(path: Sequence[int]) -> str:
    """Returns a path as one line of text.

    >>> line_text([UCI.index("e2e4"), UCI.index("c7c5"), UCI.index("g1f3")])
    '1. e4 c5 2. Nf3'
    """
    return " ".join(text.partition("… ")[2] or text for text in written(path))


def last_moves(path: Sequence[int]) -> str:
    """Returns the last move of a path, with White's before it where Black moved last.

    >>> last_moves([]), last_moves([UCI.index("e2e4"), UCI.index("c7c5")])
    ('Start position', '1. e4 c5')
    """
    texts = written(path)[-2 if len(path) % 2 == 0 else -1 :]
    return " ".join(text.partition("… ")[2] or text for text in texts) or "Start position"
