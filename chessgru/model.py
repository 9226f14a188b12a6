"""MoveGRU: a recurrent network that reads a game move by move and says what comes next.

At every ply it reads the board (a small residual network whose squares also exchange features along the
lines of attack), the move just played, both ratings, the speed, and a style vector for each player; one
recurrent state runs through both players' moves. The state then modulates the squares, and a from-square x
to-square head gives a logit for every move of the vocabulary, to which the legal moves' tactics add theirs.
Everything is seen from the side to move.

The layers here can be trained, on any device. In float32 on the processor the same numbers come sooner:
with gradients the blocks and the cell use `chessgru.gradients`, without them all is `chessgru.inference`.

Shapes: B games, T plies, N positions, C channels, H hidden units, K condition, S style.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from chessgru import gradients, inference, kernels, tactics, vocabulary
from chessgru.book import Book
from chessgru.game import TIME_CLASSES, TimeClass
from chessgru.kernels import Links
from chessgru.planes import NO_MOVE, PLANES, attack_matrix, board_planes, token_squares
from chessgru.replay import (
    Boards,
    Legal,
    from_mover,
    legal_moves,
    mirror_tokens,
    position_keys,
    replay,
)

# oneDNN keeps what it compiled for 1,024 shapes, up to a megabyte each; every batch of games has its own,
# besides some hundred that come again in every step of learning.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "256")

Cell = Literal["gru", "lstm", "rnn"]
_WORTH_COMPILING: Final = 32
"""From so many positions on, learning uses the compiled layers."""
_RATING_KNOTS: Final = 14  # every 200 points from 400 to 3000
RATING_FEATURES: Final = _RATING_KNOTS + 1
"""How many numbers describe a rating: see `Condition.rating_knots`."""


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
    tactics: int = 32
    """Hidden units of the layer that weighs what each move does."""
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


class LegalLogits(NamedTuple):
    """A logit for each of the L legal moves of N positions, position by position."""

    position: Tensor
    """(L,) int64, rising."""
    token: Tensor
    """(L,) int64, as the mover writes it."""
    logit: Tensor
    """(L,) float32."""
    positions: int
    """N."""

    def log_probabilities(self) -> Tensor:
        """Returns (L,): the softmax over each position's legal moves, in nats."""
        peak = self.logit.new_full((self.positions,), -torch.inf)
        peak = peak.scatter_reduce(0, self.position, self.logit.detach(), "amax")
        shifted = self.logit - peak.index_select(0, self.position)
        total = self.logit.new_zeros(self.positions).index_add(0, self.position, shifted.exp())
        return shifted - total.log().index_select(0, self.position)

    def dense(self, values: Tensor, black: Tensor) -> Tensor:
        """Spreads (L,) values over (N, vocabulary.SIZE) in absolute coordinates; -inf where illegal."""
        table = values.new_full((self.positions, vocabulary.SIZE), -torch.inf)
        tokens = mirror_tokens(self.token, black.index_select(0, self.position))
        return table.index_put((self.position, tokens), values)


class Reading(NamedTuple):
    """The network's view of N positions."""

    log_probabilities: Tensor
    """(N, vocabulary.SIZE) float32 nats, in absolute coordinates; -inf where illegal."""
    state: State
    """After reading the positions: pass it on with the next one."""


class Condition(nn.Module):
    """Ratings, speed and styles as one vector, seen from each side."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.speed = nn.Embedding(1 + len(TIME_CLASSES), 16)
        inputs = 2 * RATING_FEATURES + 16
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
    """A residual block: two 3x3 convolutions, and an exchange along the lines of attack between them.

    There is no normalisation: the branch starts at zero (SkipInit, De & Smith 2020).
    """

    def __init__(self, channels: int, modulation: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.modulate = nn.Linear(modulation, 2 * channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.to_attacked = nn.Linear(channels, channels, bias=False)
        self.to_attacker = nn.Linear(channels, channels, bias=False)
        self.gain = nn.Parameter(torch.tensor(0.1))
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)
        for linear in (self.to_attacked, self.to_attacker):
            nn.init.normal_(linear.weight, std=0.25 * channels**-0.5)

    def forward(self, x: Tensor, lines: Tensor | Links, modulation: Tensor, rows: Tensor | None) -> Tensor:
        """Maps (N, C, 8, 8) to the same.

        `lines` are those of attack: a matrix (N, 64, 64), or links, for the compiled layers. `modulation`
        is (M, K), one row a position, or shared: then `rows` (N,) says which row is whose.
        """
        scale, shift = self.modulate(modulation).chunk(2, dim=-1)
        if isinstance(lines, Links):
            return self._compiled(x, lines, scale, shift, rows)
        if rows is not None:
            scale, shift = scale.index_select(0, rows), shift.index_select(0, rows)
        y = torch.addcmul(shift[..., None, None], self.first(x), 1 + scale[..., None, None])
        y = functional.relu(y)
        squares = y.permute(0, 2, 3, 1).flatten(1, 2)  # (N, 64, C), a view in channels-last memory
        sent = lines.transpose(1, 2) @ self.to_attacked(squares)
        sent = torch.baddbmm(sent, lines, self.to_attacker(squares))
        sent = sent.view(len(x), 8, 8, x.shape[1]).permute(0, 3, 1, 2)
        return functional.relu(torch.addcmul(x, self.second(y) + sent, self.gain.to(x.dtype)))

    def _compiled(
        self, x: Tensor, links: Links, scale: Tensor, shift: Tensor, rows: Tensor | None
    ) -> Tensor:
        features = x.permute(0, 2, 3, 1).reshape(-1, x.shape[1]).contiguous()
        rows = torch.arange(len(x)) if rows is None else rows
        inner = gradients.convolved(features, self.first)
        inner = gradients.modulated(inner, 1 + scale, shift, rows)
        sent = (self.to_attacked.weight, self.to_attacker.weight)
        branch = gradients.exchanged(inner, self.second, *sent, links)
        found = gradients.joined(features, branch, self.gain)
        return found.view(-1, 8, 8, x.shape[1]).permute(0, 3, 1, 2)


class Weighing(nn.Module):
    """Adds to each legal move's logit what a small network makes of its tactics (`tactics.EFFECTS`).

    It reads them with the features of the move's two squares and the mood. It starts by adding nothing.
    """

    def __init__(self, config: ModelConfig, modulation: int) -> None:
        super().__init__()
        self.effects = nn.Linear(len(tactics.EFFECTS), config.tactics)
        self.origin = nn.Linear(config.channels, config.tactics, bias=False)
        self.target = nn.Linear(config.channels, config.tactics, bias=False)
        self.mood = nn.Linear(modulation, config.tactics, bias=False)
        self.verdict = nn.Linear(config.tactics, 1, bias=False)
        nn.init.zeros_(self.verdict.weight)

    def forward(
        self, effects: Tensor, squares: Tensor, mood: Tensor, places: tuple[Tensor, Tensor, Tensor]
    ) -> Tensor:
        """Returns (L,) from effects (L, E), squares (N * 64, C) and mood (N, M).

        `places` are (L,) each: the position, and the origin's and the target's row among the squares.
        """
        position, origin, target = places
        hidden = self.effects(effects) + self.mood(mood).index_select(0, position)
        hidden = hidden + self.origin(squares).index_select(0, origin)
        hidden = hidden + self.target(squares).index_select(0, target)
        weighed: Tensor = self.verdict(functional.relu(hidden)).squeeze(1)
        return weighed


class View(NamedTuple):
    """N positions as the layers before the recurrent cell saw them, to differentiate through."""

    boards: Boards
    legal: Legal
    lines: Tensor | Links  # of attack: see `Block.forward`
    squares: Tensor  # (N, C, 8, 8)


def _recurrent(cell: Cell, inputs: int, hidden: int) -> nn.GRU | nn.LSTM | nn.RNN:
    kinds: dict[Cell, type[nn.GRU] | type[nn.LSTM] | type[nn.RNN]] = {
        "gru": inference.GRU,
        "lstm": nn.LSTM,
        "rnn": nn.RNN,
    }
    return kinds[cell](inputs, hidden, batch_first=True)


class MoveGRU(nn.Module):
    """The network of this module; see the module's docstring.

    `forward` reads whole games at once, `step` one position at a time; both give the same numbers. If there
    is a `book`, it speaks over the network in the positions that it knows.
    """

    book: Book | None = None

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
        self.mood = nn.Linear(modulation, 2 * config.head)
        self.weighing = Weighing(config, modulation)
        self.register_buffer("temperature", torch.ones(()))
        self.temperature: Tensor

    def new_state(self, games: int) -> State:
        """Returns the state before the first position of a game."""
        weight = self.pool.weight
        hidden = weight.new_zeros(games, self.config.hidden)
        return State(hidden, hidden if self.config.cell == "lstm" else hidden[:, :0])

    def _quick(self, positions: int) -> bool:
        """Tells whether `chessgru.inference` can do the work, and need not be compiled for a few."""
        plain = self.place.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
        plain = plain and self.place.device.type == "cpu" and not torch.is_grad_enabled()
        return plain and inference.worth(positions)

    def _see(
        self, boards: Boards, last: Tensor, condition: Tensor, rows: Tensor, wanted: Tensor | None = None
    ) -> tuple[View | list[inference.Glance], Tensor]:
        """Sees N positions by themselves: returns those `wanted` (N,), and the cell's input (N, I) for all.

        Position n has row `rows[n]` of `condition` (M, K).
        """
        view: View | list[inference.Glance]
        if self._quick(len(last)):
            view, pooled = inference.see(self, boards, last, condition, rows, wanted)
        else:
            view, pooled = self._view_some(boards, last, condition, rows, wanted)
        people = condition.index_select(0, rows)
        color = boards.black_to_move[:, None].to(pooled.dtype)
        return view, torch.cat([pooled, self.last_move(last), people, color], dim=-1)

    def _view_some(
        self, boards: Boards, last: Tensor, condition: Tensor, rows: Tensor, wanted: Tensor | None
    ) -> tuple[View, Tensor]:
        """Sees all N positions, and learns from the looks of those `wanted` (N,) alone.

        That is a third less work, and the recurrent cell still learns from every position.
        """
        if wanted is None:
            return self._view(boards, last, condition, rows)
        here, there = wanted.nonzero().squeeze(1), (~wanted).nonzero().squeeze(1)
        view, pooled = self._view(boards.at(here), last[here], condition, rows[here])
        rest = self._glance(boards.at(there), last[there], condition.detach(), rows[there])
        order = torch.cat([here, there]).argsort()
        return view, torch.cat([pooled, rest.to(pooled.dtype)]).index_select(0, order)

    @torch.no_grad()
    def _glance(self, boards: Boards, last: Tensor, condition: Tensor, rows: Tensor) -> Tensor:
        """Returns the summary (N, H) of positions that nothing is learned from."""
        with torch.autocast("cpu", enabled=False):
            if self._quick(len(last)):
                nowhere = torch.zeros(len(last), dtype=torch.bool)
                return inference.see(self, boards, last, condition.float(), rows, nowhere)[1]
        return self._view(boards, last, condition, rows)[1]

    def _view(self, boards: Boards, last: Tensor, condition: Tensor, rows: Tensor) -> tuple[View, Tensor]:
        legal = legal_moves(boards)
        dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else torch.float32
        if boards.squares.is_cuda and torch.is_autocast_enabled("cuda"):
            dtype = torch.get_autocast_dtype("cuda")
        matrix = attack_matrix(legal.attacks, dtype)
        planes = board_planes(boards, matrix, last).view(-1, 8, 8, PLANES).permute(0, 3, 1, 2)
        lines = self._lines(legal, matrix)
        x, pooled = self._trunk(planes, lines, condition, rows)
        return View(boards, legal, lines, x), pooled

    def _lines(self, legal: Legal, matrix: Tensor) -> Tensor | Links:
        """Returns the lines of attack as the blocks take them: links where compiled layers pay."""
        plain = matrix.dtype == self.place.dtype == torch.float32 and matrix.device.type == "cpu"
        if plain and len(matrix) >= _WORTH_COMPILING and self.config.channels % 4 == 0:
            return kernels.find_links(legal.attacks.numpy())
        return matrix

    def _trunk(
        self, planes: Tensor, lines: Tensor | Links, condition: Tensor, rows: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Returns the squares (N, C, 8, 8) and their summary (N, H), from planes (N, PLANES, 8, 8)."""
        x = functional.relu(self.stem(planes) + self.place)
        for block in self.blocks:
            x = block(x, lines, condition, rows)
        return x, functional.relu(self.pool(functional.relu(self.squeeze(x)).flatten(1)))

    def _decide(self, view: View | list[inference.Glance], hidden: Tensor, people: Tensor) -> LegalLogits:
        """Returns the legal moves' logits from what was seen, the state (N, H) and the condition (N, K)."""
        mood = torch.cat([hidden.to(people.dtype), people], dim=-1)
        if not isinstance(view, View):
            return LegalLogits(*inference.decide(self, view, mood), len(mood))
        x = view.squares
        for block in self.late_blocks:
            x = block(x, view.lines, mood, None)
        return self._score_moves(view._replace(squares=x), mood)

    def _score_moves(self, view: View, mood: Tensor) -> LegalLogits:
        """Returns the legal moves' logits from the squares after the last block and the mood (N, H + K)."""
        x = view.squares
        squares = x.permute(0, 2, 3, 1).flatten(1, 2)  # (N, 64, C)
        origin_mood, target_mood = self.mood(mood)[:, None].chunk(2, dim=-1)
        origins = self.origin(squares) + origin_mood  # (N, 64, D)
        targets = self.target(squares) + target_mood
        scores = origins @ targets.transpose(1, 2)  # (N, 64, 64)
        promotions = functional.pad(self.promotion(squares), (0, 1))  # (N, 64, 5)
        position, token = view.legal.moves.nonzero().unbind(1)  # (L,)
        origin, target, piece = (column[token] for column in token_squares(x.device))
        logits = scores.flatten().index_select(0, position * 4096 + origin * 64 + target)
        bonus = promotions.flatten().index_select(0, (position * 64 + target) * 5 + piece)
        places = (position, position * 64 + origin, position * 64 + target)
        effects = tactics.effects(view.boards, position, token)
        weighed = self.weighing(effects, squares.flatten(0, 1), mood, places)
        logits = logits.float() * self.config.head**-0.5 + bonus.float() + weighed.float()
        logits = logits / self.temperature
        return LegalLogits(position, token, logits, len(x))

    def forward(
        self, tokens: Tensor, lengths: Tensor, context: Context, scored: Tensor | None = None
    ) -> tuple[LegalLogits, Tensor]:
        """Reads whole games.

        `tokens` is (B, T) int64, `lengths` (B,) plies a game; `scored` (B, T) bool marks the plies whose
        moves are wanted, all of them if None. Returns the legal moves' logits in the N positions before
        each of these plies, game by game, and which were played: (N,) int64 indices into the L logits.
        """
        valid = torch.arange(tokens.shape[1], device=tokens.device) < lengths[:, None]  # (B, T)
        line = replay(tokens[:, :-1]).at(valid)
        boards = from_mover(line)
        black = line.black_to_move
        before = functional.pad(tokens[:, :-1], (1, 0))[valid]
        first = torch.zeros_like(valid)
        first[:, 0] = True
        last = torch.where(first[valid], NO_MOVE, mirror_tokens(before, black))
        condition = self.condition(context).flatten(0, 1)  # (2B, K)
        game = torch.arange(len(tokens), device=tokens.device)[:, None].expand_as(valid)[valid]
        rows = 2 * game + black
        wanted = None if scored is None else scored[valid]
        view, inputs = self._see(boards, last, condition, rows, wanted)
        compiled = not isinstance(view, View) or isinstance(view.lines, Links)
        if isinstance(self.recurrent, inference.GRU) and compiled:
            hidden = self.recurrent(inputs, None, lengths)[0]  # (N, H)
        else:
            # Ply by ply in memory: else the product of all inputs copies the cell's weights for every ply.
            padded = inputs.new_zeros(*reversed(valid.shape), inputs.shape[-1]).transpose(0, 1)
            padded[valid] = inputs
            hidden = self.recurrent(padded)[0][valid]
        people = condition.index_select(0, rows)
        played = mirror_tokens(tokens[valid], black)
        if wanted is not None:
            hidden, people, played = hidden[wanted], people[wanted], played[wanted]
            line, rows = line.at(wanted), rows[wanted]
        logits = self._decide(view, hidden, people)
        logits = self._with_book(logits, line, context.ratings.flatten().index_select(0, rows))
        return logits, torch.searchsorted(
            logits.position * vocabulary.SIZE + logits.token,
            torch.arange(len(played), device=played.device) * vocabulary.SIZE + played,
        )

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
        view, inputs = self._see(seen, last, people, torch.arange(len(last), device=last.device))
        state = self._advance(state, inputs)
        logits = self._decide(view, state.hidden, people)
        ratings = context.ratings[torch.arange(len(last)), black.long()]
        logits = self._with_book(logits, boards, ratings)
        return Reading(logits.dense(logits.log_probabilities(), black), state)

    def _with_book(self, logits: LegalLogits, boards: Boards, ratings: Tensor) -> LegalLogits:
        """Lets the book speak: `boards` are absolute (N, ...), `ratings` (N,) the movers'."""
        if self.book is None:
            return logits
        black = boards.black_to_move.index_select(0, logits.position)
        spoken = self.book.speak(
            logits.log_probabilities(),
            position_keys(boards),
            logits.position,
            mirror_tokens(logits.token, black),
            Condition.rating_knots(ratings),
        )
        return logits._replace(logit=spoken)

    def _advance(self, state: State, inputs: Tensor) -> State:
        """Returns the recurrent state after one more input (N, ...)."""
        hidden = state.hidden[None].contiguous()
        if isinstance(self.recurrent, nn.LSTM):
            _, (hidden, cell) = self.recurrent(inputs[:, None], (hidden, state.cell[None].contiguous()))
            return State(hidden[0], cell[0])
        return State(self.recurrent(inputs[:, None], hidden)[1][0], state.cell)
