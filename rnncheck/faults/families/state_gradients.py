"""Faults of a handwritten backward in what it carries back: the gradients of the states, of x and of the results."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from rnncheck.faults.fault import Fault, family
from rnncheck.faults.handwritten import Counting, HandwrittenProduct, Later, handing, without_reset
from rnncheck.faults.overridable import CutNetwork
from rnncheck.faults.shared import blocks
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import State
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, DirectionRun, Network

SLUG = "state-gradient-wrong"


@family(reported=20)
def faults(spec: Spec) -> Iterator[Fault]:
    """The first variant alone. `variants` has all of them."""
    yield next(variants(spec))


def variants(spec: Spec) -> Iterator[Fault]:
    """Every one of this spec."""

    def fault(variant: str, mixin: type[Network]) -> Fault:
        return Fault(SLUG, variant, mixin, "gradients")

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
    if spec.cell is Cell.GRU:
        yield fault("h: r is missing in n", StateWithoutR)
        yield fault("h: by W_hh is left out", StateWithoutProduct)
    gates = spec.cell.letters
    for k, gate in enumerate(gates if len(gates) > 1 else ()):
        yield fault(f"h: by {gate} is left out", without_gate(k, of_state=True))
        yield fault(f"x: by {gate} is left out", without_gate(k, of_state=False))


def overwritten(part: int) -> type[Network]:
    """What is carried back to h (0), or c (1), is overwritten where it should be added to."""

    class Overwritten(without_final(part), Counting):  # type: ignore[misc]
        def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
            cut = (each.detach() if k == part and self.at else each for k, each in enumerate(carry))
            return super().step(w, p, tuple(cut))

    return Overwritten


class NotTransposed(HandwrittenProduct):
    def of_state(self, gradient: Tensor, weight: Tensor, later: Later) -> Tensor:
        gates = self.spec.cell.gates
        pairs = zip(blocks(gradient, gates), blocks(weight, gates), strict=True)
        return torch.stack([each @ of_gate for each, of_gate in pairs]).sum(0)


class StateWithoutR(HandwrittenProduct):
    """Of the GRU, without the factor r in the rows of n."""

    def of_state(self, gradient: Tensor, weight: Tensor, later: Later) -> Tensor:
        return super().of_state(without_reset(gradient, later), weight, later)


class StateWithoutProduct(HandwrittenProduct):
    """Nothing comes back through the product with W_hh."""

    def of_state(self, gradient: Tensor, weight: Tensor, later: Later) -> Tensor:
        return torch.zeros_like(super().of_state(gradient, weight, later))


def without_gate(k: int, *, of_state: bool) -> type[Network]:
    """The gradient of h, or of x, lacks the share of gate k."""

    def but(gradient: Tensor, gates: int) -> Tensor:
        kept = list(blocks(gradient, gates))
        kept[k] = torch.zeros_like(kept[k])
        return torch.cat(kept, -1)

    class WithoutGate(HandwrittenProduct):
        def of_state(self, gradient: Tensor, weight: Tensor, later: Later) -> Tensor:
            return super().of_state(but(gradient, self.spec.cell.gates) if of_state else gradient, weight, later)

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
