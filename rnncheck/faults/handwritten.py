"""A network with parts of its backward written by hand: its values are right."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from rnncheck.faults.overridable import CutNetwork
from rnncheck.faults.shared import ValuesChange
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry


class BackwardByHand(torch.autograd.Function):
    """`value`, and a backward that hands each of `parts` what its function in `backs` makes of the gradient."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, backs: Sequence[ValuesChange], *parts: Tensor) -> Tensor:
        ctx.backs = backs
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return None, None, *(back(gradients[0]) for back in ctx.backs)


def handing(value: Tensor, backs: Mapping[Tensor, ValuesChange]) -> Tensor:
    """`value`, as a handwritten backward has it: each key's gradient is a function of the gradient of `value`."""
    return BackwardByHand.apply(value.detach(), tuple(backs.values()), *backs)  # type: ignore[no-any-return, no-untyped-call]


class Counting(CutNetwork):
    """Knows how many timesteps there are, and which one it is at."""

    steps = at = 0

    def project(self, w: LayerWeights, x: Tensor) -> Tensor:
        self.steps, self.at = len(x), 0
        return super().project(w, x)

    def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
        stepped = super().step(w, p, carry)
        self.at += 1
        return stepped


Later = Mapping[str, Tensor]
"""What a step has computed when its gradient comes: the state "h" after it, and of the GRU the reset gate "r"."""


class HandwrittenProduct(CutNetwork):
    """Its product with W_hh has a backward of its own: of the GRU with b_hh, of the others with the input part."""

    later: dict[str, Tensor]

    def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
        self.later = {}
        stepped = super().step(w, p, carry)
        self.later["h"] = stepped[0].detach()
        return stepped

    def reset(self, r: Tensor, z: Tensor) -> Tensor:
        self.later["r"] = r.detach()
        return super().reset(r, z)

    def sums(self, w: LayerWeights, p: Tensor, h: Tensor) -> Tensor:
        return self.product(super().sums(w, p, h), p, h, w.W_hh)

    def recurrent(self, w: LayerWeights, h: Tensor) -> Tensor:
        return self.product(super().recurrent(w, h), w.b_hh.expand(len(h), -1), h, w.W_hh)

    def product(self, right: Tensor, added: Tensor, h: Tensor, weight: Tensor) -> Tensor:
        """`right` = `added` + h W_hh, with W_hh the `weight`."""
        before, detached, later = h.detach(), weight.detach(), self.later
        return handing(
            right,
            {
                added: lambda gradient: self.of_added(gradient, later),
                h: lambda gradient: self.of_state(gradient, detached, later),
                weight: lambda gradient: self.of_weight(gradient, before, later),
            },
        )

    def of_added(self, gradient: Tensor, later: Later) -> Tensor:
        return gradient

    def of_state(self, gradient: Tensor, weight: Tensor, later: Later) -> Tensor:
        return gradient @ weight.T

    def of_weight(self, gradient: Tensor, before: Tensor, later: Later) -> Tensor:
        return before.T @ gradient


def without_reset(gradient: Tensor, later: Later) -> Tensor:
    """The gradient of the GRU's W_hh h + b_hh, without the factor r in the rows of n."""
    of_r, of_z, of_n = gradient.chunk(3, -1)
    return torch.cat([of_r, of_z, of_n / later["r"]], -1)
