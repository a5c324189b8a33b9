"""Faults of a handwritten backward without one factor: the values and all other gradients are correct."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from rnncheck.faults.fault import Fault, family
from rnncheck.faults.overridable import CutNetwork
from rnncheck.model.spec import Cell, Spec
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Network

SLUG = "gate-gradient-wrong"

Slope = Callable[[Tensor], Tensor]  # of an activation, from its value

OF_SIGMOID: dict[str, Slope] = {
    "(1 - {0}) is missing": lambda s: s,
    "{0} is missing": lambda s: 1 - s,
    "{0} (1 - {0}) is missing": torch.ones_like,
    "none arrives": torch.zeros_like,
}
OF_TANH: dict[str, Slope] = {
    "1 - {0}^2 is missing": torch.ones_like,
    "1 - {0} for 1 - {0}^2": lambda h: 1 - h,
    "none arrives": torch.zeros_like,
}
OF_RELU: dict[str, Slope] = {"relu's slope is missing": torch.ones_like, "none arrives": torch.zeros_like}

SQUASHED = {Cell.RNN: {"h": OF_TANH}, Cell.LSTM: dict.fromkeys("fio", OF_SIGMOID) | dict.fromkeys("gc", OF_TANH)}
SQUASHED[Cell.GRU] = dict.fromkeys("rz", OF_SIGMOID) | {"n": OF_TANH}

# What multiplies what in a step: the method of it, and the gradient of each part by what multiplies it there.
PRODUCTS: dict[Cell, Sequence[tuple[str, int, str]]] = {
    Cell.RNN: (),
    Cell.LSTM: (
        ("new_cell", 0, "i: g is missing"),
        ("new_cell", 1, "f: c is missing"),
        ("new_cell", 2, "g: i is missing"),
        ("new_cell", 3, "c: f is missing"),
        ("new_hidden", 0, "o: tanh(c) is missing"),
        ("new_hidden", 1, "c: o is missing"),
    ),
    Cell.GRU: (
        ("mix", 0, "n: 1 - z is missing"),
        ("mix", 1, "z: h - n is missing"),
        ("mix", 2, "h: z is missing"),
        ("proposal", 1, "r: W_hn h + b_hn is missing"),
        ("proposal", 2, "W_hn h + b_hn: r is missing"),
    ),
}


class Sloped(torch.autograd.Function):
    """`value`, and a backward that hands each of `parts` the gradient times its slope."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, slopes: tuple[Tensor, ...], *parts: Tensor) -> Tensor:
        ctx.save_for_backward(*slopes)
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return None, None, *(gradients[0] * slope for slope in ctx.saved_tensors)


def sloped(value: Tensor, slopes: Mapping[Tensor, Tensor]) -> Tensor:
    """`value`, with the tensors of `slopes` as its gradients by their keys."""
    parts = list(slopes)
    return Sloped.apply(value.detach(), tuple(slopes[each].detach() for each in parts), *parts)  # type: ignore[no-any-return, no-untyped-call]


@family(reported=18)
def faults(spec: Spec) -> Iterator[Fault]:
    """The first variant alone, because the variants differ only in gate and factor. `variants` has all of them."""
    yield next(variants(spec))


def variants(spec: Spec) -> Iterator[Fault]:
    """Every one of this spec: for each gate each factor, each part of a product, and the weights over the batch."""
    for what, slopes in SQUASHED[spec.cell].items():
        name = {"c": "tanh(c)"}.get(what, what)
        for form, slope in (OF_RELU if spec.nonlinearity == "relu" else slopes).items():
            yield Fault(SLUG, f"{name}: {form.format(name)}", sloping(what, slope), "gradients")
    for method, part, form in PRODUCTS[spec.cell]:
        yield Fault(SLUG, form, lacking(method, part), "gradients")
    yield Fault(SLUG, "weights: divided by the batch size", Averaged, "gradients")


def sloping(what: str, slope: Slope) -> type[Network]:
    class Sloping(CutNetwork):
        def activate(self, gate: str, value: Tensor) -> Tensor:
            right = super().activate(gate, value)
            return sloped(right, {value: slope(right)}) if gate == what else right

    return Sloping


def lacking(method: str, part: int) -> type[Network]:
    """One factor of a product gets the gradient of the result, without the other factor."""

    def but(slopes: dict[Tensor, Tensor]) -> dict[Tensor, Tensor]:
        return {each: torch.ones_like(slope) if k == part else slope for k, (each, slope) in enumerate(slopes.items())}

    class Lacking(CutNetwork):
        def new_cell(self, i: Tensor, f: Tensor, g: Tensor, c: Tensor) -> Tensor:
            right = super().new_cell(i, f, g, c)
            return sloped(right, but({i: g, f: c, g: i, c: f})) if method == "new_cell" else right

        def new_hidden(self, o: Tensor, new: Tensor, c: Tensor) -> Tensor:
            right = super().new_hidden(o, new, c)
            if method != "new_hidden":
                return right
            squashed = self.activate("c", new)
            return sloped(right, but({o: squashed, squashed: o}))

        def mix(self, n: Tensor, z: Tensor, h: Tensor) -> Tensor:
            right = super().mix(n, z, h)
            return sloped(right, but({n: 1 - z, z: h - n, h: z})) if method == "mix" else right

        def proposal(self, w: LayerWeights, p_n: Tensor, u_n: Tensor, r: Tensor, h: Tensor) -> Tensor:
            right = super().proposal(w, p_n, u_n, r, h)
            slopes = {p_n: torch.ones_like(p_n), r: u_n, u_n: r}
            return sloped(right, but(slopes)) if method == "proposal" else right

    return Lacking


class Averaged(CutNetwork):
    """Averages the gradients of the weights over the batch instead of summing them."""

    def project(self, w: LayerWeights, x: Tensor) -> Tensor:
        return super().project(self.averaged(w, x.shape[1]), x)

    def step(self, w: LayerWeights, p: Tensor, carry: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return super().step(self.averaged(w, p.shape[0]), p, carry)

    @staticmethod
    def averaged(w: LayerWeights, rows: int) -> LayerWeights:
        def each(weight: Tensor) -> Tensor:
            return sloped(weight, {weight: torch.full_like(weight, 1 / rows)})

        w_hr, own = (None if weight is None else each(weight) for weight in (w.W_hr, w.own))
        return LayerWeights(each(w.W_ih), each(w.W_hh), each(w.b_ih), each(w.b_hh), w_hr, own)
