"""Faults of the activations, and of the softmax head."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from rnncheck.faults.fault import Fault, family
from rnncheck.faults.overridable import CutNetwork
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.scratch.network import Network

Function = Callable[[Tensor], Tensor]


def steep_sigmoid(a: Tensor) -> Tensor:
    """Keras 2's hard sigmoid."""
    return (0.2 * a + 0.5).clamp(0, 1)


def linear(a: Tensor) -> Tensor:
    return a


FUNCTIONS: dict[str, Function] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "linear": linear,
    "hard sigmoid": functional.hardsigmoid,
    "hard sigmoid of slope 0.2": steep_sigmoid,
    "softsign": functional.softsign,
    "hard tanh": functional.hardtanh,
    "leaky relu": functional.leaky_relu,
    "softmax": lambda value: value.softmax(-1),
    "sigmoid twice": lambda value: value.sigmoid().sigmoid(),
    "tanh twice": lambda value: value.tanh().tanh(),
    "sigmoid(2 a)": lambda value: (2 * value).sigmoid(),
    "sigmoid(a / 2)": lambda value: (value / 2).sigmoid(),
    "tanh(2 a)": lambda value: (2 * value).tanh(),
    "tanh(a / 2)": lambda value: (value / 2).tanh(),
}

OPTIONS = {name: f"If {name} is meant, compare with --nonlinearity {name}." for name in ("tanh", "relu")}
GATES = {Cell.RNN: "", Cell.LSTM: "ifo", Cell.GRU: "rz"}
SQUASHED = {Cell.RNN: "h", Cell.LSTM: "gc", Cell.GRU: "n"}  # by tanh, unless the RNN has another
FOR_SIGMOID = ("hard sigmoid", "hard sigmoid of slope 0.2", "tanh", "relu", "linear", "softsign", "sigmoid twice")
TOGETHER = {"ifo": "gates", "rz": "gates", "gc": "g and c"}
SCALED = ("sigmoid(2 a)", "sigmoid(a / 2)", "tanh(2 a)", "tanh(a / 2)")
FOR_TANH = ("relu", "sigmoid", "linear", "softsign", "hard sigmoid", "hard sigmoid of slope 0.2", "tanh twice")


@family(reported=10)
def of_activations(spec: Spec) -> Iterator[Fault]:
    if spec.cell is Cell.RNN:
        for name in FUNCTIONS:
            if name != spec.nonlinearity and not name.endswith(" twice"):
                yield replace(wrong("h", name, name), mend=OPTIONS.get(name, ""), rare=name in SCALED)
    else:
        if spec.cell is Cell.LSTM:
            yield Fault("missing-cell-activation", "", activating("c", linear))
        of_sigmoid, of_tanh = (*FOR_SIGMOID, *SCALED[:2]), (*FOR_TANH, *SCALED[2:])
        for names, every in ((of_sigmoid, GATES[spec.cell]), (of_tanh, SQUASHED[spec.cell])):
            for what in (every, *every) if len(every) > 1 else every:
                for name in names:
                    if (what, name) != ("c", "linear"):
                        found = wrong(what, name, f"{TOGETHER.get(what, what)}: {name}")
                        yield replace(found, rare=name in SCALED)
    if spec.nonlinearity != "relu":
        yield Fault("approximate-activation", "rational", approximating(spec.cell, rational))
        if spec.dtype in (Dtype.FLOAT64, Dtype.FLOAT32):
            yield Fault("approximate-activation", "11 bits", approximating(spec.cell, cut_tanh))


def wrong(what: str, name: str, variant: str) -> Fault:
    return Fault("wrong-nonlinearity", variant, activating(what, FUNCTIONS[name]))


def activating(wrong_ones: str, function: Function) -> type[Network]:
    """`function` instead of the activation of these letters."""

    class Activating(CutNetwork):
        def activate(self, what: str, value: Tensor) -> Tensor:
            return function(value) if what in wrong_ones else super().activate(what, value)

    return Activating


def approximating(cell: Cell, tanh: Function) -> type[Network]:
    """An approximation instead of tanh, and in the sigmoid: σ(a) = (1 + tanh(a / 2)) / 2."""

    class Approximating(CutNetwork):
        def activate(self, what: str, value: Tensor) -> Tensor:
            return tanh(value) if what in SQUASHED[cell] else 0.5 + 0.5 * tanh(value / 2)

    return Approximating


def rational(a: Tensor) -> Tensor:
    """tanh's third convergent of a continued fraction, a (15 + a²) / (15 + 6 a²), kept within 1 and -1."""
    return (a * (15 + a * a) / (15 + 6 * a * a)).clamp(-1, 1)


def cut_tanh(a: Tensor) -> Tensor:
    """tanh to the 11 bits of half precision, about what a GPU's fast instruction gives."""
    return a.tanh().half().to(a.dtype)


@family(reported=13)
def of_head(spec: Spec) -> Iterator[Fault]:
    if spec.head is not None:
        yield Fault("head-wrong", "softmax over the batch", heading(over_batch))
        yield Fault("head-wrong", "softmax over time", heading(over_time))
        yield Fault("head-wrong", "no softmax", heading(functional.linear))
        yield Fault("head-wrong", "no bias", heading(without_bias))


def heading(head: Callable[[Tensor, Tensor, Tensor], Tensor]) -> type[Network]:
    """y by another way from output (T, B, D*R), W_hy (H, D*R) and b_y (H)."""

    class Heading(CutNetwork):
        def head(self, weights: Mapping[str, Tensor], output: Tensor) -> Tensor | None:
            return head(output, weights["weight_hy"], weights["bias_y"])

    return Heading


def over_time(output: Tensor, weight_hy: Tensor, bias_y: Tensor) -> Tensor:
    return torch.softmax(functional.linear(output, weight_hy, bias_y), 0)


def over_batch(output: Tensor, weight_hy: Tensor, bias_y: Tensor) -> Tensor:
    return torch.softmax(functional.linear(output, weight_hy, bias_y), 1)


def without_bias(output: Tensor, weight_hy: Tensor, bias_y: Tensor) -> Tensor:
    return torch.softmax(functional.linear(output, weight_hy), -1)
