"""One player's low-rank changes of the base model's weights, and how they are learned.

Every convolution and linear map W of the network, the recurrent cell's included, may change by up @ down of
a small rank (LoRA, Hu et al. 2021, arXiv:2106.09685); biases change freely. Merged into the weights they
give a plain `MoveGRU` of the same shape, the *personal model*: it reads whole games, with the player's
style vector on his side, and is trained on his own moves alone.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, NamedTuple

import numpy as np
import torch
from llvmlite.binding import get_host_cpu_name
from torch import Tensor, nn

from chessgru import threads
from chessgru.batches import shares
from chessgru.memory import Memory
from chessgru.model import Context, MoveGRU
from chessgru.replay import position_keys, replay

_KEPT: Final = ("condition.", "last_move.", "temperature", "place")
"""Parameters that no player changes: there are too many of them, or the style vector speaks for them."""


_MOMENTUM: Final = 0.9  # of Muon: there are only some hundred steps
_CONCENTRATION: Final = 2.0
"""What the network's opinion weighs against counts without age while learning through the memory."""
_THREADS: Final = 3
"""The most that share a step: with more, waiting for the interpreter's lock costs more than they do."""


class Factors(NamedTuple):
    """The change of one weight of O rows: `up` (O, r) times `down` (r, I). A bias has no `down` (0, 0)."""

    up: Tensor
    down: Tensor

    def change(self, weight: Tensor) -> Tensor:
        """Returns the change, in the weight's shape."""
        return (self.up @ self.down if self.down.numel() else self.up).view_as(weight)


Adapters = Mapping[str, Factors]
"""By the parameter's name; empty means the base model as it is."""


def new_adapters(model: MoveGRU, rank: int, generator: torch.Generator) -> dict[str, Factors]:
    """Returns adapters that change nothing yet, ready to be trained."""
    found = {}
    for name, weight in model.named_parameters():
        if name.startswith(_KEPT):
            continue
        if weight.dim() < 2:
            found[name] = Factors(torch.zeros_like(weight), torch.zeros(0, 0))
            continue
        flat = weight.flatten(1)
        down = torch.randn(rank, flat.shape[1], generator=generator) * flat.shape[1] ** -0.5
        found[name] = Factors(torch.zeros(len(flat), rank), down)
    return found


def merged(model: MoveGRU, adapters: Adapters) -> MoveGRU:
    """Returns the personal model: a copy of the base model with the changes added to its weights."""
    personal = copy.deepcopy(model)
    parameters = dict(personal.named_parameters())
    with torch.no_grad():
        for name, factors in adapters.items():
            parameters[name].add_(factors.change(parameters[name]))
    return personal.eval()


@cache
def halves_well() -> bool:
    """Tells whether this processor multiplies bfloat16 faster than float32.

    With AMX it does. With AVX512-BF16 alone AMD's do, and Intel's take twice as long.
    """

    def has(test: str) -> bool:  # torch does not promise that these stay
        return bool(getattr(torch.cpu, test, lambda: False)())

    amd = get_host_cpu_name().startswith("znver")
    return has("_is_amx_tile_supported") or (amd and has("_is_avx512_bf16_supported"))


@dataclass(frozen=True)
class OwnPlies:
    """B games in which one player's moves count."""

    tokens: Tensor
    """(B, T) int64."""
    lengths: Tensor
    """(B,) int64."""
    ratings: Tensor
    """(B, 2) float."""
    speed: Tensor
    """(B,) int64."""
    side: Tensor
    """(B,) int64, 0 where he was White, 1 where Black."""

    def context(self, style: Tensor) -> Context:
        """Returns who plays: the player's style (S,) on his side, the average person on the other."""
        styles = style.new_zeros(len(self.side), 2, len(style))
        rows = torch.arange(len(self.side))
        return Context(self.ratings, self.speed, styles.index_put((rows, self.side), style))

    def split(self, count: int) -> list[OwnPlies]:
        """Returns the games in at most `count` parts with about as many plies each."""
        fields = (self.tokens, self.lengths, self.ratings, self.speed, self.side)
        parts = []
        for games in shares(self.lengths.numpy(), count):
            part = OwnPlies(*(field[games] for field in fields))
            parts.append(replace(part, tokens=part.tokens[:, : int(part.lengths.max())]))
        return parts

    def scored(self) -> Tensor:
        """Returns (B, T) bool: the plies the player moved."""
        ply = torch.arange(self.tokens.shape[1])
        return (ply % 2 == self.side[:, None]) & (ply < self.lengths[:, None])


class Learner:
    """Trains a style vector, and adapters if there are any, on batches of one player's games.

    With a `memory` of these games, the loss is of what the network and the counts of the other games say
    together: so the network learns what the counts cannot tell.
    """

    def __init__(
        self,
        model: MoveGRU,
        style: Tensor,
        adapters: Adapters,
        *,
        style_rate: float,
        adapter_rate: float,
        bias_rate: float,
        style_decay: float,
        memory: Memory | None = None,
    ) -> None:
        self._base = dict(model.named_parameters())
        self._model = merged(model, adapters)
        parameters = dict(self._model.requires_grad_(False).named_parameters())
        self._changing = {name: parameters[name].requires_grad_() for name in adapters}
        self._style = nn.Parameter(style.clone())
        self._factors = {
            name: Factors(*(part.clone() for part in factors)) for name, factors in adapters.items()
        }
        parts = [part for factors in self._factors.values() for part in factors if part.numel()]
        matrices = [part for part in parts if part.dim() == 2]
        biases = [part for part in parts if part.dim() < 2]
        adam = torch.optim.Adam([{"params": [self._style]}], betas=(0.9, 0.98))
        self._optimizers: list[tuple[torch.optim.Optimizer, float]] = [(adam, style_rate)]
        if biases:
            self._optimizers.append((torch.optim.Adam(biases, betas=(0.9, 0.98)), bias_rate))
        if matrices:
            muon = torch.optim.Muon(
                matrices, weight_decay=0.0, momentum=_MOMENTUM, adjust_lr_fn="match_rms_adamw"
            )
            self._optimizers.append((muon, adapter_rate))
        self._style_decay = style_decay
        self._memory = memory and replace(memory, weights=np.ones_like(memory.weights))
        self._halved = halves_well()

    @property
    def vector(self) -> Tensor:
        """The style vector (S,) so far."""
        return self._style.detach().clone()

    @property
    def adapters(self) -> dict[str, Factors]:
        """The adapters so far."""
        return {name: Factors(*(part.clone() for part in f)) for name, f in self._factors.items()}

    @property
    def model(self) -> MoveGRU:
        """The personal model so far; it changes with the next step."""
        return self._model.eval()

    def step(self, batch: OwnPlies, share: float) -> float:
        """Takes one step at `share` of the learning rates; returns the loss in nats a ply before it."""
        plies = int(batch.scored().sum())
        shares = batch.split(min(_THREADS, threads.count()))
        parts = threads.in_threads(lambda part: self._gradients(part, plies), shares)
        losses, gradients = zip(*parts, strict=True)
        style, *weights = (sum(each) for each in zip(*gradients, strict=True))
        self._style.grad = style + 2 * self._style_decay * self._style.detach()
        self._project(dict(zip(self._changing, weights, strict=True)))
        for optimizer, rate in self._optimizers:
            optimizer.param_groups[0]["lr"] = rate * share
            optimizer.step()
        self._merge()
        return float(sum(losses))

    def _gradients(self, games: OwnPlies, plies: int) -> tuple[float, tuple[Tensor, ...]]:
        """Returns these games' part of the mean over `plies` of the loss, and its gradients.

        They are those of the style and of the weights that change.
        """
        with torch.autocast("cpu", torch.bfloat16, enabled=self._halved):
            logits, played = self._model(
                games.tokens, games.lengths, games.context(self._style), scored=games.scored()
            )
        chosen = logits.log_probabilities().index_select(0, played)
        if self._memory is not None:
            chosen = _remembering(self._memory, chosen, games)
        loss = -chosen.sum() / plies
        wanted = [self._style, *self._changing.values()]
        return float(loss.item()), torch.autograd.grad(loss, wanted, materialize_grads=True)

    def _project(self, gradients: Mapping[str, Tensor]) -> None:
        """Turns the gradients of whole weights into those of their factors."""
        for name, gradient in gradients.items():
            up, down = self._factors[name]
            if down.numel():
                flat = gradient.flatten(1)
                up.grad, down.grad = flat @ down.T, up.T @ flat
            else:
                up.grad = gradient

    @torch.no_grad()
    def _merge(self) -> None:
        for name, factors in self._factors.items():
            self._changing[name].copy_(self._base[name] + factors.change(self._base[name]))


def _remembering(memory: Memory, chosen: Tensor, batch: OwnPlies) -> Tensor:
    """Returns the log probabilities (N,) of the played moves once the other games have spoken.

    Each game is in the memory too, and is taken out of the counts, which weigh 1 here whatever their age.
    """
    scored = batch.scored()
    keys = position_keys(replay(batch.tokens[:, :-1]).at(scored)).numpy()
    times, visits = memory.times(keys, np.arange(len(keys)), batch.tokens[scored].numpy())
    others, there = torch.from_numpy(np.stack([times, visits]) - 1).clamp(min=0).float()
    return torch.log((others + _CONCENTRATION * chosen.exp()) / (there + _CONCENTRATION))
