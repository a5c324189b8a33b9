"""The variant: its equations, the cell whose weights it uses, and its description."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from rnncheck.model.spec import Cell
from rnncheck.model.variant import Operations, States

Step = Callable[[Tensor, Tensor, States, Operations], States]


@dataclass(frozen=True, eq=False)
class Variant:
    """A layer with other equations than torch.nn's.

    `step(from_x, from_h, before, by)` makes the states after a step of from_x = W_ih x + b_ih and from_h = W_hh h +
    b_hh, both (B, G*H) with torch's gates in torch's order, and of the states before it. Functions and matrix products
    are those of `by` alone, so that the envelope can let them round.
    """

    slug: str
    cell: Cell
    title: str
    equations: str
    source: str
    users: str
    step: Step
