"""How a base model's weights are changed: Muon for the matrices of the hidden layers, AdamW for the rest.

Muon (Jordan et al. 2024, PyTorch's `torch.optim.Muon`) replaces the momentum of a weight matrix by the
nearest orthogonal matrix, so that a step is of one length in all directions. A convolution's filters are
one matrix, a row an output channel; the gates of a recurrent cell and the two halves of a modulation are
matrices of their own. Steps are scaled to the size of AdamW's (Liu et al. 2025, arXiv:2502.16982).
Processes that train together (`chessgru.data_parallel`) change some of the matrices each.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from chessgru import data_parallel

_MOMENTUM = 0.95
_ADAM = ("step", "exp_avg", "exp_avg_sq")
_WEIGHING = ("weighing.origin.", "weighing.target.", "weighing.mood.")
_HIDDEN = ("blocks.", "late_blocks.", "pool.", "recurrent.", "origin.", "target.", "mood.", *_WEIGHING)
_GATES = {"gru": 3, "lstm": 4, "rnn": 1}


def _rows(tensor: Tensor) -> Tensor:
    """Returns a weight with a row an output: filters (O, I, 3, 3) as (O, 9 * I)."""
    return tensor.permute(0, 2, 3, 1).reshape(len(tensor), -1) if tensor.ndim == 4 else tensor


def _matrices_in(name: str, parameter: Tensor, cell: str) -> int:
    """Returns how many matrices of hidden layers lie one above the other in a parameter: 0 for others."""
    if not name.startswith(_HIDDEN) or parameter.ndim not in (2, 4):
        return 0
    if name.startswith("recurrent."):
        return _GATES[cell]
    return 2 if "modulate" in name or name.startswith("mood.") else 1


class _Matrix:
    """One of `count` matrices that lie one above the other in a parameter, sharing its memory."""

    def __init__(self, parameter: nn.Parameter, number: int, count: int) -> None:
        self.parameter, self._number, self._count = parameter, number, count
        self.shared = nn.Parameter(self._part(parameter.data))
        if self.shared.untyped_storage().data_ptr() != parameter.untyped_storage().data_ptr():
            raise ValueError("filters must lie channels last in memory: model.to(memory_format=...)")

    def _part(self, tensor: Tensor) -> Tensor:
        return _rows(tensor).chunk(self._count)[self._number]

    def take_gradient(self) -> None:
        gradient = self.parameter.grad
        self.shared.grad = None if gradient is None else self._part(gradient)


class Optimizer:
    """Changes the parameters given by name, in place; `styles` names the one that has a rate of its own."""

    def __init__(
        self, parameters: Mapping[str, nn.Parameter], *, cell: str, weight_decay: float, styles: str
    ) -> None:
        self._parameters = dict(parameters)
        self._matrices: dict[str, _Matrix] = {}
        for name, parameter in self._parameters.items():
            count = _matrices_in(name, parameter, cell)
            for number in range(count):
                self._matrices[f"{name}.{number}"] = _Matrix(parameter, number, count)
        matrices = {id(each.parameter) for each in self._matrices.values()}
        self._others = {
            name: parameter for name, parameter in self._parameters.items() if id(parameter) not in matrices
        }
        others = [parameter for name, parameter in self._others.items() if name != styles]
        self._adam = torch.optim.AdamW(
            [{"params": others}, {"params": [self._parameters[styles]]}], weight_decay=weight_decay
        )
        effort = [each.shared.numel() * min(each.shared.shape) for each in self._matrices.values()]
        self._own = data_parallel.own_part(np.array(effort)).tolist()
        self._processes = data_parallel.processes()
        mine = [
            matrix.shared for number, matrix in enumerate(self._matrices.values()) if number in self._own
        ]
        self._muon = torch.optim.Muon(
            mine,
            weight_decay=weight_decay,
            momentum=_MOMENTUM,
            adjust_lr_fn="match_rms_adamw",
        )

    def zero_grad(self) -> None:
        """Forgets the gradients."""
        for parameter in self._parameters.values():
            parameter.grad = None

    def step(self, rate: float, matrix_rate: float, style_rate: float) -> None:
        """Follows the gradients, at these learning rates.

        Raises RuntimeError if other processes joined since this was made: each would change every matrix.
        """
        if data_parallel.processes() != self._processes:
            raise RuntimeError("the optimizer was made before the processes met: make it in `begin()`")
        for each in self._matrices.values():
            each.take_gradient()
        for group, value in zip(self._adam.param_groups, (rate, style_rate), strict=True):
            group["lr"] = value
        self._muon.param_groups[0]["lr"] = matrix_rate
        self._muon.step()  # type: ignore[no-untyped-call]
        data_parallel.hand_round([each.shared.data for each in self._matrices.values()], self._own)
        self._adam.step()

    def tensors(self) -> dict[str, Tensor]:
        """Returns all that the next step depends on, by name; zeros before the first.

        All processes must ask for it together.
        """
        found: dict[str, Tensor] = {}
        for name, parameter in self._others.items():
            state = self._adam.state.get(parameter, {})
            for key in _ADAM:
                empty = torch.zeros(()) if key == "step" else torch.zeros_like(parameter)
                found[f"{name}.{key}"] = state.get(key, empty)
        momenta = {}
        for name, matrix in self._matrices.items():
            state = self._muon.state.get(matrix.shared, {})
            momenta[f"{name}.momentum"] = state.get("momentum_buffer", torch.zeros_like(matrix.shared))
        data_parallel.hand_round(list(momenta.values()), self._own)
        return found | momenta

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Takes over what `tensors` returned."""
        for name, parameter in self._others.items():
            self._adam.state[parameter] = {
                key: tensors[f"{name}.{key}"].clone().to(parameter.device if key != "step" else "cpu")
                for key in _ADAM
            }
        for number, (name, matrix) in enumerate(self._matrices.items()):
            if number not in self._own:
                continue
            momentum = tensors[f"{name}.momentum"].clone().to(matrix.shared.device)
            self._muon.state[matrix.shared] = {"momentum_buffer": momentum}
