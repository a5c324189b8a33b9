"""Cells with other equations than torch.nn: one step, written with operations that may round.

The same step runs exactly in the network, and with random rounding in the envelope.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn.functional import linear

if TYPE_CHECKING:
    from rnncheck.model.spec import Cell, Nonlinearity

States = tuple[Tensor, ...]
"""h (B, R), and for the LSTM c (B, H)."""


def _no_sum(values: Tensor) -> Tensor:
    raise NotImplementedError("this cell gets its sums from outside its step")


def _not_own(name: str, values: Tensor) -> Tensor:
    raise NotImplementedError("this cell has no weights of its own")


EPSILON = 1e-5  # of torch.nn.LayerNorm


def normalised(values: Tensor) -> Tensor:
    """The values of each row with mean 0 and variance 1, as torch.nn.LayerNorm makes them without its weights."""
    centred = values - values.mean(-1, keepdim=True)
    return centred * (centred.square().mean(-1, keepdim=True) + EPSILON).rsqrt()


class Operations(NamedTuple):
    """The operations of a step: those of torch, or ones that round at random.

    `project` is W_hr h. `recur` is W_hh v + b_hh for all gate rows, for a step that multiplies W_hh by another value
    than the state. `scale` is w * v and `shift` is v + w, with w the variant's own weight of that name.
    """

    tanh: Callable[[Tensor], Tensor] = torch.tanh
    sigmoid: Callable[[Tensor], Tensor] = torch.sigmoid
    project: Callable[[Tensor, Tensor], Tensor] = linear
    recur: Callable[[Tensor], Tensor] = _no_sum
    relu: Callable[[Tensor], Tensor] = torch.relu
    scale: Callable[[str, Tensor], Tensor] = _not_own
    shift: Callable[[str, Tensor], Tensor] = _not_own
    normalise: Callable[[Tensor], Tensor] = normalised


EXACTLY = Operations()


def exactly(recur: Callable[[Tensor], Tensor], own: Mapping[str, Tensor]) -> Operations:
    """Operations that do not round, for a layer with these own weights of its variant."""
    return EXACTLY._replace(
        recur=recur,
        scale=lambda name, values: own[name] * values,
        shift=lambda name, values: values + own[name],
    )


class Semantics(Protocol):
    """The equations of a layer that uses the weights of one of torch.nn's cells but computes another function."""

    @property
    def slug(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def cell(self) -> "Cell": ...

    @property
    def nonlinearity(self) -> "Nonlinearity | None":
        """That of an RNN, if it is not torch's default."""
        ...

    @property
    def own(self) -> Mapping[str, int]:
        """The names of the weights that torch's cell does not have, and how many blocks of H numbers each has."""
        ...

    @property
    def around(self) -> Mapping[str, float]:
        """What its own weights are drawn around, where that is not 0."""
        ...

    @property
    def mixes(self) -> str:
        """The gate that only weighs the new against the old, of which 1 - σ(a) = σ(-a) serves as well; or none."""
        ...

    def step(self, from_x: Tensor, from_h: Tensor, before: States, by: Operations) -> States:
        """The states after one step, from the states `before`: h, or h and c.

        from_x = W_ih x + b_ih and from_h = W_hh h + b_hh are (B, G*H).
        """
        ...
