"""The sums that feed the gates of the three cells, in float64, and how far rounding moves them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn.functional import linear

from rnncheck.envelope.rounding import Noise, Rounding, Site
from rnncheck.model.variant import EXACTLY, Operations, States

StepInputs = Sequence[Tensor]
"""What a cell needs of one step, each (B, ·), to perturb it; of all steps they have a T in front."""


class ExactSteps(NamedTuple):
    """Some exact steps of a layer: it read x (T, B, I) and the states `before`; the states `after` are the result.

    from_x = W_ih x + b_ih and from_h = W_hh h + b_hh, both (T, B, G), are the sums that feed its G gate rows.
    """

    x: Tensor
    before: States
    from_x: Tensor
    from_h: Tensor
    after: States

    def to(self, dtype: torch.dtype) -> "ExactSteps":
        before, after = (tuple(each.to(dtype) for each in states) for states in (self.before, self.after))
        return ExactSteps(self.x.to(dtype), before, self.from_x.to(dtype), self.from_h.to(dtype), after)


class EnvelopeCell(Protocol):
    """One layer in one direction. One with `kinks` has a relu, at which a small move may become a large one."""

    gates: "Gates"
    kinks: bool

    def begin(self, noise: Noise) -> list[Site]:
        """The places in `move` that round, created at the start of a run."""
        ...

    def step(self, from_x: Tensor, from_h: Tensor, before: States, by: Operations = EXACTLY) -> States:
        """One step of the cell in float64: its equations."""
        ...

    def step_inputs(self, steps: ExactSteps) -> StepInputs:
        """What `move` needs for all steps, in the dtype of the steps: float64 or `work`."""
        ...

    def move(self, inputs: StepInputs, dx: Tensor | None, before: States, sites: Sequence[Site]) -> States:
        """The moves (K, B, ·) of the states after one step, given the moves of its inputs; all its operations round."""
        ...


class Gates:
    """The parameters of one layer in one direction: float64 for exact runs, in `work` for perturbations.

    `alike_rows` (G) says for each gate row which one has the same weights, `alike_units` (H) for each unit which one
    has them in all its gates; None if no two do.
    `shares` (G) multiplies what moves each gate row: 1/2 where a sigmoid is taken as a tanh of half its argument.
    """

    def __init__(
        self,
        parameters: Mapping[str, Tensor],
        rounding: Rounding,
        work: torch.dtype,
        shares: Tensor | None = None,
        gates: int = 1,
    ) -> None:
        self.rounding, self.work = rounding, work
        self._w_ih, self._w_hh = parameters["weight_ih"], parameters["weight_hh"]
        self._b_ih, self._b_hh = parameters.get("bias_ih"), parameters.get("bias_hh")
        share = self._w_ih.new_ones(1) if shares is None else shares
        self._moves_x = (self._w_ih * share[:, None]).T.to(work)
        self.moves_h = (self._w_hh * share[:, None]).T.to(work)
        self._squares_x = {dtype: squared(self._w_ih, self._b_ih, dtype) for dtype in (torch.float64, work)}
        self._squares_h = {dtype: squared(self._w_hh, self._b_hh, dtype) for dtype in (torch.float64, work)}
        self.rows = len(self._w_ih)
        weights = torch.cat([self._w_ih, self._w_hh], 1)
        self.alike_rows = alike(weights)
        self.alike_units = None
        if self.alike_rows is not None:
            by_unit = weights.view(gates, self.rows // gates, -1).transpose(0, 1)
            self.alike_units = alike(by_unit.flatten(1))
        self.terms_x = self._w_ih.shape[1] + 1
        self.terms_h = self._w_hh.shape[1] + 1

    def sites(self, noise: Noise) -> list[Site]:
        """The places that round in a cell: its sums, then the operations on each unit, then a projection."""
        return [noise.site(alike) for alike in (self.alike_rows, self.alike_units, self.alike_units, None)]

    @property
    def different_units(self) -> int:
        return self.rows if self.alike_units is None else len(set(self.alike_units.tolist()))

    def from_x(self, x: Tensor) -> Tensor:
        return linear(x, self._w_ih, self._b_ih)

    def from_h(self, h: Tensor) -> Tensor:
        return linear(h, self._w_hh, self._b_hh)

    def squares_x(self, x: Tensor) -> Tensor:
        """S2 of from_x: the sum of its squared products and its squared bias."""
        return linear(x.square(), *self._squares_x[x.dtype])

    def squares_h(self, h: Tensor) -> Tensor:
        return linear(h.square(), *self._squares_h[h.dtype])

    def sum_scale(self, steps: ExactSteps, total: Tensor) -> Tensor:
        """The standard deviation of `total`, from_x + from_h, summed in any order."""
        squares = self.squares_x(steps.x).add_(self.squares_h(steps.before[0]))
        return self.rounding.of_sum(self.terms_x + self.terms_h, squares, steps.from_x, steps.from_h, total)

    def moved_by_x(self, dx: Tensor | None, noise: Tensor) -> Tensor:
        """The noise (K, B, G) plus the effect of dx (K, B, I)."""
        return noise if dx is None else add_product(noise, dx, self._moves_x)

    def moved_by_h(self, before: States, moved: Tensor) -> Tensor:
        """The moves (K, B, G) so far plus the effect of the moves of h."""
        return add_product(moved, before[0], self.moves_h) if before else moved


def alike(weight: Tensor) -> Tensor | None:
    """For each row the first row with the same weights, or None if all differ."""
    if not bool((weight.sum(1).sort().values.diff() == 0).any()):  # the same rows have the same sum, too
        return None
    _, kind = torch.unique(weight, dim=0, return_inverse=True)
    kinds = int(kind.max()) + 1
    first = kind.new_full((kinds,), len(kind))
    first.scatter_reduce_(0, kind, torch.arange(len(kind), device=kind.device), "amin")
    return None if kinds == len(kind) else first[kind]


def squared(weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> tuple[Tensor, Tensor | None]:
    return weight.square().to(dtype), None if bias is None else bias.square().to(dtype)


def add_product(moved: Tensor, values: Tensor, matrix: Tensor) -> Tensor:
    """moved += values @ matrix, for (K, B, ·)."""
    moved.flatten(0, 1).addmm_(values.flatten(0, 1), matrix)
    return moved
