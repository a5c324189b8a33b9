"""Cells with other equations than torch.nn: one step, written with operations that may round.

The same step runs exactly in the network, and with random rounding in the envelope.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn.functional import linear

States = tuple[Tensor, ...]
"""h (B, R), and for the LSTM c (B, H)."""


def _no_sum(values: Tensor) -> Tensor:
    raise NotImplementedError("this cell gets its sums from outside its step")


class Operations(NamedTuple):
    """The operations of a step: those of torch, or ones that round at random.

    `project` is W_hr h. `recur` is W_hh v + b_hh for all gate rows, for a step that multiplies W_hh by another value
    than the state.
    """

    tanh: Callable[[Tensor], Tensor] = torch.tanh
    sigmoid: Callable[[Tensor], Tensor] = torch.sigmoid
    project: Callable[[Tensor, Tensor], Tensor] = linear
    recur: Callable[[Tensor], Tensor] = _no_sum
    relu: Callable[[Tensor], Tensor] = torch.relu


EXACTLY = Operations()


class Semantics(Protocol):
    """The equations of a layer that uses the weights of one of torch.nn's cells but computes another function."""

    @property
    def slug(self) -> str: ...

    def step(self, from_x: Tensor, from_h: Tensor, before: States, by: Operations) -> States:
        """The states after one step, from the states `before`: h, or h and c.

        from_x = W_ih x + b_ih and from_h = W_hh h + b_hh are (B, G*H).
        """
        ...
