"""Faults of a handwritten backward in what it adds up over timesteps and rows: the gradients of the weights."""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

import torch
from torch import Tensor

from rnncheck.faults.fault import Fault, family
from rnncheck.faults.handwritten import Counting, HandwrittenProduct, Later, handing, without_reset
from rnncheck.faults.overridable import CutNetwork
from rnncheck.faults.shared import ValuesChange, altering, blocks
from rnncheck.model.spec import Cell, Spec
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, DirectionRun, Network

SLUG = "weight-gradient-wrong"
WEIGHTS, BIASES = ("W_ih", "W_hh", "W_hr", "own"), ("b_ih", "b_hh")
OWNERS = {
    "weights and biases": WEIGHTS + BIASES,
    "weights": WEIGHTS,
    "biases": BIASES,
    "W_ih": ("W_ih",),
    "W_hh": ("W_hh",),
}


@family(reported=19)
def faults(spec: Spec) -> Iterator[Fault]:
    """The first variant alone. `variants` has all of them."""
    yield next(variants(spec))


def variants(spec: Spec) -> Iterator[Fault]:
    """Every one of this spec."""

    def fault(variant: str, mixin: type[Network]) -> Fault:
        return Fault(SLUG, variant, mixin, "gradients")

    for whose, fields in OWNERS.items():
        if whose in ("W_ih", "W_hh") or spec.bias or whose == "weights":
            yield fault(f"{whose}: divided by the batch size", divided(fields, lambda steps, rows: rows))
            yield fault(f"{whose}: divided by T", divided(fields, lambda steps, rows: steps))
            yield fault(f"{whose}: of the first timestep alone", OneStep.of(fields, last=False))
            yield fault(f"{whose}: of the last timestep alone", OneStep.of(fields, last=True))
    yield fault("W_hh: from the state after the step", FromStateAfter)
    if spec.cell is Cell.GRU:
        yield fault("W_hh and b_hh: r is missing in n", without_r(weight=True, bias=True))
        yield fault("W_hh: r is missing in n", without_r(weight=True, bias=False))
        yield fault("b_hh: r is missing in n", without_r(weight=False, bias=True))
    yield fault("W_ih: from the x of the step before", other_x(1))
    yield fault("W_ih: from the x of the step after", other_x(-1))
    gates = spec.cell.letters
    if spec.state_size == spec.hidden_size:
        yield fault("W_hh: transposed", reshaped(("W_hh",), lambda gradient: transposed(gradient, len(gates))))
    if spec.input_size == spec.hidden_size and spec.num_layers == 1:
        yield fault("W_ih: transposed", reshaped(("W_ih",), lambda gradient: transposed(gradient, len(gates))))
    for one, other in combinations(range(len(gates)), 2):
        yield fault(
            f"weights and biases: {gates[one]} and {gates[other]} exchanged",
            reshaped(("W_ih", "W_hh", *BIASES), exchanging(len(gates), one, other)),
        )


def replaced(w: LayerWeights, fields: Sequence[str], gradient: ValuesChange) -> LayerWeights:
    """The same parameters, and of these another function of their gradient."""
    present = {name: value for name in fields if (value := getattr(w, name)) is not None}
    return w._replace(**{name: handing(value, {value: gradient}) for name, value in present.items()})


def reshaped(fields: Sequence[str], gradient: ValuesChange) -> type[Network]:
    return altering(lambda w: replaced(w, fields, gradient))


def transposed(gradient: Tensor, gates: int) -> Tensor:
    """Each gate's block (H, H) of (H, G*H)."""
    return torch.cat([each.T for each in blocks(gradient, gates)], -1)


def exchanging(gates: int, one: int, other: int) -> ValuesChange:
    order = list(range(gates))
    order[one], order[other] = other, one
    return lambda gradient: torch.cat([blocks(gradient, gates)[k] for k in order], -1)


def divided(fields: Sequence[str], by: Callable[[int, int], int]) -> type[Network]:
    """The gradients are divided by a number made of T and B."""

    class Divided(CutNetwork):
        def unroll(self, w: LayerWeights, x: Tensor, carry: Carry, active: Tensor | None) -> DirectionRun:
            number = by(*x.shape[:2])
            return super().unroll(replaced(w, fields, lambda gradient: gradient / number), x, carry, active)

    return Divided


class OneStep(Counting):
    """The gradient of one timestep overwrites those of the others."""

    fields: Sequence[str] = ()
    last = False

    @staticmethod
    def of(fields: Sequence[str], *, last: bool) -> type[Network]:
        return type("OneStep", (OneStep,), {"fields": fields, "last": last})

    def project(self, w: LayerWeights, x: Tensor) -> Tensor:
        t = len(x) - 1 if self.last else 0
        projected = super().project(self.without(w), x)
        return torch.cat([projected[:t], CutNetwork.project(self, w, x[t : t + 1]), projected[t + 1 :]])

    def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
        counts = self.at == (self.steps - 1 if self.last else 0)
        return super().step(w if counts else self.without(w), p, carry)

    def without(self, w: LayerWeights) -> LayerWeights:
        present = {name: value for name in self.fields if (value := getattr(w, name)) is not None}
        return w._replace(**{name: value.detach() for name, value in present.items()})


class FromStateAfter(HandwrittenProduct):
    """Multiplies by the state after the step instead of the one before it."""

    def of_weight(self, gradient: Tensor, before: Tensor, later: Later) -> Tensor:
        return later["h"].T @ gradient


def without_r(*, weight: bool, bias: bool) -> type[Network]:
    """The gradients of the GRU's W_hh, of its b_hh, lack the factor r in the rows of n."""

    class WithoutR(HandwrittenProduct):
        def of_weight(self, gradient: Tensor, before: Tensor, later: Later) -> Tensor:
            return super().of_weight(without_reset(gradient, later) if weight else gradient, before, later)

        def of_added(self, gradient: Tensor, later: Later) -> Tensor:
            return without_reset(gradient, later) if bias else gradient

    return WithoutR


def other_x(shift: int) -> type[Network]:
    """The gradient of W_ih is multiplied by the x of another timestep; before the first comes the last."""

    class OtherX(CutNetwork):
        def project(self, w: LayerWeights, x: Tensor) -> Tensor:
            right, read = super().project(w._replace(W_ih=w.W_ih.detach()), x), x.detach().roll(shift, 0).flatten(0, 1)
            backs = {right: lambda gradient: gradient, w.W_ih: lambda gradient: read.T @ gradient.flatten(0, 1)}
            return handing(right, backs)

    return OtherX
