"""Faults of a handwritten backward with one wrong factor: the values and all other gradients are correct."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from rnncheck.faults.fault import Fault, family
from rnncheck.faults.handwritten import handing
from rnncheck.faults.overridable import CutNetwork
from rnncheck.faults.shared import ValuesChange
from rnncheck.model.spec import Cell, Spec
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Network

SLUG = "gate-gradient-wrong"

Slope = Callable[[Tensor, Tensor], Tensor]  # of an activation, from its value and its argument a

OF_SIGMOID: dict[str, Slope] = {
    "(1 - {0}) is missing": lambda s, a: s,
    "{0} is missing": lambda s, a: 1 - s,
    "{0} (1 - {0}) is missing": lambda s, a: torch.ones_like(s),
    "none arrives": lambda s, a: torch.zeros_like(s),
    "a (1 - a) for {0} (1 - {0}), with {0} = sigmoid(a)": lambda s, a: a * (1 - a),
    "1 - {0}^2 for {0} (1 - {0})": lambda s, a: 1 - s * s,
}
OF_TANH: dict[str, Slope] = {
    "1 - {0}^2 is missing": lambda h, a: torch.ones_like(h),
    "1 - {0} for 1 - {0}^2": lambda h, a: 1 - h,
    "none arrives": lambda h, a: torch.zeros_like(h),
    "1 - tanh({0})^2 for 1 - {0}^2": lambda h, a: 1 - h.tanh() ** 2,
    "1 - a^2 for 1 - {0}^2, with {0} = tanh(a)": lambda h, a: 1 - a * a,
    "{0} (1 - {0}) for 1 - {0}^2": lambda h, a: h * (1 - h),
}
OF_RELU: dict[str, Slope] = {
    "relu's slope is missing": lambda h, a: torch.ones_like(h),
    "none arrives": lambda h, a: torch.zeros_like(h),
}

SQUASHED = {Cell.RNN: {"h": OF_TANH}, Cell.LSTM: dict.fromkeys("fio", OF_SIGMOID) | dict.fromkeys("gc", OF_TANH)}
SQUASHED[Cell.GRU] = dict.fromkeys("rz", OF_SIGMOID) | {"n": OF_TANH}

# What multiplies what in a step: the method of it, and other factors for the gradients of some of its parts, which are
# functions of the parts. Those of "new_hidden" are o, tanh(c) and c; those of "proposal" the sums of n from
# x, r, the sums of n from h, and h.
Factor = Callable[..., Tensor]
Product = tuple[str, str, Mapping[int, Factor]]


def one(*parts: Tensor) -> Tensor:
    return torch.ones_like(parts[0])


PRODUCTS: dict[Cell, Sequence[Product]] = {
    Cell.RNN: (),
    Cell.LSTM: (
        ("new_cell", "i: g is missing", {0: one}),
        ("new_cell", "f: c is missing", {1: one}),
        ("new_cell", "g: i is missing", {2: one}),
        ("new_cell", "c: f is missing", {3: one}),
        ("new_cell", "f: the c after the step for the c before it", {1: lambda i, f, g, c: f * c + i * g}),
        ("new_cell", "i and f: exchanged", {0: lambda i, f, g, c: c, 1: lambda i, f, g, c: g}),
        ("new_cell", "c: i for f", {3: lambda i, f, g, c: i}),
        ("new_cell", "g: f for i", {2: lambda i, f, g, c: f}),
        ("new_hidden", "o: tanh(c) is missing", {0: one}),
        ("new_hidden", "c: o is missing", {1: one}),
        ("new_hidden", "o: c for tanh(c)", {0: lambda o, squashed, new: new}),
    ),
    Cell.GRU: (
        ("mix", "n: 1 - z is missing", {0: one}),
        ("mix", "z: h - n is missing", {1: one}),
        ("mix", "h: z is missing", {2: one}),
        ("mix", "n: z for 1 - z", {0: lambda n, z, h: z}),
        ("mix", "h: 1 - z for z", {2: lambda n, z, h: 1 - z}),
        ("mix", "h: z h is left out", {2: lambda n, z, h: torch.zeros_like(z)}),
        ("mix", "z: n - h for h - n", {1: lambda n, z, h: n - h}),
        ("mix", "z: h for h - n", {1: lambda n, z, h: h}),
        ("mix", "z: the h after the step for the h before it", {1: lambda n, z, h: z * (h - n)}),
        ("mix", "n and h: z and 1 - z exchanged", {0: lambda n, z, h: z, 2: lambda n, z, h: 1 - z}),
        ("proposal", "r: W_hn h + b_hn is missing", {1: one}),
        ("proposal", "r: h for W_hn h + b_hn", {1: lambda p_n, r, u_n, h: h}),
        ("proposal", "W_hn h + b_hn: r is missing", {2: one}),
    ),
}


def sloped(value: Tensor, slopes: Mapping[Tensor, Tensor]) -> Tensor:
    """`value`, with the tensors of `slopes` as its gradients by their keys."""
    return handing(value, {part: multiplied(slope.detach()) for part, slope in slopes.items()})


def multiplied(slope: Tensor) -> ValuesChange:
    return lambda gradient: gradient * slope


@family(reported=18)
def faults(spec: Spec) -> Iterator[Fault]:
    """The first variant alone, because the variants differ only in gate and factor. `variants` has all of them."""
    yield next(variants(spec))


def variants(spec: Spec) -> Iterator[Fault]:
    """Every one of this spec: for each gate each slope, and for each product each factor."""
    for what, slopes in SQUASHED[spec.cell].items():
        name = {"c": "tanh(c)"}.get(what, what)
        for form, slope in (OF_RELU if spec.nonlinearity == "relu" else slopes).items():
            yield Fault(SLUG, f"{name}: {form.format(name)}", sloping(what, slope), "gradients")
    for method, form, factors in PRODUCTS[spec.cell]:
        yield Fault(SLUG, form, multiplying(method, factors), "gradients")


def sloping(what: str, slope: Slope) -> type[Network]:
    class Sloping(CutNetwork):
        def activate(self, gate: str, value: Tensor) -> Tensor:
            right = super().activate(gate, value)
            return sloped(right, {value: slope(right, value)}) if gate == what else right

    return Sloping


def multiplying(method: str, factors: Mapping[int, Factor]) -> type[Network]:
    """The gradients of these parts of a product are multiplied by other factors."""

    def altered(slopes: dict[Tensor, Tensor], *parts: Tensor) -> dict[Tensor, Tensor]:
        return {each: factors[k](*parts) if k in factors else slope for k, (each, slope) in enumerate(slopes.items())}

    class Multiplying(CutNetwork):
        def new_cell(self, i: Tensor, f: Tensor, g: Tensor, c: Tensor) -> Tensor:
            right = super().new_cell(i, f, g, c)
            return sloped(right, altered({i: g, f: c, g: i, c: f}, i, f, g, c)) if method == "new_cell" else right

        def new_hidden(self, o: Tensor, new: Tensor, c: Tensor) -> Tensor:
            right = super().new_hidden(o, new, c)
            if method != "new_hidden":
                return right
            squashed = self.activate("c", new)
            return sloped(right, altered({o: squashed, squashed: o}, o, squashed, new))

        def mix(self, n: Tensor, z: Tensor, h: Tensor) -> Tensor:
            right = super().mix(n, z, h)
            return sloped(right, altered({n: 1 - z, z: h - n, h: z}, n, z, h)) if method == "mix" else right

        def proposal(self, w: LayerWeights, p_n: Tensor, u_n: Tensor, r: Tensor, h: Tensor) -> Tensor:
            right = super().proposal(w, p_n, u_n, r, h)
            slopes = {p_n: torch.ones_like(p_n), r: u_n, u_n: r}
            return sloped(right, altered(slopes, p_n, r, u_n, h)) if method == "proposal" else right

    return Multiplying
