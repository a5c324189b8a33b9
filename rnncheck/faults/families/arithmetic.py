"""Faults of arithmetic: the right equations at low precision, or where they are not defined."""

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

from rnncheck.faults.fault import Fault, family, same
from rnncheck.faults.overridable import CutNetwork
from rnncheck.faults.scene import Scene
from rnncheck.model.spec import Dtype, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, Given, Network

COARSER = {
    Dtype.FLOAT64: (Dtype.FLOAT32, Dtype.BFLOAT16, Dtype.FLOAT16),
    Dtype.FLOAT32: (Dtype.BFLOAT16, Dtype.FLOAT16),
    Dtype.FLOAT16: (Dtype.BFLOAT16,),
    Dtype.BFLOAT16: (),
}


@family(reported=14)
def of_arithmetic(spec: Spec) -> Iterator[Fault]:
    if spec.dtype in (Dtype.FLOAT64, Dtype.FLOAT32):
        yield Fault("low-precision-compute", "TF32 products", products(cut_to_tf32))
        yield Fault("low-precision-compute", "weights in bfloat16", WeightsCut)
    for dtype in COARSER[spec.dtype]:
        yield Fault("low-precision-compute", str(dtype), computing_in(dtype))
    yield Fault("nan-introduced", "0/0 at a zero state", ZeroOverZero, hidden=no_zero_state)
    if spec.nonlinearity != "relu":
        yield Fault("nan-introduced", "exp overflows", Overflowing, hidden=no_large_sum)


def products(cut: Callable[[Tensor], Tensor]) -> type[Network]:
    """Cuts both factors of every matrix product to fewer bits, but not the sums."""

    class Products(CutNetwork):
        def layer_weights(self, weights: Mapping[str, Tensor], layer: int, direction: int) -> LayerWeights:
            return matrices(cut, super().layer_weights(weights, layer, direction))

        def project(self, w: LayerWeights, x: Tensor) -> Tensor:
            return super().project(w, cut(x))

        def sums(self, w: LayerWeights, p: Tensor, h: Tensor) -> Tensor:
            return super().sums(w, p, cut(h))

        def recurrent(self, w: LayerWeights, h: Tensor) -> Tensor:
            return super().recurrent(w, cut(h))

        def narrowed(self, w: LayerWeights, h: Tensor) -> Tensor:
            return super().narrowed(w, h if w.W_hr is None else cut(h))

    return Products


def matrices(cut: Callable[[Tensor], Tensor], w: LayerWeights) -> LayerWeights:
    return w._replace(W_ih=cut(w.W_ih), W_hh=cut(w.W_hh), W_hr=None if w.W_hr is None else cut(w.W_hr))


def cut_to_tf32(value: Tensor) -> Tensor:
    """Rounded to TF32's 11 significant bits, by what is lost when a large multiple is added and taken off again."""
    scaled = value * (2 ** (42 if value.dtype == torch.float64 else 13) + 1)
    return scaled - (scaled - value)


def cut_to_bfloat16(value: Tensor) -> Tensor:
    return value.bfloat16().to(value.dtype)


class WeightsCut(CutNetwork):
    """The weight matrices are rounded to bfloat16."""

    def layer_weights(self, weights: Mapping[str, Tensor], layer: int, direction: int) -> LayerWeights:
        return matrices(cut_to_bfloat16, super().layer_weights(weights, layer, direction))


def computing_in(dtype: Dtype) -> type[Network]:
    """Computes everything in another precision, and converts only the results to the correct one."""

    class ComputingIn(CutNetwork):
        def trace(self, given: Given) -> Trace:
            coarse, fine = getattr(torch, dtype), given.x.dtype
            cut = {name: value.to(coarse) for name, value in given.weights.items()}
            state = None if given.state is None else cast(given.state, coarse)
            trace = super().trace(given._replace(weights=cut, x=given.x.to(coarse), state=state))
            y = None if trace.y is None else trace.y.to(fine)
            return Trace(trace.output.to(fine), cast(trace.final, fine), y)

    return ComputingIn


def cast(state: State, dtype: torch.dtype) -> State:
    return state.map(lambda each: each.to(dtype))


class ZeroOverZero(CutNetwork):
    """Divides each element of h by its absolute value and multiplies by it again, which gives NaN for a zero."""

    def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
        h, *c = carry
        return super().step(w, p, (h / h.abs() * h.abs(), *c))


class Overflowing(CutNetwork):
    """tanh and σ computed from exp, which gives NaN for infinity divided by infinity."""

    def activate(self, what: str, value: Tensor) -> Tensor:
        right = super().activate(what, value)
        return right.where((2 * value).exp().isfinite(), torch.nan)


def no_zero_state(scene: Scene) -> str | None:
    _, sweeps = Network(scene.spec).sweeps(Given(scene.weights, scene.x, scene.state, scene.lengths))
    if any(bool((step[0] == 0).any()) for sweep in sweeps for step in sweep.history[:-1]):
        return None
    return None if bool((scene.state.h == 0).any()) else "no state is exactly zero"


def no_large_sum(scene: Scene) -> str | None:
    if same(scene.run(Overflowing(scene.spec)), scene.right):
        return "no sum is so large that exp would overflow"
    return None
