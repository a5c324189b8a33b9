"""Other equations than torch.nn's for a cell: what one step makes of its sums, in operations that may round.

The same step runs exactly, in the network that is compared, and in the envelope, where its operations round at random.
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
    """What a step computes with: torch's own operations, or rough ones.

    `project` is W_hr h. `recur` is W_hh v + b_hh, of all gate rows, for a step that multiplies by something other than
    the state itself.
    """

    tanh: Callable[[Tensor], Tensor] = torch.tanh
    sigmoid: Callable[[Tensor], Tensor] = torch.sigmoid
    project: Callable[[Tensor, Tensor], Tensor] = linear
    recur: Callable[[Tensor], Tensor] = _no_sum
    relu: Callable[[Tensor], Tensor] = torch.relu


EXACTLY = Operations()


class Semantics(Protocol):
    """The equations of a layer that stands on the weights of one of torch.nn's cells, without being that cell."""

    @property
    def slug(self) -> str: ...

    def step(self, from_x: Tensor, from_h: Tensor, before: States, by: Operations) -> States:
        """The states after one step, from the states `before`: h, or h and c.

        from_x = W_ih x + b_ih and from_h = W_hh h + b_hh are (B, G*H).
        """
        ...
