"""Blocks and a recurrent cell with gradients, on the processor in float32: the same numbers, sooner.

A convolution by tiles takes a quarter of the multiplications in both directions (`chessgru.products`),
features go along the lines of attack by lists instead of products with mostly empty 64 x 64 tables, and
what is done to each feature by itself is one pass each way (`chessgru.kernels`). A game is read move by
move without going back to Python in between.

Shapes: N positions, C channels, a multiple of 4, H hidden units; features are (N * 64, C), a row a square.
All tensors are contiguous. Gradients of gradients are refused.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from chessgru import kernels, products
from chessgru.kernels import Links

_NO_FLOOR: Final = np.float32(-np.inf)


@cache
def _tile_ways() -> Tensor:
    return torch.from_numpy(products.tile_ways())


def tiled(weight: Tensor) -> Tensor:
    """Returns a 3x3 convolution's weights (O, I, 3, 3) as `products.convolution` takes them, flat."""
    out, inputs = weight.shape[:2]
    ways = _tile_ways() @ weight.detach().double().reshape(-1, 9).T
    return ways.float().view(36, out, inputs).transpose(1, 2).reshape(-1)


def _convolved(features: Tensor, weight: Tensor, shift: Tensor) -> Tensor:
    channels = features.shape[1]
    found = torch.empty_like(features)
    products.convolution(channels)(
        features.numpy().reshape(-1),
        tiled(weight).numpy(),
        np.ones(channels, np.float32),
        shift.detach().numpy(),
        np.zeros(len(features) // 64, np.int64),
        _NO_FLOOR,
        features.new_empty(products.room(channels)).numpy(),
        found.numpy().reshape(-1),
    )
    return found


def _weight_gradient(features: Tensor, wanted: Tensor) -> Tensor:
    channels = features.shape[1]
    sums = features.new_zeros(36 * channels * channels)
    space = features.new_empty(products.room(channels))
    inside = (each.numpy().reshape(-1) for each in (features, wanted, space, sums))
    products.weight_gradient(channels)(*inside)
    ways = _tile_ways().float().T @ sums.view(36, -1)  # (9, I * O)
    return ways.view(3, 3, channels, channels).permute(3, 2, 0, 1)


def _gathered(features: Tensor, links: Links) -> tuple[Tensor, Tensor]:
    """Returns each piece's own features and the sum over the squares it attacks, (K, C) both."""
    own, seen = features.new_empty(2, len(links.pieces), features.shape[1])
    kernels.gather(features.numpy(), *links, own.numpy(), seen.numpy())
    return own, seen


class _Convolution(Function):
    """Of features (N * 64, C), weight (C, C, 3, 3) and bias (C,); with links also what pieces send."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - what is kept for the way back
        features: Tensor,
        weight: Tensor,
        bias: Tensor,
        to_attacked: Tensor | None = None,
        to_attacker: Tensor | None = None,
        links: Links | None = None,
    ) -> Tensor:
        found = _convolved(features, weight, bias)
        kept = [features, weight]
        if links is not None and to_attacked is not None and to_attacker is not None:
            own, seen = _gathered(features, links)
            kept += [own, seen, to_attacked, to_attacker]
            to_pieces, to_targets = seen @ to_attacker.T, own @ to_attacked.T
            kernels.scatter(to_pieces.numpy(), to_targets.numpy(), *links, found.numpy())
        ctx.links = links
        ctx.save_for_backward(*kept)
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, wanted: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        features, weight, *exchange = ctx.saved_tensors
        wanted = wanted.contiguous()
        nothing = wanted.new_zeros(len(weight))
        turned = weight.detach().transpose(0, 1).flip(2, 3)
        back = _convolved(wanted, turned, nothing) if ctx.needs_input_grad[0] else None
        changes: list[Tensor | None] = [None, None]
        if exchange:
            links: Links = ctx.links
            own, seen, to_attacked, to_attacker = exchange
            at_piece, at_targets = _gathered(wanted, links)
            changes = [at_targets.T @ own, at_piece.T @ seen]
            if back is not None:
                to_pieces, to_targets = at_targets @ to_attacked, at_piece @ to_attacker
                kernels.scatter(to_pieces.numpy(), to_targets.numpy(), *links, back.numpy())
        weights = _weight_gradient(features, wanted) if ctx.needs_input_grad[1] else None
        return back, weights, wanted.sum(0), *changes, None


class _Modulation(Function):
    """Of features (N * 64, C), scale and shift (M, C), and rows (N,) of these."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, scale: Tensor, shift: Tensor, rows: Tensor) -> Tensor:  # noqa: ANN401
        found = torch.empty_like(features)
        inside = (each.numpy() for each in (features, scale, shift, rows, found))
        kernels.modulate(*inside)
        ctx.save_for_backward(features, scale, rows, found)
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, wanted: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        features, scale, rows, found = ctx.saved_tensors
        back, by_scale, by_shift = (
            torch.empty_like(features),
            torch.zeros_like(scale),
            torch.zeros_like(scale),
        )
        given = (features, scale, rows, found, wanted.contiguous(), back, by_scale, by_shift)
        inside = (each.numpy() for each in given)
        kernels.modulate_back(*inside)
        return back, by_scale, by_shift, None


class _Joint(Function):
    """Of features and a branch (N * 64, C), and the branch's gain ()."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, branch: Tensor, gain: Tensor) -> Tensor:  # noqa: ANN401
        found = torch.empty_like(features)
        kernels.join(features.numpy(), branch.numpy(), np.float32(gain.item()), found.numpy())
        ctx.save_for_backward(branch, gain, found)
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, wanted: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # noqa: ANN401
        branch, gain, found = ctx.saved_tensors
        back, by_branch = torch.empty_like(found), torch.empty_like(found)
        by_gain = found.new_zeros(found.shape[1])
        given = (found, wanted.contiguous(), back, by_branch, by_gain)
        inside = (each.numpy() for each in given)
        kernels.join_back(branch.numpy(), np.float32(gain.item()), *inside)
        return back, by_branch, by_gain.sum()


class _Recurrence(Function):
    """Of what is heard (N, 3H), the cell's weight (3H, H) and bias (3H,), and how many games go on (T,)."""

    @staticmethod
    def forward(ctx: Any, heard: Tensor, weight: Tensor, bias: Tensor, counts: Tensor) -> Tensor:  # noqa: ANN401
        size = weight.shape[1]
        own, states = heard.new_empty(len(heard), size), heard.new_empty(len(heard), size)
        gates = torch.empty_like(heard)
        inside = (heard, weight.T.contiguous(), bias, counts, own, gates, states)
        products.recurrence(*(each.detach().numpy() for each in inside))
        ctx.save_for_backward(own, gates, states, weight, counts)
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, wanted: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        own, gates, states, weight, counts = ctx.saved_tensors
        by_heard, by_given = torch.empty_like(gates), torch.empty_like(gates)
        inside = (own, gates, states, weight, counts, wanted.contiguous(), by_heard, by_given)
        products.recurrence_back(*(each.detach().numpy() for each in inside))
        later = torch.arange(int(counts[0]), len(states))
        before = later - counts[:-1].repeat_interleave(counts[1:])
        by_weight = by_given[later].T @ states[before] if ctx.needs_input_grad[1] else None
        return by_heard, by_weight, by_given.sum(0), None


def convolved(features: Tensor, layer: nn.Conv2d) -> Tensor:
    """Returns a 3x3 convolution of boards by a layer with a bias, of C channels to as many."""
    found: Tensor = _Convolution.apply(features, layer.weight, layer.bias)  # type: ignore[no-untyped-call]
    return found


def exchanged(
    features: Tensor, layer: nn.Conv2d, to_attacked: Tensor, to_attacker: Tensor, links: Links
) -> Tensor:
    """Returns the convolution plus what the squares send each other along the lines of attack.

    Each piece sends `to_attacked` (C, C) of its own features to every square it attacks, and gets
    `to_attacker` (C, C) of theirs.
    """
    given = (features, layer.weight, layer.bias, to_attacked, to_attacker, links)
    found: Tensor = _Convolution.apply(*given)  # type: ignore[no-untyped-call]
    return found


def modulated(features: Tensor, scale: Tensor, shift: Tensor, rows: Tensor) -> Tensor:
    """Returns features scaled and shifted, cut off at 0; position n by row `rows[n]` of (M, C)."""
    found: Tensor = _Modulation.apply(features, scale, shift, rows)  # type: ignore[no-untyped-call]
    return found


def joined(features: Tensor, branch: Tensor, gain: Tensor) -> Tensor:
    """Returns features plus `gain` times the branch, cut off at 0."""
    found: Tensor = _Joint.apply(features, branch, gain)  # type: ignore[no-untyped-call]
    return found


def states_of(heard: Tensor, weight: Tensor, bias: Tensor, counts: Tensor) -> Tensor:
    """Returns the states (N, H) of a gated recurrent unit that reads games ply by ply, the longest first.

    `heard` (N, 3H) is what the inputs give to the gates, `weight` (3H, H) and `bias` (3H,) are the states',
    all as in `torch.nn.GRU`; `counts` (T,) says how many games have a ply t.
    """
    found: Tensor = _Recurrence.apply(heard, weight, bias, counts)  # type: ignore[no-untyped-call]
    return found
