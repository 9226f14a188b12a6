"""What a set of games is made of: who plays, how long, which openings, and when games become unique."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import chess
import numpy as np
import pandas as pd
import torch

from chessgru import vocabulary
from chessgru.game import Game
from chessgru.openings import opening_of
from chessgru.replay import position_keys, replay

_OPENING_PLIES = 24
_POINTS = {"1-0": 1.0, "1/2-1/2": 0.5, "0-1": 0.0}


def _positions(game: Game, plies: int) -> Iterator[str]:
    """Yields the FEN after each of the first plies."""
    board = chess.Board()
    for token in game.tokens[:plies]:
        board.push(vocabulary.MOVES[token])
        yield board.fen()


def opening_name(game: Game) -> str:
    """Returns the family of a game's opening, such as "Sicilian Defense"; "" if it has none.

    >>> from chessgru.pgn import parse
    >>> opening_name(parse("1. e4 c5 2. Nf3 d6 *")[0][0])
    'Sicilian Defense'
    """
    found = opening_of(_positions(game, _OPENING_PLIES))
    return found.name.partition(":")[0] if found else ""


def games_table(games: Iterable[Game]) -> pd.DataFrame:
    """Returns one row a game: white, black, ratings, result, date, plies, opening family."""
    rows = [
        {
            "white": game.white,
            "black": game.black,
            "white_rating": game.white_rating,
            "black_rating": game.black_rating,
            "result": game.result,
            "date": game.date,
            "plies": len(game.tokens),
            "opening": opening_name(game),
        }
        for game in games
    ]
    return pd.DataFrame(rows)


def sides_table(table: pd.DataFrame) -> pd.DataFrame:
    """Returns two rows a game, one a side: player, color, points (NaN if unknown), opening."""
    white = table["result"].map(_POINTS)
    sides = [
        pd.DataFrame(
            {"player": table[who], "color": who.title(), "points": points, "opening": table["opening"]}
        )
        for who, points in (("white", white), ("black", 1 - white))
    ]
    return pd.concat(sides, ignore_index=True)


def _shared(keys: Sequence[set[int]] | Sequence[set[tuple[int, ...]]]) -> float:
    """Returns the share of games one of whose keys another game has too."""
    counts = Counter(key for own in keys for key in own)
    return float(np.mean([any(counts[key] > 1 for key in own) for own in keys]))


def sharing(games: Sequence[Game], plies: int = 40) -> pd.DataFrame:
    """Returns, after each number of plies, which share of the games is not yet unique.

    Columns: `ply`, `games` (those at least so long), `moves` (another game began with the same moves) and
    `position` (another game came to the same position after as many plies, in whatever order).
    """
    tokens = np.zeros((len(games), plies), np.int64)
    for row, game in enumerate(games):
        tokens[row, : len(game.tokens)] = game.tokens[:plies]
    boards = replay(torch.from_numpy(tokens))  # (G, plies + 1)
    keys = position_keys(boards.flatten()).numpy().reshape(len(games), -1)
    rows = []
    for ply in range(1, plies + 1):
        long = [row for row, game in enumerate(games) if len(game.tokens) >= ply]
        if len(long) < 2:
            break
        same_moves = _shared([{tuple(games[row].tokens[:ply])} for row in long])
        same_position = _shared([{int(keys[row, ply])} for row in long])
        rows.append({"ply": ply, "games": len(long), "moves": same_moves, "position": same_position})
    return pd.DataFrame(rows)
