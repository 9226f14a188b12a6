"""MoveGRU: a recurrent network that reads a game move by move and says what comes next.

At every ply it reads the board (a small residual network whose squares also exchange features along the
lines of attack), the move just played, both ratings, the speed, and a style vector for each player; one
recurrent state runs through both players' moves. The state then modulates the squares, and a from-square x
to-square head gives a logit for every move of the vocabulary. Everything is seen from the side to move.

Shapes: B games, T plies, N positions, C channels, H hidden units, K condition, S style.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from chessgru import vocabulary
from chessgru.game import TIME_CLASSES, TimeClass
from chessgru.replay import (
    PIECE_MOVES,
    Boards,
    Legal,
    from_mover,
    legal_moves,
    mirror_tokens,
    replay,
)

Cell = Literal["gru", "lstm", "rnn"]
NO_MOVE: Final = vocabulary.SIZE
"""The token that stands for "no move yet" at the first ply."""
PLANES: Final = 12 + 1 + 4 + 2 + 2 + 1
"""Pieces, en passant, castling, last move, attackers of either side, halfmove clock."""
_RATING_KNOTS: Final = 14  # every 200 points from 400 to 3000


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """The shape of a `MoveGRU`."""

    channels: int = 64
    blocks: int = 2
    """Residual blocks before the recurrent cell."""
    late_blocks: int = 1
    """Residual blocks after it, modulated by its state."""
    cell: Cell = "gru"
    hidden: int = 256
    condition: int = 64
    style: int = 16
    head: int = 48
    move_embedding: int = 64


class Context(NamedTuple):
    """Who plays, and how fast: one row a game."""

    ratings: Tensor
    """(B, 2) float, White's and Black's; 0 is unknown."""
    speed: Tensor
    """(B,) int64, 1 + index into TIME_CLASSES; 0 is unknown."""
    styles: Tensor
    """(B, 2, S) float; zero is the average person."""


def speed_index(speed: TimeClass | None) -> int:
    """Returns the number of a time class for `Context.speed`: 0 for None."""
    return 0 if speed is None else 1 + TIME_CLASSES.index(speed)


class State(NamedTuple):
    """What the network remembers of N games: the recurrent state before the next position is read."""

    hidden: Tensor
    """(N, H)."""
    cell: Tensor
    """(N, H), the memory cell of an LSTM; empty (N, 0) otherwise."""

    def repeat(self, count: int) -> State:
        """Returns the state of one game, `count` times."""
        return State(self.hidden.expand(count, -1), self.cell.expand(count, -1))


class Reading(NamedTuple):
    """The network's view of N positions."""

    logits: Tensor
    """(N, vocabulary.SIZE) float32, in absolute coordinates; -inf where illegal."""
    state: State
    """After reading the positions: pass it on with the next one."""


@cache
def _dense_pairs(device: torch.device) -> Tensor:
    """Returns (4096,) int64: the piece move from square i // 64 to i % 64, or PIECE_MOVES if there is none."""
    index = torch.full((4096,), PIECE_MOVES, dtype=torch.int64)
    for token, move in enumerate(vocabulary.MOVES[:PIECE_MOVES]):
        index[move.from_square * 64 + move.to_square] = token
    return index.to(device)


@cache
def _token_squares(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Returns from * 64 + to (1968,), and of the promotions to-square (176,) and piece 0..3 (176,)."""
    promotions = vocabulary.MOVES[PIECE_MOVES:]
    pairs = torch.tensor([move.from_square * 64 + move.to_square for move in vocabulary.MOVES])
    targets = torch.tensor([move.to_square for move in promotions])
    pieces = torch.tensor([(move.promotion or 2) - 2 for move in promotions])
    return pairs.to(device), targets.to(device), pieces.to(device)


def attack_matrix(attacks: Tensor, dtype: torch.dtype) -> Tensor:
    """Returns (N, 64, 64): 1 where the piece on the row's square attacks the column's."""
    padded = functional.pad(attacks, (0, 1))
    return padded[:, _dense_pairs(attacks.device)].view(-1, 64, 64).to(dtype)


def board_planes(boards: Boards, matrix: Tensor, last: Tensor) -> Tensor:
    """Returns (N, 64, PLANES): what the network sees on each square, from the mover's side.

    `matrix` is the attack matrix (N, 64, 64); `last` (N,) the move just played as the mover writes it.
    """
    count = len(last)
    pieces = functional.one_hot(boards.squares.long(), 13)[..., 1:]  # (N, 64, 12)
    passing = functional.one_hot(boards.en_passant, 65)[:, :64, None]
    castling = boards.castling[:, None].expand(-1, 64, -1)
    pairs = functional.pad(_token_squares(last.device)[0], (0, 1))[last]
    played = torch.stack([pairs // 64, pairs % 64], dim=-1)  # (N, 2)
    moved = functional.one_hot(played, 64).transpose(1, 2) * (last != NO_MOVE)[:, None, None]
    own = ((boards.squares > 0) & (boards.squares < 7)).to(matrix.dtype)
    by_own = (own[:, None] @ matrix).transpose(1, 2)
    by_any = matrix.sum(1)[..., None]
    clock = (boards.halfmove_clock / 50.0).clamp(max=2.0)[:, None, None].expand(count, 64, 1)
    parts = [pieces, passing, castling, moved, by_own / 2, (by_any - by_own) / 2, clock]
    return torch.cat([part.to(matrix.dtype) for part in parts], dim=-1)


class Condition(nn.Module):
    """Ratings, speed and styles as one vector, seen from each side."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.speed = nn.Embedding(1 + len(TIME_CLASSES), 16)
        inputs = 2 * (_RATING_KNOTS + 1) + 16
        self.people = nn.Sequential(nn.Linear(inputs, config.condition), nn.ReLU())
        self.mix = nn.Linear(config.condition, config.condition)
        self.own_style = nn.Linear(config.style, config.condition, bias=False)
        self.other_style = nn.Linear(config.style, config.condition, bias=False)

    @staticmethod
    def rating_knots(ratings: Tensor) -> Tensor:
        """Returns (..., 15): piecewise-linear weights on 14 ratings, and a flag for "unknown" (0)."""
        place = ((ratings - 400) / 200).clamp(0, _RATING_KNOTS - 1)
        knots = torch.arange(_RATING_KNOTS, device=ratings.device)
        weights = (1 - (place[..., None] - knots).abs()).clamp(min=0)
        known = (ratings > 0)[..., None]
        return torch.cat([weights * known, (~known).to(weights.dtype)], dim=-1)

    def forward(self, context: Context) -> Tensor:
        """Returns (B, 2, K): the condition when White, when Black is to move."""
        ratings = self.rating_knots(context.ratings)  # (B, 2, 15)
        speed = self.speed(context.speed)[:, None].expand(-1, 2, -1)
        people = self.people(torch.cat([ratings, ratings.flip(1), speed], dim=-1))
        styles = self.own_style(context.styles) + self.other_style(context.styles.flip(1))
        return torch.relu(self.mix(people) + styles)


class Block(nn.Module):
    """A residual block: two 3x3 convolutions, and an exchange along the lines of attack between them."""

    def __init__(self, channels: int, modulation: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.modulate = nn.Linear(modulation, 2 * channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.exchange = nn.Linear(2 * channels, channels, bias=False)
        self.last_norm = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)
        nn.init.constant_(self.last_norm.weight, 0.5)

    def forward(self, x: Tensor, matrix: Tensor, modulation: Tensor, rows: Tensor | None) -> Tensor:
        """Maps (N, C, 8, 8) to the same.

        `modulation` is (M, K), one row a position, or shared: then `rows` (N,) says which row is whose.
        """
        gain, shift = self.modulate(modulation).chunk(2, dim=-1)
        if rows is not None:
            gain, shift = gain.index_select(0, rows), shift.index_select(0, rows)
        y = self.norm(self.first(x))
        y = functional.relu(torch.addcmul(y + shift[..., None, None], y, gain[..., None, None]))
        squares = y.permute(0, 2, 3, 1).flatten(1, 2)  # (N, 64, C), a view in channels-last memory
        sent = torch.cat([matrix @ squares, matrix.transpose(1, 2) @ squares], dim=-1) / 4
        received = self.exchange(sent).unflatten(1, (8, 8)).permute(0, 3, 1, 2)
        return functional.relu(x + self.last_norm(self.second(y) + received))


def _recurrent(cell: Cell, inputs: int, hidden: int) -> nn.GRU | nn.LSTM | nn.RNN:
    kinds: dict[Cell, type[nn.GRU] | type[nn.LSTM] | type[nn.RNN]] = {
        "gru": nn.GRU,
        "lstm": nn.LSTM,
        "rnn": nn.RNN,
    }
    return kinds[cell](inputs, hidden, batch_first=True)


class MoveGRU(nn.Module):
    """The network of this module; see the module's docstring.

    `forward` reads whole games at once, `step` one position at a time; both give the same numbers.
    """

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or ModelConfig()
        channels = config.channels
        self.condition = Condition(config)
        self.stem = nn.Conv2d(PLANES, channels, 3, padding=1)
        self.place = nn.Parameter(torch.zeros(channels, 8, 8))
        self.blocks = nn.ModuleList(Block(channels, config.condition) for _ in range(config.blocks))
        self.squeeze = nn.Conv2d(channels, 8, 1)
        self.pool = nn.Linear(8 * 64, config.hidden)
        self.last_move = nn.Embedding(vocabulary.SIZE + 1, config.move_embedding)
        inputs = config.hidden + config.move_embedding + config.condition + 1
        self.recurrent = _recurrent(config.cell, inputs, config.hidden)
        modulation = config.hidden + config.condition
        self.late_blocks = nn.ModuleList(Block(channels, modulation) for _ in range(config.late_blocks))
        self.origin = nn.Linear(channels, config.head)
        self.target = nn.Linear(channels, config.head)
        self.promotion = nn.Linear(channels, 4)
        self.habit = nn.Linear(modulation, config.move_embedding)
        self.move_bias = nn.Linear(config.move_embedding, vocabulary.SIZE)
        nn.init.zeros_(self.habit.weight)

    def new_state(self, games: int) -> State:
        """Returns the state before the first position of a game."""
        weight = self.pool.weight
        hidden = weight.new_zeros(games, self.config.hidden)
        return State(hidden, hidden if self.config.cell == "lstm" else hidden[:, :0])

    def _see(
        self, boards: Boards, last: Tensor, condition: Tensor, rows: Tensor | None
    ) -> tuple[Legal, Tensor, Tensor, Tensor]:
        """Reads N positions by themselves: returns legal moves, attack matrix, squares, cell input."""
        legal = legal_moves(boards)
        dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else torch.float32
        if boards.squares.is_cuda and torch.is_autocast_enabled("cuda"):
            dtype = torch.get_autocast_dtype("cuda")
        matrix = attack_matrix(legal.attacks, dtype)
        planes = board_planes(boards, matrix, last).unflatten(1, (8, 8)).permute(0, 3, 1, 2)
        x, pooled = self._trunk(planes, matrix, condition, rows)
        people = condition if rows is None else condition.index_select(0, rows)
        color = boards.black_to_move[:, None].to(pooled.dtype)
        inputs = torch.cat([pooled, self.last_move(last), people, color], dim=-1)
        return legal, matrix, x, inputs

    def _trunk(
        self, planes: Tensor, matrix: Tensor, condition: Tensor, rows: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Returns the squares (N, C, 8, 8) and their summary (N, H), from planes (N, PLANES, 8, 8)."""
        x = functional.relu(self.stem(planes) + self.place)
        for block in self.blocks:
            x = block(x, matrix, condition, rows)
        return x, functional.relu(self.pool(functional.relu(self.squeeze(x)).flatten(1)))

    def _decide(self, x: Tensor, matrix: Tensor, hidden: Tensor, people: Tensor) -> Tensor:
        """Returns (N, vocabulary.SIZE) logits in the mover's coordinates, before the legal mask."""
        mood = torch.cat([hidden, people], dim=-1)
        for block in self.late_blocks:
            x = block(x, matrix, mood, None)
        squares = x.permute(0, 2, 3, 1).flatten(1, 2)  # (N, 64, C)
        scores = self.origin(squares) @ self.target(squares).transpose(1, 2)  # (N, 64, 64)
        pairs, targets, pieces = _token_squares(x.device)
        logits = scores.flatten(1).index_select(1, pairs) * self.config.head**-0.5
        promotions = self.promotion(squares)[:, targets, pieces]
        logits = torch.cat([logits[:, :PIECE_MOVES], logits[:, PIECE_MOVES:] + promotions], dim=-1)
        return (logits + self.move_bias(self.habit(mood))).float()

    def forward(self, tokens: Tensor, lengths: Tensor, context: Context) -> tuple[Tensor, Tensor]:
        """Reads whole games.

        `tokens` is (B, T) int64, `lengths` (B,) plies a game. Returns logits (N, vocabulary.SIZE) in the
        mover's coordinates, -inf where illegal, and the moves played (N,) likewise, over the N plies of
        all games in order (game by game).
        """
        valid = torch.arange(tokens.shape[1], device=tokens.device) < lengths[:, None]  # (B, T)
        line = replay(tokens[:, :-1])[valid]
        boards = from_mover(line)
        black = line.black_to_move
        before = functional.pad(tokens[:, :-1], (1, 0))[valid]
        first = torch.zeros_like(valid)
        first[:, 0] = True
        last = torch.where(first[valid], NO_MOVE, mirror_tokens(before, black))
        condition = self.condition(context).flatten(0, 1)  # (2B, K)
        game = torch.arange(len(tokens), device=tokens.device)[:, None].expand_as(valid)[valid]
        rows = 2 * game + black
        legal, matrix, x, inputs = self._see(boards, last, condition, rows)
        padded = inputs.new_zeros(*valid.shape, inputs.shape[-1])
        padded[valid] = inputs
        hidden = self.recurrent(padded)[0][valid]  # (N, H)
        logits = self._decide(x, matrix, hidden, condition.index_select(0, rows))
        return logits.masked_fill(~legal.moves, -torch.inf), mirror_tokens(tokens[valid], black)

    def step(self, state: State, boards: Boards, last: Tensor, context: Context) -> Reading:
        """Reads one position in each of N games.

        `boards` holds absolute positions (N, ...), `last` (N,) the moves that led to them (NO_MOVE at the
        start), `context` N rows, `state` what came before.
        """
        seen = from_mover(boards)
        black = boards.black_to_move
        mirrored = mirror_tokens(last.clamp(max=NO_MOVE - 1), black)
        last = torch.where(last == NO_MOVE, last, mirrored)
        people = self.condition(context)[torch.arange(len(last)), black.long()]
        legal, matrix, x, inputs = self._see(seen, last, people, None)
        state = self._advance(state, inputs)
        logits = self._decide(x, matrix, state.hidden, people)
        logits = logits.masked_fill(~legal.moves, -torch.inf)
        absolute = torch.arange(vocabulary.SIZE, device=last.device).expand(len(last), -1)
        return Reading(logits.gather(1, mirror_tokens(absolute, black[:, None])), state)

    def _advance(self, state: State, inputs: Tensor) -> State:
        """Returns the recurrent state after one more input (N, ...)."""
        hidden = state.hidden[None].contiguous()
        if isinstance(self.recurrent, nn.LSTM):
            _, (hidden, cell) = self.recurrent(inputs[:, None], (hidden, state.cell[None].contiguous()))
            return State(hidden[0], cell[0])
        return State(self.recurrent(inputs[:, None], hidden)[1][0], state.cell)
