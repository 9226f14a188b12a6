"""Predicts, during a live game, what each of two people will do next.

The player to move gets a distribution over his legal moves. The waiting player gets the average of his own
distribution after each likely move of the other, weighted by that move's probability, and the table "if X
then Y" that it is made of.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final, NamedTuple

import chess
import numpy as np
import torch
from numpy.typing import NDArray

from chessgru import vocabulary
from chessgru.errors import MoveError
from chessgru.game import Side, TimeClass
from chessgru.memory import K_H2H, K_OWN, NOTHING, Count, Memory, mix, next_path, text_number
from chessgru.model import Context, MoveGRU, Reading, speed_index
from chessgru.planes import NO_MOVE
from chessgru.positions import boards_of
from chessgru.replay import Boards, position_keys, push

LIKELY_MASS: Final = 0.95
"""The waiting player's prediction follows the likeliest moves that carry this much probability."""
_LINES_KEPT: Final = 4


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A legal move and its probability, with where the probability comes from.

    `network`, `own` and `head_to_head` are parts of `probability` and sum to it. The player chose the move
    in `seen` of the `of` past games that came here, and `h2h_seen` of `h2h_of` against this opponent.
    """

    uci: str
    san: str
    probability: float
    network: float
    own: float
    head_to_head: float
    seen: int = 0
    of: int = 0
    h2h_seen: int = 0
    h2h_of: int = 0
    transposed: int = 0
    """How many of the `of` games came here by another order of moves."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the waiting player answers if the other plays `if_uci`, the likeliest answers first."""

    if_uci: str
    if_san: str
    probability_of_if: float
    suggestions: tuple[Suggestion, ...]


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one side is expected to do: every possible move, the likeliest first, summing to 1.

    Empty when the game is over. `replies` is filled for the waiting side only.
    """

    side: Side
    suggestions: tuple[Suggestion, ...]
    replies: tuple[Reply, ...] = ()


@dataclass(frozen=True, slots=True)
class Predictions:
    """Both sides' predictions in one position, and how surprising each ply so far was."""

    white: Prediction
    black: Prediction
    to_move: Side
    surprise_bits: tuple[float, ...]
    """For every ply played: -log2 of the probability it had beforehand."""

    def of(self, side: Side) -> Prediction:
        """Returns one side's prediction."""
        return self.white if side == "white" else self.black


@dataclass(frozen=True, kw_only=True)
class Seat:
    """Who sits on one side, and what is known about him."""

    name: str = ""
    rating: int | None = None
    style: NDArray[np.float32] | None = None
    """(S,) his style vector; None is the average person."""
    model: MoveGRU | None = None
    """His personal model; None is the base model."""
    memory: Memory | None = None
    head_to_head: Memory | None = None
    """The part of `memory` against the other seat."""
    concentration: float = K_OWN
    """How many observations the network's opinion is worth against his own counts."""
    head_to_head_concentration: float = K_H2H
    """How many observations the mix of both is worth against the head-to-head counts."""


@dataclass(frozen=True, slots=True)
class _Mixed:
    """One player's distribution in one position, with its sources; arrays are (vocabulary.SIZE,)."""

    probability: NDArray[np.float64]
    network: NDArray[np.float64]
    own: NDArray[np.float64]
    head_to_head: NDArray[np.float64]
    count: Count
    h2h_count: Count

    def suggestion(self, token: int, san: str) -> Suggestion:
        count, h2h = self.count, self.h2h_count
        return Suggestion(
            uci=vocabulary.UCI[token],
            san=san,
            probability=float(self.probability[token]),
            network=float(self.network[token]),
            own=float(self.own[token]),
            head_to_head=float(self.head_to_head[token]),
            seen=count.seen.get(token, 0),
            of=count.times,
            h2h_seen=h2h.seen.get(token, 0),
            h2h_of=h2h.times,
            transposed=count.transposed,
        )

    def ranked(self) -> list[int]:
        """Returns the tokens with any probability, the likeliest first."""
        legal = np.flatnonzero(self.network > 0)
        return legal[np.argsort(-self.probability[legal], kind="stable")].tolist()  # type: ignore[no-any-return]


class _Ply(NamedTuple):
    """One position of the live line, as read by both players' models."""

    boards: Boards  # one position, fields (1, ...)
    path: int
    readings: tuple[Reading, Reading]  # White's model, Black's model
    mixed: _Mixed  # of the player to move


def _share(count: Count, concentration: float) -> NDArray[np.float64]:
    """Returns the part of the posterior that the counts give: n_m / (n + k) for every move m."""
    part = np.zeros(vocabulary.SIZE)
    for token, times in count.moves.items():
        part[token] = times / (count.total + concentration)
    return part


class Predictor:
    """Predicts both players of one game; remembers the positions it has read.

    `start` is where the game began, None for the standard start. Of a game that was set up the network has
    read nothing before; the memories know its positions all the same. Safe to share between threads.
    """

    def __init__(
        self,
        model: MoveGRU,
        white: Seat,
        black: Seat,
        *,
        time_class: TimeClass | None = None,
        start: chess.Board | None = None,
    ) -> None:
        self.white, self.black = white, black
        self._start = chess.Board() if start is None else start.copy(stack=False)
        self._model, self._time_class = model, time_class
        self._models = (white.model or model, black.model or model)
        none = np.zeros(model.config.style, np.float32)
        styles = [none if seat.style is None else seat.style for seat in (white, black)]
        self._context = Context(
            torch.tensor([[float(white.rating or 0), float(black.rating or 0)]]),
            torch.tensor([speed_index(time_class)]),
            torch.from_numpy(np.stack(styles))[None],
        )
        self._lines: dict[tuple[int, ...], list[_Ply]] = {}
        self._latest: tuple[tuple[int, ...], chess.Board] = ((), self._start.copy())
        self._lock = Lock()

    def reseated(self, white: Seat, black: Seat) -> Predictor:
        """Returns a predictor with the same base model, speed and start for other people."""
        return Predictor(self._model, white, black, time_class=self._time_class, start=self._start)

    def predict(self, tokens: Sequence[int]) -> Predictions:
        """Returns both players' predictions after the moves `tokens` from the start of a game.

        Raises MoveError, naming the ply, if one of them is not legal.
        """
        with self._lock, torch.inference_mode():
            line = self._read(tuple(tokens))
            board = self._board(tokens)
            here = line[-1]
            to_move: Side = "white" if board.turn else "black"
            waiting: Side = "black" if to_move == "white" else "white"
            ranked = here.mixed.ranked()
            suggestions = tuple(
                here.mixed.suggestion(token, board.san(vocabulary.MOVES[token])) for token in ranked
            )
            first = Prediction(to_move, suggestions)
            second = self._waiting(here, board, ranked, waiting)
            bits = tuple(
                -math.log2(max(float(ply.mixed.probability[token]), 1e-12))
                for ply, token in zip(line, tokens, strict=False)
            )
        white, black = (first, second) if to_move == "white" else (second, first)
        return Predictions(white, black, to_move, bits)

    def _board(self, tokens: Sequence[int]) -> chess.Board:
        """Returns the board after the moves, from the latest one if it was on the way there."""
        known, board = self._latest
        if tuple(tokens[: len(known)]) != known:
            known, board = (), self._start.copy()
        for token in tokens[len(known) :]:
            board.push(vocabulary.MOVES[token])
        self._latest = (tuple(tokens), board)
        return board.copy()

    # Reading the line ------------------------------------------------------------------------------

    def _read(self, tokens: tuple[int, ...]) -> list[_Ply]:
        """Returns the positions before each ply and after the last, from the longest line known."""
        known = max(
            (_common(tokens, other) for other in self._lines), default=0
        )  # plies shared with a line read before
        line: list[_Ply] = []
        for other, plies in self._lines.items():
            if _common(tokens, other) == known:
                line = plies[: known + 1]
                break
        if not line:
            line = [self._first()]
        for ply in range(len(line) - 1, len(tokens)):
            line.append(self._next(line[-1], tokens[ply], ply))
        self._lines.pop(tokens, None)
        self._lines[tokens] = line
        while len(self._lines) > _LINES_KEPT:
            self._lines.pop(next(iter(self._lines)))
        return line

    def _first(self) -> _Ply:
        fen = self._start.fen()
        path = 1 if fen == chess.STARTING_FEN else text_number(fen)  # another way than any known game
        boards = boards_of(self._start)
        return self._ply(boards, path, self._step(boards, NO_MOVE, None))

    def _ply(self, boards: Boards, path: int, readings: tuple[Reading, Reading]) -> _Ply:
        side: Side = "black" if boards.black_to_move[0] else "white"
        reading = readings[side == "black"]
        return _Ply(boards, path, readings, self._mix(side, reading.log_probabilities[0], boards, path))

    def _next(self, before: _Ply, token: int, ply: int) -> _Ply:
        mover = before.readings[int(before.boards.black_to_move[0])]
        if mover.log_probabilities[0, token] == -torch.inf:
            raise MoveError(f"ply {ply + 1}: {vocabulary.UCI[token]} is not legal here; take it back")
        boards = push(before.boards, torch.tensor([token]))
        return self._ply(boards, next_path(before.path, token), self._step(boards, token, before.readings))

    def _step(
        self, boards: Boards, token: int, before: tuple[Reading, Reading] | None
    ) -> tuple[Reading, Reading]:
        """Reads one position with both models, once where they are the same."""
        last = torch.tensor([token])
        readings: list[Reading] = []
        for index, model in enumerate(self._models):
            if index and model is self._models[0]:
                readings.append(readings[0])
                continue
            state = before[index].state if before else model.new_state(1)
            readings.append(model.step(state, boards, last, self._context))
        return readings[0], readings[1]

    # Mixing in the memories ------------------------------------------------------------------------

    def _mix(
        self, side: Side, log_probabilities: torch.Tensor, boards: Boards, path: int, key: int | None = None
    ) -> _Mixed:
        """Returns a player's distribution: network, then own counts, then head-to-head counts."""
        seat = self.white if side == "white" else self.black
        network = log_probabilities.double().exp().numpy()
        if seat.memory is None:
            nothing = np.zeros(vocabulary.SIZE)
            return _Mixed(network, network, nothing, nothing, NOTHING, NOTHING)
        key = int(position_keys(boards)[0]) if key is None else key
        count = seat.memory.look_up(key, path)
        h2h = seat.head_to_head.look_up(key, path) if seat.head_to_head is not None else NOTHING
        own = mix(network, count, seat.concentration)
        left_own = seat.concentration / (seat.concentration + count.total)
        left = seat.head_to_head_concentration / (seat.head_to_head_concentration + h2h.total)
        return _Mixed(
            probability=mix(own, h2h, seat.head_to_head_concentration),
            network=left * left_own * network,
            own=left * _share(count, seat.concentration),
            head_to_head=_share(h2h, seat.head_to_head_concentration),
            count=count,
            h2h_count=h2h,
        )

    # The waiting player ----------------------------------------------------------------------------

    def _waiting(self, here: _Ply, board: chess.Board, ranked: list[int], side: Side) -> Prediction:
        """Returns the waiting player's prediction over the likely moves of the other."""
        likely = _likely(ranked, here.mixed.probability)
        if not likely:
            return Prediction(side, ())
        index = 0 if side == "white" else 1
        tokens = torch.tensor(likely)
        count = len(likely)
        boards = push(Boards(*(field.expand(count, *field.shape[1:]) for field in here.boards)), tokens)
        context = Context(*(field.expand(count, *field.shape[1:]) for field in self._context))
        state = here.readings[index].state.repeat(count)
        reading = self._models[index].step(state, boards, tokens, context)
        keys = position_keys(boards).tolist()
        replies, mixes, weights = [], [], []
        for row, token in enumerate(likely):
            mixed = self._mix(
                side, reading.log_probabilities[row], boards, next_path(here.path, token), keys[row]
            )
            move = vocabulary.MOVES[token]
            san = board.san(move)
            board.push(move)
            answers = mixed.ranked()
            best = tuple(mixed.suggestion(t, board.san(vocabulary.MOVES[t])) for t in answers[:3])
            board.pop()
            probability = float(here.mixed.probability[token])
            replies.append(Reply(vocabulary.UCI[token], san, probability, best))
            if answers:
                mixes.append((token, mixed))
                weights.append(probability)
        return Prediction(side, _average(board, mixes, weights), tuple(replies))


def _average(
    board: chess.Board, mixes: list[tuple[int, _Mixed]], weights: list[float]
) -> tuple[Suggestion, ...]:
    """Returns the weighted average of distributions after different moves, the likeliest first."""
    if not mixes:
        return ()
    share = np.array(weights) / sum(weights)
    probability, network, own, against = (
        np.einsum("i,im->m", share, np.stack([getattr(mixed, part) for _, mixed in mixes]))
        for part in ("probability", "network", "own", "head_to_head")
    )
    sans = _names(board, mixes, np.flatnonzero(probability > 0).tolist())
    counts = [mixed.count for _, mixed in mixes]
    h2h = [mixed.h2h_count for _, mixed in mixes]
    suggestions = [
        Suggestion(
            uci=vocabulary.UCI[token],
            san=san,
            probability=float(probability[token]),
            network=float(network[token]),
            own=float(own[token]),
            head_to_head=float(against[token]),
            seen=sum(count.seen.get(token, 0) for count in counts),
            of=sum(count.times for count in counts),
            h2h_seen=sum(count.seen.get(token, 0) for count in h2h),
            h2h_of=sum(count.times for count in h2h),
            transposed=sum(count.transposed for count in counts),
        )
        for token, san in sans.items()
    ]
    return tuple(sorted(suggestions, key=lambda suggestion: -suggestion.probability))


def _names(board: chess.Board, mixes: list[tuple[int, _Mixed]], tokens: list[int]) -> dict[int, str]:
    """Returns the SAN of answers, each as written after the likeliest move that allows it."""
    names: dict[int, str] = {}
    missing = set(tokens)
    for before, mixed in mixes:
        here = [token for token in missing if mixed.network[token] > 0]
        board.push(vocabulary.MOVES[before])
        names |= {token: board.san(vocabulary.MOVES[token]) for token in here}
        board.pop()
        missing -= set(here)
    return names


def _likely(ranked: list[int], probability: NDArray[np.float64]) -> list[int]:
    """Returns the first tokens of `ranked` that together carry LIKELY_MASS."""
    if not ranked:
        return []
    mass = np.cumsum(probability[ranked])
    return ranked[: int(np.searchsorted(mass, LIKELY_MASS)) + 1]


def _common(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    """Returns how many plies two lines share from the start."""
    for ply, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return ply
    return min(len(one), len(other))
