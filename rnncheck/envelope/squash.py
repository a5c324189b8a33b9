"""How far an activation's result moves when its argument does: exact for moves of any size, without cancellation.

A perturbation is kept by itself, not as the difference of two runs: one of 1e-16 then has all its digits, even in
float32, and one that is as large as the state saturates as the state does.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

Squash = Sequence[Tensor]
"""tanh at a, about to be perturbed: its value, its slope, and the least that the divisor below may be."""


def squash(value: Tensor, share: Tensor | float = 1.0) -> Squash:
    """`value` is tanh(a); or, with `share` 1/2, it is tanh(a / 2) on behalf of sigmoid(a) = (1 + tanh(a / 2)) / 2."""
    slope = torch.addcmul(value.new_ones(()), value, value, value=-1)
    return value, slope * share, (slope / 2).add_(torch.finfo(torch.float32).tiny)


def moved_squash(at: Squash, by: Tensor) -> Tensor:
    """tanh(a + d) - tanh(a) = (1 - tanh(a)^2) tanh(d) / (1 + tanh(a) tanh(d)), with d = `by`, which is overwritten.

    For a sigmoid, `by` is half of what its argument moves.
    """
    value, slope, floor = at
    d = by.tanh_()
    divisor = torch.addcmul(value.new_ones(()), value, d)
    return d.mul_(slope).div_(torch.maximum(divisor, floor, out=divisor))


def moved_relu(a: Tensor, by: Tensor) -> Tensor:
    """relu(a + d) - relu(a) = max(d, -a) - max(0, -a)."""
    return torch.maximum(by, -a) - (-a).clamp_min(0)
