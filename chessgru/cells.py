"""Recurrent cells written out as their equations, one step at a time, in NumPy.

What `torch.nn.GRU`, `LSTM` and `RNN` compute, kept open so that every gate can be looked at. Each
`…Weights.of` reads a one-layer module of PyTorch; the numbers agree with the module's own to rounding.

The GRU is that of Cho et al. 2014 (arXiv 1406.1078, equations 5 to 8) with one difference, made by cuDNN
and followed by PyTorch: the reset gate multiplies the recurrent term *after* its matrix product
(`reset * (U h + b)`), where the paper has it *before* (`U (reset * h)`). So all three products of the state
can be computed at once.

Shapes: I inputs, H hidden units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import nn

Array = NDArray[np.float64]
ResetPlacement = Literal["after the product", "before the product"]
"""PyTorch's, and the paper's."""


def sigmoid(x: Array) -> Array:
    """Returns 1 / (1 + exp(-x)), without overflow."""
    squashed: Array = 0.5 * (1 + np.tanh(0.5 * x))
    return squashed


class Gate(NamedTuple):
    """One gate's weights: how it reads the input and the state before."""

    input: Array
    """(H, I)."""
    input_bias: Array
    """(H,)."""
    recurrent: Array
    """(H, H)."""
    recurrent_bias: Array
    """(H,)."""

    def of_input(self, x: Array) -> Array:
        """Returns (H,): W x + b."""
        result: Array = self.input @ x + self.input_bias
        return result

    def of_state(self, h: Array) -> Array:
        """Returns (H,): U h + b."""
        result: Array = self.recurrent @ h + self.recurrent_bias
        return result

    def total(self, x: Array, h: Array) -> Array:
        """Returns (H,): both terms."""
        return self.of_input(x) + self.of_state(h)


def _gates(module: nn.RNNBase, count: int) -> list[Gate]:
    """Returns the gates of a one-layer, one-directional module, in the order PyTorch stacks them."""
    names = ("weight_ih_l0", "bias_ih_l0", "weight_hh_l0", "bias_hh_l0")
    stacked = [getattr(module, name).detach().cpu().double().numpy() for name in names]
    return [
        Gate(*columns) for columns in zip(*(np.split(values, count) for values in stacked), strict=True)
    ]


class GRUStep(NamedTuple):
    """What a GRU does at one step: four (H,) arrays."""

    reset: Array
    """How much of the state before enters the candidate: 0 ignores it."""
    update: Array
    """How much of the state before is kept: 1 keeps it, 0 replaces it by the candidate."""
    candidate: Array
    """What the state would become."""
    hidden: Array
    """The new state."""


@dataclass(frozen=True)
class GRUWeights:
    """The three weight triples of a GRU."""

    reset: Gate
    update: Gate
    candidate: Gate

    @classmethod
    def of(cls, module: nn.GRU) -> GRUWeights:
        """Reads a one-layer `torch.nn.GRU`."""
        return cls(*_gates(module, 3))

    def step(self, x: Array, h: Array, placement: ResetPlacement = "after the product") -> GRUStep:
        """Returns the gates and the new state, from the input (I,) and the state before (H,)."""
        reset = sigmoid(self.reset.total(x, h))
        update = sigmoid(self.update.total(x, h))
        if placement == "after the product":
            recalled = reset * self.candidate.of_state(h)
        else:
            recalled = self.candidate.of_state(reset * h)
        candidate = np.tanh(self.candidate.of_input(x) + recalled)
        return GRUStep(reset, update, candidate, update * h + (1 - update) * candidate)


class LSTMStep(NamedTuple):
    """What an LSTM does at one step: six (H,) arrays."""

    input: Array
    forget: Array
    """How much of the memory before is kept."""
    candidate: Array
    output: Array
    memory: Array
    """The new memory cell, not bounded."""
    hidden: Array


@dataclass(frozen=True)
class LSTMWeights:
    """The four weight triples of an LSTM (Hochreiter & Schmidhuber 1997, with Gers's forget gate)."""

    input: Gate
    forget: Gate
    candidate: Gate
    output: Gate

    @classmethod
    def of(cls, module: nn.LSTM) -> LSTMWeights:
        """Reads a one-layer `torch.nn.LSTM`."""
        return cls(*_gates(module, 4))

    def step(self, x: Array, h: Array, memory: Array) -> LSTMStep:
        """Returns the gates and the new state, from the input (I,) and the state and memory before (H,)."""
        take, keep, show = (sigmoid(gate.total(x, h)) for gate in (self.input, self.forget, self.output))
        candidate = np.tanh(self.candidate.total(x, h))
        memory = keep * memory + take * candidate
        return LSTMStep(take, keep, candidate, show, memory, show * np.tanh(memory))


@dataclass(frozen=True)
class RNNWeights:
    """The one weight triple of a plain recurrent network (Elman 1990)."""

    candidate: Gate

    @classmethod
    def of(cls, module: nn.RNN) -> RNNWeights:
        """Reads a one-layer `torch.nn.RNN` with tanh."""
        return cls(*_gates(module, 1))

    def step(self, x: Array, h: Array) -> Array:
        """Returns the new state (H,): there is nothing but the candidate."""
        hidden: Array = np.tanh(self.candidate.total(x, h))
        return hidden
