"""The variant: its equations, the cell whose weights it uses, and its description."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from rnncheck.model.spec import Cell, Nonlinearity
from rnncheck.model.variant import Operations, States

CellStep = Callable[[Tensor, Tensor, States, Operations], States]


@dataclass(frozen=True, eq=False)
class Variant:
    """A layer with other equations than torch.nn's.

    `step(from_x, from_h, before, by)` makes the states after a step of from_x = W_ih x + b_ih and from_h = W_hh h +
    b_hh, both (B, G*H) with torch's gates in torch's order, and of the states before it. Functions and matrix products
    are those of `by` alone, so that the envelope can let them round.

    `own` are the weights that it has besides torch's, each with its number of blocks of H; they are drawn near zero, or
    `around` another number. The step reads them through `by.scale` and `by.shift`. A variant of the RNN that computes
    with relu says so as its `nonlinearity`. `mixes` is a gate of which 1 - σ(a) = σ(-a) may serve as well, since it
    only weighs the new against the old. `fault` is the slug of the fault that it is beside torch's layer.
    """

    slug: str
    cell: Cell
    title: str
    equations: str
    source: str
    users: str
    step: CellStep
    own: Mapping[str, int] = field(default_factory=dict)
    around: Mapping[str, float] = field(default_factory=dict)
    nonlinearity: Nonlinearity | None = None
    mixes: str = ""
    fault: str = ""

    @property
    def options(self) -> str:
        """The options that compare a candidate with it."""
        relu = f" --nonlinearity {self.nonlinearity}" if self.nonlinearity else ""
        return f"--against variant:{self.slug} --cell {self.cell}{relu}"
