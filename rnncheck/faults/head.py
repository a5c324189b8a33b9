"""What is done to the softmax that reads the states."""

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor
from torch.nn import functional

from rnncheck.faults.fault import Fault
from rnncheck.faults.overridable import CutNetwork
from rnncheck.model.spec import Spec
from rnncheck.scratch.network import Network


def faults(spec: Spec) -> Iterator[Fault]:
    if spec.head is not None:
        yield Fault("head-wrong", "softmax over the batch", heading(over_batch))
        yield Fault("head-wrong", "softmax over time", heading(over_time))
        yield Fault("head-wrong", "no softmax", heading(functional.linear))
        yield Fault("head-wrong", "no bias", heading(without_bias))


def heading(head: Callable[[Tensor, Tensor, Tensor], Tensor]) -> type[Network]:
    """y by another way from output (T, B, D*R), W_hy (H, D*R) and b_y (H)."""

    class Heading(CutNetwork):
        def head(self, weights: Mapping[str, Tensor], output: Tensor) -> Tensor | None:
            return head(output, weights["weight_hy"], weights["bias_y"])

    return Heading


def over_time(output: Tensor, weight_hy: Tensor, bias_y: Tensor) -> Tensor:
    return torch.softmax(functional.linear(output, weight_hy, bias_y), 0)


def over_batch(output: Tensor, weight_hy: Tensor, bias_y: Tensor) -> Tensor:
    return torch.softmax(functional.linear(output, weight_hy, bias_y), 1)


def without_bias(output: Tensor, weight_hy: Tensor, bias_y: Tensor) -> Tensor:
    return torch.softmax(functional.linear(output, weight_hy), -1)
