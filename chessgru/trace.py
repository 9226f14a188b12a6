"""Looks inside the recurrent cell while it reads a game: gates, candidates, hidden states and surprise.

    >>> from chessgru.model import ModelConfig, MoveGRU
    >>> from chessgru.pgn import parse
    >>> games, _ = parse("1. e4 c5 2. Nf3 d6 3. d4 *")
    >>> seen = trace(MoveGRU(ModelConfig(channels=8, blocks=1, hidden=12)), games[0])
    >>> seen.hidden.shape, seen.update.shape
    ((5, 12), (5, 12))

Row t belongs to the position *before* ply t (0-based): the cell has read moves 0 to t - 1, and its state is
what the network predicts move t from. Shapes: T plies, I inputs of the cell, H hidden units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from chessgru.cells import Array, GRUWeights, LSTMWeights, RNNWeights
from chessgru.game import Game
from chessgru.model import Cell, Context, MoveGRU, speed_index
from chessgru.planes import NO_MOVE
from chessgru.replay import replay


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What happened in the recurrent cell over one game; gates that a cell does not have are None."""

    cell: Cell
    tokens: NDArray[np.int64]
    """(T,) the moves played."""
    surprise: Array
    """(T,) nats: minus the log of the probability that the network gave to each move."""
    inputs: Array
    """(T, I) what the cell reads: the board's summary, the last move, the people, the color to move."""
    hidden: Array
    """(T, H) in [-1, 1]."""
    candidate: Array
    """(T, H) in [-1, 1]: what the state would become if nothing were kept."""
    reset: Array | None = None
    """(T, H) in [0, 1], GRU: the share of the state before that the candidate sees."""
    update: Array | None = None
    """(T, H) in [0, 1], GRU: the share of the state before that is kept."""
    input_gate: Array | None = None
    """(T, H) in [0, 1], LSTM: the share of the candidate that is taken in."""
    forget: Array | None = None
    """(T, H) in [0, 1], LSTM: the share of the memory before that is kept."""
    output: Array | None = None
    """(T, H) in [0, 1], LSTM: the share of the memory that is shown."""
    memory: Array | None = None
    """(T, H) LSTM: the memory cell."""

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def kept(self) -> Array:
        """(T, H): the share of the memory that survives each ply; 0 for a plain RNN, which has no gate."""
        if self.update is not None:
            return self.update
        return np.zeros_like(self.hidden) if self.forget is None else self.forget

    @property
    def changed(self) -> Array:
        """(T,): how far the state moved at each ply, as the root mean square over its units."""
        before = np.vstack([np.zeros_like(self.hidden[:1]), self.hidden[:-1]])
        moved: Array = np.sqrt(((self.hidden - before) ** 2).mean(1))
        return moved

    @property
    def written(self) -> Array:
        """(T, H): what each ply adds to the memory, before any of it is forgotten."""
        if self.input_gate is not None:
            return self.input_gate * self.candidate
        return (1 - self.kept) * self.candidate

    def survival(self, ply: int) -> Array:
        """Returns (T,): the share of what was written at `ply` that is still there at each later ply.

        The product of the gates that keep, averaged over units by how much was written to each; 0 before
        `ply`, 1 at it.
        """
        share = np.zeros_like(self.hidden)
        share[ply] = 1
        share[ply + 1 :] = np.cumprod(self.kept[ply + 1 :], axis=0)
        left: Array = np.average(share, axis=1, weights=np.abs(self.written[ply]) + 1e-12)
        return left

    def half_lives(self) -> Array:
        """Returns (H,): after how many plies half of a unit's memory is gone, from its mean gate."""
        with np.errstate(divide="ignore"):
            lives: Array = np.log(0.5) / np.log(np.clip(self.kept.mean(0), 1e-9, 1 - 1e-9))
        return lives


def context_of(game: Game, style: int) -> Context:
    """Returns a game's ratings and speed as the network wants them; both players are the average person."""
    return Context(
        torch.tensor([[float(game.white_rating or 0), float(game.black_rating or 0)]]),
        torch.tensor([speed_index(game.time_class)]),
        torch.zeros(1, 2, style),
    )


def _read(model: MoveGRU, tokens: Tensor, context: Context) -> tuple[Array, Array]:
    """Returns the cell's inputs (T, I) and the surprise (T,) of one game (1, T)."""
    taken: list[Tensor] = []

    def note(_: nn.Module, arguments: tuple[Any, ...]) -> None:
        taken.append(arguments[0])

    handle = model.recurrent.register_forward_pre_hook(note)
    try:
        with torch.no_grad():
            logits, played = model(tokens, torch.tensor([tokens.shape[1]]), context)
    finally:
        handle.remove()
    surprise = -logits.log_probabilities()[played]
    return taken[0].flatten(0, -2).double().numpy(), surprise.double().numpy()


def _run_gru(module: nn.GRU, inputs: Array) -> dict[str, Array]:
    weights, hidden, steps = GRUWeights.of(module), np.zeros(module.hidden_size), []
    for x in inputs:
        steps.append(weights.step(x, hidden))
        hidden = steps[-1].hidden
    names = ("reset", "update", "candidate", "hidden")
    return {name: np.stack([getattr(step, name) for step in steps]) for name in names}


def _run_lstm(module: nn.LSTM, inputs: Array) -> dict[str, Array]:
    weights, steps = LSTMWeights.of(module), []
    hidden = memory = np.zeros(module.hidden_size)
    for x in inputs:
        steps.append(weights.step(x, hidden, memory))
        hidden, memory = steps[-1].hidden, steps[-1].memory
    found = {name: np.stack([getattr(step, name) for step in steps]) for name in steps[0]._fields}
    return {"input_gate" if name == "input" else name: values for name, values in found.items()}


def _run_rnn(module: nn.RNN, inputs: Array) -> dict[str, Array]:
    weights, hidden = RNNWeights.of(module), [np.zeros(module.hidden_size)]
    for x in inputs:
        hidden.append(weights.step(x, hidden[-1]))
    states = np.stack(hidden[1:])
    return {"hidden": states, "candidate": states}


def run_cell(module: nn.GRU | nn.LSTM | nn.RNN, inputs: Array) -> dict[str, Array]:
    """Returns the states and gates (T, H) of a one-layer module over inputs (T, I), by `Trace` field."""
    if isinstance(module, nn.GRU):
        return _run_gru(module, inputs)
    return _run_lstm(module, inputs) if isinstance(module, nn.LSTM) else _run_rnn(module, inputs)


def trace(model: MoveGRU, game: Game, context: Context | None = None) -> Trace:
    """Reads a game and returns what its recurrent cell did.

    The gates come from the equations of `chessgru.cells` in double precision, and agree with the module's
    own output to 1e-6. `context` is one row; None takes ratings and speed from the game, and no styles.
    """
    tokens = torch.tensor([game.tokens])
    context = context or context_of(game, model.config.style)
    inputs, surprise = _read(model, tokens, context)
    states = run_cell(model.recurrent, inputs)
    return Trace(
        cell=model.config.cell, tokens=tokens[0].numpy(), surprise=surprise, inputs=inputs, **states
    )


def surprise_without_memory(model: MoveGRU, game: Game, context: Context | None = None) -> Array:
    """Returns (T,) nats: the surprise when the state is emptied before every ply.

    The network then sees the board, the last move and the people, but not how the game came there.
    """
    tokens = torch.tensor([game.tokens])
    context = context or context_of(game, model.config.style)
    boards = replay(tokens[:, :-1]).at(torch.ones_like(tokens, dtype=torch.bool))
    last = torch.cat([torch.tensor([NO_MOVE]), tokens[0, :-1]])
    same = Context(*(part.expand(len(last), *part.shape[1:]) for part in context))
    with torch.no_grad():
        reading = model.step(model.new_state(len(last)), boards, last, same)
    surprise: Array = -reading.log_probabilities.gather(1, tokens.T)[:, 0].double().numpy()
    return surprise
