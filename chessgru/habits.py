"""What a player does otherwise than people of his rating: moves, pieces, squares, predictability.

"People of his rating" are the base model given the ratings, the speed and the moves of each game, without
knowing who he is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import chess
import numpy as np
import torch
from numpy.typing import NDArray

from chessgru import vocabulary
from chessgru.evaluation import PHASES, phase_of
from chessgru.game import Game, Side
from chessgru.memory import Memory
from chessgru.model import MoveGRU
from chessgru.own_moves import History, OwnMoves, read
from chessgru.repertoire import numbered
from chessgru.replay import BLACK, KING, PAWN, replay

_SIZE: Final = vocabulary.SIZE
_FROM: Final = np.array([move.from_square for move in vocabulary.MOVES])
_TO: Final = np.array([move.to_square for move in vocabulary.MOVES])
_NO_SLIP: Final = 3  # times
_DOUBT: Final = 4.0
"""How many visits the base model's opinion is worth when a deviation is weighed."""


@dataclass(frozen=True, slots=True)
class Predictability:
    """How well the player's moves are foreseen in one phase, or in all."""

    phase: str
    """"opening", "middlegame", "endgame" or "all"."""
    moves: int
    bits: float
    """Mean surprise of his moves to the base model."""
    top1: float
    """The share of his moves that the base model held likeliest."""
    known_bits: float | None
    """The same once his earlier games are remembered; None if there are no earlier games."""
    known_top1: float | None


@dataclass(frozen=True, slots=True)
class Deviation:
    """A position where the player chooses otherwise than people of his rating."""

    side: Side
    line: str
    """How he came there last, such as "1. e4 c5 2. Nf3"."""
    ucis: tuple[str, ...]
    """The same moves in UCI."""
    fen: str
    uci: str
    """The move that he prefers most, against expectation."""
    san: str
    times: int
    """How often he played it."""
    visits: int
    """How often he was here, in all his games and by any order of moves."""
    expected: float
    """The base model's probability of that move."""
    base_san: str
    """What the base model held likeliest."""
    base_expected: float
    bits: float
    """How far that is from what was expected, after a few visits' worth of doubt."""


@dataclass(frozen=True, slots=True)
class Share:
    """How often he uses a piece or a square, and how often people of his rating would."""

    name: str
    """"pawn", …, "king", or a square such as "e4"."""
    share: float
    expected: float


@dataclass(frozen=True, slots=True)
class Tendencies:
    """Where one color's moves go."""

    side: Side
    moves: int
    pieces: tuple[Share, ...]
    """All six, summing to 1."""
    squares: tuple[Share, ...]
    """All 64 destinations from a1, b1, … to h8, summing to 1: a heat map."""

    def favourites(self, count: int = 5) -> tuple[Share, ...]:
        """Returns the destinations that he goes to more often than expected, those with most first."""
        liked = [square for square in self.squares if square.share > square.expected]
        return tuple(sorted(liked, key=lambda square: square.expected - square.share)[:count])


@dataclass(frozen=True)
class Reading:
    """The base model's view of the player's moves in some games."""

    games: tuple[Game, ...]
    history: History
    moves: OwnMoves
    squares: NDArray[np.int8]
    """(N, 64), the piece codes of `replay` before each of his moves."""

    @property
    def black(self) -> NDArray[np.bool_]:
        """(N,), whether he was Black."""
        return np.asarray(self.history.side[self.moves.game] == 1)

    @property
    def phase(self) -> NDArray[np.int64]:
        """(N,), indices into `evaluation.PHASES`."""
        kind = np.where(self.squares > BLACK, self.squares - BLACK, self.squares)
        pieces = ((kind > PAWN) & (kind < KING)).sum(1)
        return phase_of(self.moves.ply, pieces)


def reading(model: MoveGRU, games: Sequence[Game], history: History) -> Reading:
    """Reads games with the base model; `history` is the same games, seen from the player."""
    moves = read(model, history)
    boards = [_squares(history, game) for game in range(len(history))]
    return Reading(tuple(games), history, moves, np.concatenate([np.zeros((0, 64), np.int8), *boards]))


def _squares(history: History, game: int) -> NDArray[np.int8]:
    sequences = history.sequences
    tokens = sequences.tokens[sequences.offsets[game] : sequences.offsets[game + 1]].astype(np.int64)
    squares: NDArray[np.int8] = replay(torch.from_numpy(tokens[None, :-1])).squares[0].numpy()
    return squares[history.side[game] :: 2]


# Predictability --------------------


def predictability(found: Reading, earlier: Memory | None, concentration: float) -> list[Predictability]:
    """Returns how predictable he is over all and by phase, phases without a move left out.

    `earlier` remembers only games before those that were read, None if there are none.
    """
    known = None if earlier is None else found.moves.mixed(earlier, concentration)
    parts = [("all", np.ones(len(found.moves), np.bool_))]
    parts += [(name, found.phase == number) for number, name in enumerate(PHASES)]
    return [_foreseen(name, mask, found.moves, known) for name, mask in parts if mask.any()]


def _foreseen(
    phase: str, mask: NDArray[np.bool_], base: OwnMoves, known: OwnMoves | None
) -> Predictability:
    bits, top1 = _mean(base, mask)
    known_bits, known_top1 = (None, None) if known is None else _mean(known, mask)
    return Predictability(phase, int(mask.sum()), bits, top1, known_bits, known_top1)


def _mean(moves: OwnMoves, mask: NDArray[np.bool_]) -> tuple[float, float]:
    return float(moves.nll()[mask].mean() / math.log(2)), float((moves.rank()[mask] == 1).mean())


# Deviations --------------------


def deviations(found: Reading, memory: Memory, *, fewest: int = 5, most: int = 10) -> tuple[Deviation, ...]:
    """Returns the positions where he differs most from people of his rating, the largest first.

    `memory` counts all his games; a position needs `fewest` visits there. One move stands for each: the one
    he prefers most against expectation, if he played it often enough not to be a slip.
    """
    moves = found.moves
    keys, place = np.unique(moves.key, return_inverse=True)
    base = _mean_base(moves, place, len(keys))
    latest = {int(number): row for row, number in enumerate(place)}  # the last row wins
    ranked = []
    for number, key in enumerate(keys.tolist()):
        count = memory.look_up(key)
        if count.times >= fewest:
            preferred = [
                (_preference(times, count.times, base[number][token]), latest[number], token, number)
                for token, times in count.seen.items()
                if times >= min(_NO_SLIP, fewest)
            ]
            ranked += [max(preferred)] if preferred else []
    ranked.sort(reverse=True)
    return tuple(
        _deviation(found, row, token, base[number], memory, bits)
        for bits, row, token, number in ranked[:most]
        if bits > 0
    )


def _preference(times: int, visits: int, expected: float) -> float:
    """Returns how far a move's frequency is above the expected, in bits; 0 if it is not above.

    It is the divergence of two coins, KL(q || p): p is the base model's probability, and q = (n + k p) /
    (N + k) the posterior mean after n of N visits, so that few visits do not make a large deviation.
    """
    p = min(max(expected, 1e-4), 1 - 1e-4)
    q = (times + _DOUBT * p) / (visits + _DOUBT)
    return 0.0 if q <= p else q * math.log2(q / p) + (1 - q) * math.log2((1 - q) / (1 - p))


def _mean_base(moves: OwnMoves, place: NDArray[np.int64], positions: int) -> list[dict[int, float]]:
    """Returns each position's base distribution, token -> probability, averaged over his visits."""
    pairs, entry = np.unique(place[moves.position] * _SIZE + moves.token, return_inverse=True)
    visits = np.bincount(place, minlength=positions)
    mean = np.bincount(entry, moves.probability) / visits[pairs // _SIZE]
    base: list[dict[int, float]] = [{} for _ in range(positions)]
    for pair, probability in zip(pairs.tolist(), mean.tolist(), strict=True):
        base[pair // _SIZE][pair % _SIZE] = probability
    return base


def _deviation(
    found: Reading, row: int, token: int, base: dict[int, float], memory: Memory, bits: float
) -> Deviation:
    game, ply = int(found.moves.game[row]), int(found.moves.ply[row])
    tokens = found.games[game].tokens[:ply]
    board, sans = chess.Board(), []
    for before in tokens:
        sans.append(board.san(vocabulary.MOVES[before]))
        board.push(vocabulary.MOVES[before])
    count = memory.look_up(int(found.moves.key[row]))
    likeliest = max(base, key=lambda each: base[each])
    return Deviation(
        side="black" if ply % 2 else "white",
        line=numbered(sans),
        ucis=tuple(vocabulary.UCI[before] for before in tokens),
        fen=board.fen(),
        uci=vocabulary.UCI[token],
        san=board.san(vocabulary.MOVES[token]),
        times=count.seen.get(token, 0),
        visits=count.times,
        expected=base[token],
        base_san=board.san(vocabulary.MOVES[likeliest]),
        base_expected=base[likeliest],
        bits=bits,
    )


# Pieces and squares --------------------


def tendencies(found: Reading, side: Side) -> Tendencies | None:
    """Returns which pieces he moves and where to with one color; None without a move of that color."""
    moves = found.moves
    mine = found.black == (side == "black")
    count = int(mine.sum())
    if not count:
        return None
    played = moves.token[moves.played][mine]
    entries = mine[moves.position]
    tokens, weights = moves.token[entries], moves.probability[entries]
    own = found.squares[np.flatnonzero(mine), _FROM[played]]
    expected = found.squares[moves.position[entries], _FROM[tokens]]
    pieces = _shares(_kind(own), _kind(expected), weights, 6, count)
    squares = _shares(_TO[played], _TO[tokens], weights, 64, count)
    return Tendencies(
        side=side,
        moves=count,
        pieces=tuple(Share(chess.piece_name(number + 1), *pair) for number, pair in enumerate(pieces)),
        squares=tuple(Share(chess.square_name(number), *pair) for number, pair in enumerate(squares)),
    )


def _kind(pieces: NDArray[np.int8]) -> NDArray[np.int64]:
    """Returns 0 for a pawn to 5 for a king, of either side."""
    return (pieces.astype(np.int64) - 1) % BLACK


def _shares(
    own: NDArray[np.int64], expected: NDArray[np.int64], weights: NDArray[np.float64], size: int, count: int
) -> list[tuple[float, float]]:
    mine = np.bincount(own, minlength=size) / count
    theirs = np.bincount(expected, weights, minlength=size) / count
    return list(zip(mine.tolist(), theirs.tolist(), strict=True))
