"""Faults of a handwritten backward in what it adds up over timesteps and rows, and in what it carries back.

The values are right, and so is each gate's slope.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, combinations

import torch
from torch import Tensor

from rnncheck.faults.fault import Fault, family
from rnncheck.faults.overridable import CutNetwork
from rnncheck.faults.shared import Values, altering, blocks, handing
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import State
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, DirectionRun, Network

ADDED_UP, CARRIED = "weight-gradient-wrong", "state-gradient-wrong"
GATES = {Cell.RNN: ("h",), Cell.LSTM: tuple("ifgo"), Cell.GRU: tuple("rzn")}
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
    """The first variant of each alone. `variants` has all of them."""
    yield next(sums(spec))
    yield next(carried(spec))


def variants(spec: Spec) -> Iterator[Fault]:
    return chain(sums(spec), carried(spec))


def sums(spec: Spec) -> Iterator[Fault]:
    """The gradients of the parameters."""

    def fault(variant: str, mixin: type[Network]) -> Fault:
        return Fault(ADDED_UP, variant, mixin, "gradients")

    for whose, fields in OWNERS.items():
        if whose in ("W_ih", "W_hh") or spec.bias or whose == "weights":
            yield fault(f"{whose}: divided by the batch size", divided(fields, lambda steps, rows: rows))
            yield fault(f"{whose}: divided by T", divided(fields, lambda steps, rows: steps))
            yield fault(f"{whose}: of the first timestep alone", OneStep.of(fields, last=False))
            yield fault(f"{whose}: of the last timestep alone", OneStep.of(fields, last=True))
    yield fault("W_hh: from the state after the step", StateAfter)
    yield fault("W_ih: from the x of the step before", other_x(1))
    yield fault("W_ih: from the x of the step after", other_x(-1))
    gates = GATES[spec.cell]
    if spec.state_size == spec.hidden_size:
        yield fault("W_hh: transposed", reshaped(("W_hh",), lambda gradient: transposed(gradient, len(gates))))
    if spec.input_size == spec.hidden_size and spec.num_layers == 1:
        yield fault("W_ih: transposed", reshaped(("W_ih",), lambda gradient: transposed(gradient, len(gates))))
    for one, other in combinations(range(len(gates)), 2):
        yield fault(
            f"weights and biases: {gates[one]} and {gates[other]} exchanged",
            reshaped(("W_ih", "W_hh", *BIASES), exchanging(len(gates), one, other)),
        )


def carried(spec: Spec) -> Iterator[Fault]:
    """The gradients of the state, of x and of the results."""

    def fault(variant: str, mixin: type[Network]) -> Fault:
        return Fault(CARRIED, variant, mixin, "gradients")

    yield fault("the final state is left out", without_final(0, 1))
    if spec.cell is Cell.LSTM:
        yield fault("h_n is left out", without_final(0))
        yield fault("c_n is left out", without_final(1))
    yield fault("the output is left out", WithoutOutput)
    for part, name in enumerate("hc" if spec.cell is Cell.LSTM else "h"):
        yield fault(f"{name}: overwritten by that of each step", overwritten(part))
    yield fault("all outputs but the last are left out", LastOutputAlone)
    if spec.state_size == spec.hidden_size:
        yield fault("W_hh for its transpose", NotTransposed)
    gates = GATES[spec.cell]
    for k, gate in enumerate(gates if len(gates) > 1 else ()):
        yield fault(f"h: by {gate} is left out", without_gate(k, of_state=True))
        yield fault(f"x: by {gate} is left out", without_gate(k, of_state=False))


# What is added up.


def replaced(w: LayerWeights, fields: Sequence[str], gradient: Values) -> LayerWeights:
    """The same parameters, and of these another function of their gradient."""
    present = {name: value for name in fields if (value := getattr(w, name)) is not None}
    return w._replace(**{name: handing(value, {value: gradient}) for name, value in present.items()})


def reshaped(fields: Sequence[str], gradient: Values) -> type[Network]:
    return altering(lambda w: replaced(w, fields, gradient))


def transposed(gradient: Tensor, gates: int) -> Tensor:
    """Each gate's block (H, H) of (H, G*H)."""
    return torch.cat([each.T for each in blocks(gradient, gates)], -1)


def exchanging(gates: int, one: int, other: int) -> Values:
    order = list(range(gates))
    order[one], order[other] = other, one
    return lambda gradient: torch.cat([blocks(gradient, gates)[k] for k in order], -1)


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


class Recurrent(CutNetwork):
    """Its product with W_hh has a backward of its own: of the GRU with b_hh, of the others with the input part."""

    after: list[Tensor]

    def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
        self.after = []
        stepped = super().step(w, p, carry)
        self.after.append(stepped[0].detach())
        return stepped

    def sums(self, w: LayerWeights, p: Tensor, h: Tensor) -> Tensor:
        return self.product(super().sums(w, p, h), p, h, w.W_hh)

    def recurrent(self, w: LayerWeights, h: Tensor) -> Tensor:
        return self.product(super().recurrent(w, h), w.b_hh.expand(len(h), -1), h, w.W_hh)

    def product(self, right: Tensor, added: Tensor, h: Tensor, weight: Tensor) -> Tensor:
        """`right` = `added` + h W_hh, with W_hh the `weight`."""
        before, detached, after = h.detach(), weight.detach(), self.after
        return handing(
            right,
            {
                added: lambda gradient: gradient,
                h: lambda gradient: self.of_state(gradient, detached),
                weight: lambda gradient: self.of_weight(gradient, before, after),
            },
        )

    def of_state(self, gradient: Tensor, weight: Tensor) -> Tensor:
        return gradient @ weight.T

    def of_weight(self, gradient: Tensor, before: Tensor, after: Sequence[Tensor]) -> Tensor:
        """`before` and `after` are the states around the step; that after it is not there until the step is done."""
        return before.T @ gradient


class StateAfter(Recurrent):
    """Multiplies by the state after the step instead of the one before it."""

    def of_weight(self, gradient: Tensor, before: Tensor, after: Sequence[Tensor]) -> Tensor:
        return after[0].T @ gradient


def other_x(shift: int) -> type[Network]:
    """The gradient of W_ih is multiplied by the x of another timestep; before the first comes the last."""

    class OtherX(CutNetwork):
        def project(self, w: LayerWeights, x: Tensor) -> Tensor:
            right, read = super().project(w._replace(W_ih=w.W_ih.detach()), x), x.detach().roll(shift, 0).flatten(0, 1)
            backs = {right: lambda gradient: gradient, w.W_ih: lambda gradient: read.T @ gradient.flatten(0, 1)}
            return handing(right, backs)

    return OtherX


# What is carried back.


def overwritten(part: int) -> type[Network]:
    """What is carried back to h (0), or c (1), is overwritten where it should be added to."""

    class Overwritten(without_final(part), Counting):  # type: ignore[misc]
        def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
            cut = (each.detach() if k == part and self.at else each for k, each in enumerate(carry))
            return super().step(w, p, tuple(cut))

    return Overwritten


class NotTransposed(Recurrent):
    def of_state(self, gradient: Tensor, weight: Tensor) -> Tensor:
        gates = self.spec.cell.gates
        pairs = zip(blocks(gradient, gates), blocks(weight, gates), strict=True)
        return torch.stack([each @ of_gate for each, of_gate in pairs]).sum(0)


def without_gate(k: int, *, of_state: bool) -> type[Network]:
    """The gradient of h, or of x, lacks the share of gate k."""

    def but(gradient: Tensor, gates: int) -> Tensor:
        kept = list(blocks(gradient, gates))
        kept[k] = torch.zeros_like(kept[k])
        return torch.cat(kept, -1)

    class WithoutGate(Recurrent):
        def of_state(self, gradient: Tensor, weight: Tensor) -> Tensor:
            return super().of_state(but(gradient, self.spec.cell.gates) if of_state else gradient, weight)

        def project(self, w: LayerWeights, x: Tensor) -> Tensor:
            right = super().project(w, x)
            if of_state:
                return right
            whole = super().project(w, x.detach())
            return handing(
                right,
                {
                    whole: lambda gradient: gradient,
                    x: lambda gradient: but(gradient, self.spec.cell.gates) @ w.W_ih.detach().T,
                },
            )

    return WithoutGate


def without_final(*parts: int) -> type[Network]:
    """The gradients of h_n (0), of c_n (1), do not count."""

    class WithoutFinal(CutNetwork):
        def final_state(self, sweeps: Sequence[DirectionRun]) -> State:
            h, *c = (
                handing(each, {each: torch.zeros_like}) if k in parts else each
                for k, each in enumerate(super().final_state(sweeps).tensors())
            )
            return State(h, *c)

    return WithoutFinal


class WithoutOutput(CutNetwork):
    """The gradient of the output does not count."""

    def merge(self, sides: Sequence[DirectionRun]) -> Tensor:
        output = super().merge(sides)
        return handing(output, {output: torch.zeros_like}) if self.here[0] == self.spec.num_layers - 1 else output


class LastOutputAlone(CutNetwork):
    """Of the gradient of the output that of the last timestep alone counts."""

    def merge(self, sides: Sequence[DirectionRun]) -> Tensor:
        output = super().merge(sides)
        if self.here[0] < self.spec.num_layers - 1:
            return output
        return torch.cat([output[:-1].detach(), output[-1:]])
