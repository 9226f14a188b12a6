"""The copy-memory task: what a recurrent cell can carry over a distance, without any chess.

A few symbols are shown, then nothing for `distance` steps, then the network is asked to repeat them
(Hochreiter & Schmidhuber 1997; in this form Arjovsky et al. 2016, arXiv 1511.06464). A cell whose gradient
fades on the way cannot learn it: `gradient_reach` measures that directly.

Shapes: B sequences, T steps, K symbols to remember.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from chessgru.errors import SettingsError
from chessgru.model import Cell


@dataclass(frozen=True, kw_only=True)
class CopyTask:
    """How much to remember, and for how long."""

    distance: int = 30
    """Empty steps between the last symbol and the first question."""
    symbols: int = 1
    """K, how many to remember."""
    alphabet: int = 8
    """How many different symbols there are: a guess is right 1 time in so many."""

    def __post_init__(self) -> None:
        if self.distance < 0 or self.symbols < 1 or self.alphabet < 2:
            raise SettingsError(f"{self}: distance >= 0, symbols >= 1 and alphabet >= 2 are needed")

    @property
    def steps(self) -> int:
        """T, the length of a sequence."""
        return self.distance + 2 * self.symbols

    def batch(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Returns sequences (B, T) of symbols, blanks and questions, and the answers (B, K)."""
        answers = torch.randint(self.alphabet, (count, self.symbols), generator=generator)
        blanks = torch.full((count, self.distance), self.alphabet)
        questions = torch.full((count, self.symbols), self.alphabet + 1)
        return torch.cat([answers, blanks, questions], dim=1), answers


Recurrent = nn.GRU | nn.LSTM | nn.RNN
_LAYERS: Final[Mapping[Cell, type[Recurrent]]] = {"gru": nn.GRU, "lstm": nn.LSTM, "rnn": nn.RNN}


def _open_gates(layer: Recurrent, bias: float) -> None:
    """Adds to the bias of the gate that keeps: an LSTM's forget gate, a GRU's update gate."""
    if isinstance(layer, nn.RNN):
        return
    hidden = layer.hidden_size  # PyTorch stacks both gates second, after the input or reset gate
    with torch.no_grad():
        layer.get_parameter("bias_ih_l0")[hidden : 2 * hidden] += bias


class Rememberer(nn.Module):
    """A recurrent cell between an embedding and a linear read-out.

    `keep_bias` lets the gates that keep begin more open than PyTorch's do (Jozefowicz et al. 2015).
    """

    def __init__(self, task: CopyTask, cell: Cell, hidden: int = 32, keep_bias: float = 1.0) -> None:
        super().__init__()
        self.task = task
        self.embedding = nn.Embedding(task.alphabet + 2, hidden)
        self.recurrent = _LAYERS[cell](hidden, hidden, batch_first=True)
        _open_gates(self.recurrent, keep_bias)
        self.answer = nn.Linear(hidden, task.alphabet)

    def read(self, embedded: Tensor) -> Tensor:
        """Returns the logits (B, K, alphabet) of the answers, from embedded sequences (B, T, H)."""
        logits: Tensor = self.answer(self.recurrent(embedded)[0][:, -self.task.symbols :])
        return logits

    def forward(self, sequences: Tensor) -> Tensor:
        """Returns the logits (B, K, alphabet) of the answers, from sequences (B, T)."""
        return self.read(self.embedding(sequences))


@dataclass(frozen=True)
class Lesson:
    """How learning the task went."""

    model: Rememberer
    loss: NDArray[np.float64]
    """(steps,) nats a symbol; ln(alphabet) is guessing."""
    accuracy: NDArray[np.float64]
    """(steps,) the share of symbols repeated correctly in each batch, before learning from it."""


def learn_to_copy(
    task: CopyTask,
    cell: Cell,
    *,
    steps: int = 400,
    hidden: int = 32,
    keep_bias: float = 1.0,
    batch: int = 64,
    learning_rate: float = 3e-3,
    seed: int = 0,
    report: Callable[[int], None] | None = None,
) -> Lesson:
    """Trains a small network on the task (Adam, gradients clipped to norm 1) and returns how it went.

    Every batch is fresh, so the accuracy is that on data not seen before.
    """
    torch.manual_seed(seed)
    model = Rememberer(task, cell, hidden, keep_bias)
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    loss, accuracy = np.zeros(steps), np.zeros(steps)
    for step in range(steps):
        sequences, answers = task.batch(batch, generator)
        logits = model(sequences)
        value = functional.cross_entropy(logits.flatten(0, 1), answers.flatten())
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        loss[step] = value.item()
        accuracy[step] = (logits.argmax(-1) == answers).double().mean().item()
        if report is not None:
            report(step)
    return Lesson(model, loss, accuracy)


def gradient_reach(model: Rememberer, *, sequences: int = 64, seed: int = 0) -> NDArray[np.float64]:
    """Returns (T,): how much the last answer depends on the input d steps before it, d = 0, 1, …

    It is the norm of the gradient of the right answer's logit with respect to that input, averaged over
    sequences. The logit, not the loss: a solved task has no loss left to have a gradient.
    """
    tokens, answers = model.task.batch(sequences, torch.Generator().manual_seed(seed))
    embedded = model.embedding(tokens).detach().requires_grad_()
    right = model.read(embedded)[:, -1].gather(1, answers[:, -1:])
    (gradient,) = torch.autograd.grad(right.sum(), embedded)  # (B, T, H)
    norms: NDArray[np.float64] = gradient.norm(dim=-1).double().mean(0).flip(0).numpy()
    return norms
