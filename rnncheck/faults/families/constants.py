"""A constant in the equations where torch.nn has none; the diagnosis fits its value."""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from rnncheck.faults.fault import Fault, family
from rnncheck.faults.overridable import C, CutNetwork, H
from rnncheck.faults.shared import STATES, altering, reading, returning, stepping
from rnncheck.model.spec import Cell, Spec
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, Network

GATES = {Cell.RNN: "", Cell.LSTM: "fiog", Cell.GRU: "zrn"}
PARAMETERS = {"W_hh": ("W_hh",), "W_ih": ("W_ih",), "biases": ("b_ih", "b_hh"), "b_ih": ("b_ih",), "b_hh": ("b_hh",)}


@dataclass(frozen=True)
class WithNumber:
    """Faults that differ in one number. `place` says where it stands, `right` is the number that changes nothing, and
    `planted` one to plant; the diagnosis begins to fit at `planted`.
    """

    slug: str
    place: str
    right: float
    planted: float
    of: Callable[[float], type[Network]]

    def at(self, number: float) -> Fault:
        """The fault with this number."""
        plain = self.slug == "forget-bias-added" and number == 1
        return Fault(self.slug, "" if plain else self.called(number), self.of(number))

    def called(self, number: float) -> str:
        """The name of the fault with this number, such as "z - 1" or "W_hh times 0.5"."""
        if self.place.endswith("+ ") and number < 0:
            return f"{self.place[:-2]}- {-number:.10g}"
        return f"{self.place}{number:.10g}"


def families(spec: Spec) -> Iterator[WithNumber]:
    """Those of this spec's cell."""
    for gate in GATES[spec.cell]:
        slug = "forget-bias-added" if gate == "f" else "gate-constant-added"
        yield WithNumber(slug, f"{gate} + ", 0.0, -1.0 if gate == "z" else 1.0, partial(adding, gate))
    for name, parts in {"h": (H,), "c": (C,), "h and c": (H, C)}.items():
        if spec.cell is Cell.LSTM or name == "h":
            yield WithNumber("state-averaged", f"{name}: old times ", 0.0, 0.1, partial(averaging, parts))
    for part in STATES[spec.cell]:
        yield WithNumber("state-changed", f"{part} clipped at ", math.inf, 0.1, partial(clipping, part))
        yield WithNumber("state-changed", f"{part} times ", 1.0, 0.5, partial(state_times, part))
        yield WithNumber("state-changed", f"{part} + ", 0.0, 1.0, partial(state_plus, part))
    yield WithNumber("output-changed", "times ", 1.0, 0.5, output_times)
    yield WithNumber("output-changed", "+ ", 0.0, 1.0, output_plus)
    yield WithNumber("input-changed", "+ ", 0.0, 1.0, input_plus)
    for name in PARAMETERS:
        if spec.bias or not name.startswith("b"):
            yield WithNumber("parameter-scaled", f"{name} times ", 1.0, 0.5, partial(scaling, name))


@family(reported=19)
def of_constants(spec: Spec) -> Iterator[Fault]:
    """Each fault with its most likely number. The witness plants the first of each slug."""
    seen = set[str]()
    for kind in families(spec):
        fault = kind.at(kind.planted)
        yield Fault(fault.slug, fault.variant, fault.mixin, rare=fault.slug in seen)
        seen.add(fault.slug)


def named(slug: str, variant: str, spec: Spec) -> Fault | None:
    """The fault with this name, with any number."""
    for kind in families(spec):
        for number in re.findall(r"\d[\d.]*(?:e[-+]?\d+)?$", variant.strip()):
            for signed in (float(number), -float(number)):
                if kind.slug == slug and kind.called(signed).split() == variant.split():
                    return kind.at(signed)
    return None


def adding(gate: str, number: float) -> type[Network]:
    """Adds the number to the sum of this gate."""

    class Adding(CutNetwork):
        def activate(self, what: str, value: Tensor) -> Tensor:
            return super().activate(what, value + number if what == gate else value)

    return Adding


def averaging(parts: tuple[int, ...], number: float) -> type[Network]:
    """h' = number h + (1 - number) h', and c likewise, of these parts: a leaky state."""

    class Averaging(CutNetwork):
        def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
            stepped = super().step(w, p, carry)
            return tuple(
                number * old + (1 - number) * new if k in parts else new
                for k, (old, new) in enumerate(zip(carry, stepped, strict=True))
            )

    return Averaging


def scaling(name: str, number: float) -> type[Network]:
    """Multiplies these parameters by the number."""

    def change(w: LayerWeights) -> LayerWeights:
        return w._replace(**{each: number * getattr(w, each) for each in PARAMETERS[name]})

    return altering(change)


def clipping(part: str, number: float) -> type[Network]:
    return stepping(part, lambda state: state.clamp(-number, number))


def state_times(part: str, number: float) -> type[Network]:
    return stepping(part, lambda state: number * state)


def state_plus(part: str, number: float) -> type[Network]:
    return stepping(part, lambda state: state + number)


def output_times(number: float) -> type[Network]:
    return returning(lambda output: number * output)


def output_plus(number: float) -> type[Network]:
    return returning(lambda output: output + number)


def input_plus(number: float) -> type[Network]:
    return reading(lambda x: x + number)
