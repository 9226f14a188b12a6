"""What `MoveGRU` computes on the processor when no gradients are wanted: the same numbers, sooner.

Positions go through the network a few at a time, so that their features stay in the processor's cache.
Convolutions and matrix products are those of `chessgru.products`, or PyTorch's where there is little to do;
all between them is one pass of `chessgru.kernels` each.
Attacks and legal moves are lists here. With gradients, `chessgru.gradients` has the blocks' layers; the
cell here reads whole games in both cases.

Shapes: N positions, C channels, L legal moves; features are (N * 64, C), a row a square.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from chessgru import gradients, kernels, movegen, products, tactics
from chessgru.jit import on_disk
from chessgru.kernels import Links, Moves, Taps
from chessgru.replay import Boards, legal_moves

_AT_ONCE: Final = 64
"""Positions that go through the network together."""
_WORTH_TILING: Final = 32
"""From so many positions on, tiles are quicker than a plain convolution."""
_WORTH_PRODUCTS: Final = 16
"""From so many rows on, the products here are quicker than PyTorch's."""
_NO_FLOOR, _ZERO = np.float32(-np.inf), np.float32(0)


class Layers(Protocol):
    """The layers of `model.MoveGRU` that see and decide."""

    stem: nn.Conv2d
    place: nn.Parameter
    squeeze: nn.Conv2d
    pool: nn.Linear
    blocks: Any
    late_blocks: Any
    origin: nn.Linear
    target: nn.Linear
    promotion: nn.Linear
    mood: nn.Linear
    weighing: Any
    temperature: Tensor


class Glance(NamedTuple):
    """What was seen of N positions by themselves."""

    features: Tensor
    """(N * 64, C)."""
    links: Links
    moves: Moves
    effects: Tensor
    """(L, E): see `tactics.effects`."""
    positions: int
    """N."""


class _Affine(NamedTuple):
    """What follows a convolution; see `kernels.affine`."""

    scale: NDArray[np.float32]
    shift: NDArray[np.float32]
    rows: NDArray[np.int64]
    floor: np.float32


def _product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Returns (R, O): x (R, I) times the weight (O, I)."""
    if len(x) < _WORTH_PRODUCTS:
        return functional.linear(x, weight, bias)
    bias = x.new_zeros(len(weight)) if bias is None else bias
    out = x.new_empty(len(x), len(weight))
    inside = (each.detach().reshape(-1).numpy() for each in (x, weight.T.contiguous(), bias, out))
    products.product(*inside)
    return out


def _bias(layer: nn.Conv2d) -> Tensor:
    return layer.weight.new_zeros(layer.out_channels) if layer.bias is None else layer.bias.detach()


class Convolution:
    """A 3x3 convolution of boards, by tiles where that pays."""

    def __init__(self, layer: nn.Conv2d, *, tiled: bool) -> None:
        out, inputs = layer.weight.shape[:2]
        self._weight = layer.weight
        self._tiled = tiled and inputs == out and inputs % 4 == 0
        if self._tiled:
            self._weight = gradients.tiled(layer.weight)

    def __call__(self, features: Tensor, affine: _Affine) -> Tensor:
        """Returns the affine map of the convolution's result without its bias: (N * 64, O)."""
        if not self._tiled:
            boards = features.view(-1, 8, 8, features.shape[1]).permute(0, 3, 1, 2)
            found = functional.conv2d(boards, self._weight, padding=1).permute(0, 2, 3, 1)
            found = found.reshape(len(features), -1)
            kernels.affine(found.numpy(), affine.scale, affine.shift, affine.rows, affine.floor)
            return found
        found = torch.empty_like(features)
        products.convolution(features.shape[1])(
            features.numpy().reshape(-1),
            self._weight.numpy(),
            affine.scale.reshape(-1),
            affine.shift.reshape(-1),
            affine.rows,
            affine.floor,
            features.new_empty(products.room(features.shape[1])).numpy(),
            found.numpy().reshape(-1),
        )
        return found


class _Block:
    """A `model.Block`."""

    def __init__(self, block: Any, modulation: Tensor, *, tiled: bool) -> None:  # noqa: ANN401
        self._first = Convolution(block.first, tiled=tiled)
        self._second = Convolution(block.second, tiled=tiled)
        scale, shift = _product(modulation, block.modulate.weight, block.modulate.bias).chunk(2, dim=-1)
        self._scale = (1 + scale).numpy()
        self._shift = torch.addcmul(shift, _bias(block.first), 1 + scale).numpy()
        self._to_attacked, self._to_attacker = block.to_attacked.weight, block.to_attacker.weight
        self._gain = np.float32(block.gain.item())
        bias = _bias(block.second)[None].numpy()
        self._after = _Affine(np.ones_like(bias), bias, np.zeros(_AT_ONCE, np.int64), _NO_FLOOR)

    def __call__(self, features: Tensor, links: Links, rows: NDArray[np.int64]) -> Tensor:
        """Returns the features after the block; position n is modulated by row `rows[n]`."""
        inner = self._first(features, _Affine(self._scale, self._shift, rows, _ZERO))
        own = inner.new_empty(len(links.pieces), inner.shape[1])
        seen = torch.empty_like(own)
        kernels.gather(inner.numpy(), *links, own.numpy(), seen.numpy())
        branch = self._second(inner, self._after._replace(rows=self._after.rows[: len(rows)]))
        to_attacked, to_attacker = _product(own, self._to_attacked), _product(seen, self._to_attacker)
        kernels.finish(
            features.numpy(), branch.numpy(), to_attacked.numpy(), to_attacker.numpy(), *links, self._gain
        )
        return branch


@cache
def _inside() -> Tensor:
    """Returns (64, 9): 1 where the step from a square stays on the board."""
    ones = functional.pad(torch.ones(8, 8), (1, 1, 1, 1))
    return torch.stack([ones[y : y + 8, x : x + 8].flatten() for y in range(3) for x in range(3)], dim=1)


def _taps(net: Layers) -> Taps:
    weight = net.stem.weight.flatten(2).permute(1, 2, 0)  # (PLANES, 9, C), by the step towards the input
    everywhere = _inside() @ weight  # (PLANES, 64, C)
    rights = torch.arange(16)[:, None] >> torch.arange(4) & 1
    ground = torch.einsum("nr,rsc->nsc", rights.float(), everywhere[15:19])
    ground += net.place.flatten(1).T + _bias(net.stem)
    return Taps(weight.flip(1).contiguous().numpy(), ground.numpy(), everywhere[21].contiguous().numpy())


class _Eye:
    def __init__(self, net: Layers, condition: Tensor, *, tiled: bool) -> None:
        self._blocks = [_Block(block, condition, tiled=tiled) for block in net.blocks]
        self._taps = _taps(net)
        self._squeeze = net.squeeze.weight.flatten(1)
        self._squeeze_bias = net.squeeze.bias

    def __call__(
        self, boards: Boards, last: Tensor, rows: NDArray[np.int64], wanted: Tensor | None
    ) -> tuple[Glance, Tensor]:
        legal = legal_moves(boards)
        attacks, allowed = legal.attacks.numpy(), legal.moves.numpy()
        links = kernels.find_links(attacks)
        features = torch.empty(len(last) * 64, self._taps.clock.shape[1])
        fields = (boards.squares, boards.castling, boards.en_passant, boards.halfmove_clock, last)
        squares, castling, passing, halfmoves, moved = (field.contiguous().numpy() for field in fields)
        exchanges = tactics.exchange_planes(boards, compiled=True).numpy()
        planes = (squares, castling, passing, halfmoves, moved, exchanges)
        kernels.stem(*planes, *links, *self._taps, features.numpy())
        for block in self._blocks:
            features = block(features, links, rows)
        squeezed = _product(features, self._squeeze, self._squeeze_bias).relu_()
        squeezed = squeezed.view(len(last), -1)
        if wanted is not None and not bool(wanted.all()):
            features = features.view(len(last), 64, -1)[wanted].flatten(0, 1)
            links, allowed = kernels.find_links(attacks[wanted.numpy()]), allowed[wanted.numpy()]
            boards = boards.at(wanted)
        moves = kernels.find_moves(allowed)
        position, token = torch.from_numpy(moves.position), torch.from_numpy(moves.token)
        effects = tactics.effects(boards, position, token, compiled=True)
        return Glance(features, links, moves, effects, len(allowed)), squeezed


def worth(positions: int) -> bool:
    """Tells whether to use this module for so many positions: for few only if all of it is compiled."""
    used = (
        kernels.gather,
        kernels.finish,
        kernels.scores,
        kernels.stem,
        products.product,
        *kernels.FINDERS,
    )
    there = positions >= movegen.MANY or on_disk(*used)
    return there and movegen.worth(positions) and tactics.worth(positions)


def _parts(count: int) -> list[slice]:
    return [slice(start, start + _AT_ONCE) for start in range(0, count, _AT_ONCE)]


def see(
    net: Layers, boards: Boards, last: Tensor, condition: Tensor, rows: Tensor, wanted: Tensor | None = None
) -> tuple[list[Glance], Tensor]:
    """Sees N positions by themselves; returns what of those `wanted` (N,), and a summary of all (N, H).

    `boards` and `last` (N,) are the mover's; position n has row `rows[n]` of `condition` (M, K).
    """
    eye = _Eye(net, condition, tiled=len(last) >= _WORTH_TILING)
    found = [
        eye(boards.at(part), last[part], rows[part].numpy(), None if wanted is None else wanted[part])
        for part in _parts(len(last))
    ]
    squeezed = torch.cat([each for _, each in found])
    weight = net.pool.weight.reshape(len(net.pool.weight), -1, 64).transpose(1, 2).flatten(1)
    return [glance for glance, _ in found], _product(squeezed, weight, net.pool.bias).relu_()


class Decision(NamedTuple):
    """The legal moves of some positions, and their logits: (L,) each."""

    position: Tensor
    token: Tensor
    logit: Tensor


class _Hand:
    def __init__(self, net: Layers, mood: Tensor, *, tiled: bool) -> None:
        self._net = net
        self._blocks = [_Block(block, mood, tiled=tiled) for block in net.late_blocks]
        weighing = net.weighing
        # The head's numbers, then the weighing's.
        ways, biases = net.mood.weight.chunk(2), net.mood.bias.chunk(2)
        self._origin_moods = _product(
            mood,
            torch.cat([ways[0], weighing.mood.weight]),
            torch.cat([biases[0] + net.origin.bias, weighing.effects.bias]),
        )  # (N, D + T)
        self._target_moods = _product(mood, ways[1], biases[1] + net.target.bias)  # (N, D)
        self._origins = torch.cat([net.origin.weight, weighing.origin.weight])  # (D + T, C)
        self._keys = net.target.weight.T.contiguous()
        self._by_effect = weighing.effects.weight.T.contiguous().numpy()

    def __call__(self, glance: Glance, start: int) -> Decision:
        net, moves, features = self._net, glance.moves, glance.features
        rows = np.arange(start, start + glance.positions)
        for block in self._blocks:
            features = block(features, glance.links, rows)
        squares, targets = torch.from_numpy(moves.origins), torch.from_numpy(moves.targets)
        position, weighing = (squares >> 6) + start, net.weighing
        found = _product(features.index_select(0, squares), self._origins)
        found.add_(self._origin_moods.index_select(0, position))
        origins, by_origin = found.tensor_split([len(net.origin.weight)], dim=1)  # (R, D), (R, T)
        keys = _product(origins, self._keys)  # (R, C)
        offsets = torch.linalg.vecdot(origins, self._target_moods.index_select(0, position))
        logits = torch.empty(len(moves.token))
        kernels.scores(
            features.numpy(),
            keys.numpy(),
            offsets.numpy(),
            net.promotion.weight.detach().numpy(),
            net.promotion.bias.detach().numpy(),
            moves.token,
            moves.origin,
            moves.target,
            moves.targets,
            np.float32(origins.shape[1] ** -0.5),
            glance.effects.numpy(),
            self._by_effect,
            by_origin.contiguous().numpy(),
            _product(features.index_select(0, targets), weighing.target.weight).numpy(),
            weighing.verdict.weight[0].numpy(),
            logits.numpy(),
        )
        position = torch.from_numpy(moves.position) + start
        return Decision(position, torch.from_numpy(moves.token), logits.div_(net.temperature))


def decide(net: Layers, glances: Sequence[Glance], mood: Tensor) -> Decision:
    """Returns the legal moves of N positions, from what was seen and the mood (N, H + K)."""
    hand, found, start = _Hand(net, mood, tiled=len(mood) >= _WORTH_TILING), [], 0
    for glance in glances:
        if glance.positions:
            found.append(hand(glance, start))
        start += glance.positions
    nothing = torch.zeros(0, dtype=torch.int64)
    found.append(Decision(nothing, nothing, torch.zeros(0)))  # for a game in which nothing is asked
    return Decision(*(torch.cat(column) for column in zip(*found, strict=True)))


class GRU(nn.GRU):
    """A `torch.nn.GRU`, batch first, that also reads games of many lengths, on the processor in float32."""

    weight_ih_l0: Tensor
    weight_hh_l0: Tensor
    bias_ih_l0: Tensor
    bias_hh_l0: Tensor

    def forward(  # type: ignore[override]
        self, inputs: Tensor, state: Tensor | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Does what `torch.nn.GRU` does, unless given the games' lengths (B,).

        Then maps the inputs of all plies, game by game, (N, I), to their states (N, H).
        """
        if lengths is not None:
            return self._read(inputs, lengths), inputs[:0]
        found: tuple[Tensor, Tensor] = super().forward(inputs, state)
        return found

    def _read(self, inputs: Tensor, lengths: Tensor) -> Tensor:
        """At every ply computes only the games that go on, the longest first."""
        order = lengths.argsort(descending=True)
        ply = torch.arange(int(lengths.max()))[:, None]
        going = lengths[order] > ply  # (T, B)
        rows = ((lengths.cumsum(0) - lengths)[order] + ply)[going]
        product = functional.linear if torch.is_grad_enabled() else _product
        heard = product(inputs, self.weight_ih_l0, self.bias_ih_l0).index_select(0, rows)
        states = gradients.states_of(heard, self.weight_hh_l0, self.bias_hh_l0, going.sum(1))
        return states.index_select(0, torch.empty_like(rows).scatter_(0, rows, torch.arange(len(rows))))
