"""Whether a candidate with a given mapping computes what a network computes.

Agreement proves a mapping: with random weights, inputs and states, and every value compared in float64, a wrong
mapping does not agree by chance.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from rnncheck.mapping.native import Native
from rnncheck.mapping.networks import published
from rnncheck.model.spec import Dtype, Spec
from rnncheck.model.trace import State, Trace, dtype_of
from rnncheck.model.weights import Weights, draw
from rnncheck.scratch.network import Network

STEPS, ROWS = 5, 3
GAIN = 2.0  # of the weights, so that the states of early steps reach late ones
TOLERANCE = {Dtype.FLOAT64: 1e-9, Dtype.FLOAT32: 1e-4}
_SEED = 31


class FillsWeights(Protocol):
    """Fills a candidate with weights: `restrict` returns the weights that it can hold."""

    def restrict(self, weights: Weights) -> Weights: ...

    def fill(self, native: Any, weights: Mapping[str, Tensor]) -> None: ...


def agrees(native: Native, mapping: FillsWeights, network: Network, steps: int | None = None) -> bool:
    """Whether all results of the candidate equal those of `network` with the same weights, over the first `steps`.

    `native` is a copy without memory; it keeps the weights of the comparison.
    """
    spec = native.spec
    weights = mapping.restrict(Weights({name: GAIN * value for name, value in draw(spec, _SEED).values.items()}))
    x, state = inputs(native)
    x = x[:steps]
    dtype = dtype_of(spec)
    try:
        with torch.no_grad():
            mapping.fill(native, {name: value.to(native.spec.device, dtype) for name, value in weights.values.items()})
            found = native.run(x, state)
            wanted = network.run(weights.values, x.to("cpu", torch.float64), state.to("cpu", torch.float64))
    except Exception:  # user code may raise anything; a candidate that cannot run does not agree
        return False
    pairs = list(shown(found, wanted, native.facts.exposes))
    return bool(pairs) and all(near(a, b, TOLERANCE.get(spec.dtype, 1e-4)) for a, b in pairs)


def published_as(native: Native, mapping: FillsWeights) -> Network | None:
    """The published layer that the candidate computes, or None."""
    return next((each for each in published(native.spec) if agrees(native, mapping, each)), None)


def is_on_top(native: Native, mapping: FillsWeights, head: str) -> bool:
    """Whether the results are the states times this matrix for any values of it: then it is a head."""
    spec = native.spec
    dtype = dtype_of(spec)
    weights = mapping.restrict(draw(spec, _SEED))
    x, state = inputs(native)
    with torch.no_grad():
        mapping.fill(native, {name: value.to(spec.device, dtype) for name, value in weights.values.items()})
        before = native.run(x, state)
        generator = torch.Generator().manual_seed(_SEED)
        held = native.tensors()[head]
        matrix = torch.randn(held.shape, generator=generator, dtype=torch.float64).to(held)
        held.copy_(matrix)
        after = native.run(x, state)
    tolerance = TOLERANCE.get(spec.dtype, 1e-4)
    pairs = shown(after, before, native.facts.exposes)
    pairs = pairs[:1] if spec.bidirectional else pairs  # the states are of one direction each
    return bool(pairs) and all(
        any(near(a, (b @ each).double(), tolerance) for each in (matrix, matrix.t())) for a, b in pairs
    )


def is_before(native: Native, mapping: FillsWeights, front: str, network: Network) -> bool:
    """Whether for any values of this matrix x is multiplied by it, and by nothing between: it is part of weight_ih."""
    spec, dtype = native.spec, dtype_of(native.spec)
    weights = mapping.restrict(draw(spec, _SEED))
    x, state = inputs(native)
    with torch.no_grad():
        mapping.fill(native, {name: value.to(spec.device, dtype) for name, value in weights.values.items()})
        held = native.tensors()[front]
        generator = torch.Generator().manual_seed(_SEED)
        matrix = torch.randn(held.shape, generator=generator, dtype=torch.float64)
        held.copy_(matrix.to(held))
        found = native.run(x, state)
        given = {name: value for name, value in weights.values.items() if name.startswith("weight_ih_l0")}
        if any(len(value) != len(matrix) for value in given.values()):
            return False
        for each in (matrix, matrix.t()):
            values = {**weights.values, **{name: each @ value.double() for name, value in given.items()}}
            wanted = network.run(values, x.to("cpu", torch.float64), state.to("cpu", torch.float64))
            pairs = list(shown(found, wanted, native.facts.exposes))
            if pairs and all(near(a, b, TOLERANCE.get(spec.dtype, 1e-4)) for a, b in pairs):
                return True
    return False


def inputs(native: Native) -> tuple[Tensor, State]:
    """x (T, B, I) and a state: random if the candidate takes one, otherwise zero."""
    spec: Spec = native.spec
    generator = torch.Generator().manual_seed(_SEED)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    places = spec.num_layers * spec.directions
    steps, rows = native.facts.fixed or (STEPS, ROWS)
    x, h, c = normal(steps, rows, spec.input_size), normal(places, rows, spec.state_size), None
    if not native.facts.takes_state:
        h = torch.zeros_like(h)
    if spec.cell == "lstm":
        c = normal(places, rows, spec.hidden_size)
        if not (native.facts.takes_state and native.facts.takes_cell_state):
            c = torch.zeros_like(c)
    dtype = dtype_of(spec)
    return x.to(spec.device, dtype), State(h, c).to(spec.device, dtype)


def shown(found: Trace, wanted: Trace, exposes: frozenset[str]) -> list[tuple[Tensor, Tensor]]:
    """Pairs of each result and its expected value."""
    right = wanted.shown()
    return [(value, right[name]) for name, value in found.shown().items() if name in exposes and name in right]


def near(found: Tensor, wanted: Tensor, tolerance: float) -> bool:
    """Whether all elements are close, relative to the larger of 1 and the value; NaN is never close."""
    found = found.detach().to("cpu", torch.float64)
    if found.shape != wanted.shape or not found.numel():
        return False
    allowed = tolerance * wanted.abs().clamp(min=1.0)
    return bool(((found - wanted).abs() <= allowed).all())


def is_affine_in(native: Native, name: str) -> bool:
    """Whether its results are affine in this tensor, as in a head's: one that acts on a state acts on later states too.

    `native` is a copy without memory, of at least two timesteps.
    """
    x, state = inputs(native)
    generator = torch.Generator().manual_seed(_SEED)

    def results(value: Tensor) -> list[Tensor]:
        native.tensors()[name].copy_(value)
        trace = native.run(x, state)
        return [each.double() for each, _ in shown(trace, trace, native.facts.exposes)]

    with torch.no_grad():
        held = native.tensors()[name]
        one, other = (torch.randn(held.shape, generator=generator, dtype=torch.float64).to(held) for _ in range(2))
        rows = zip(*map(results, (torch.zeros_like(held), one, other, one + other)), strict=True)
        return all(near(both - a, b - none, TOLERANCE.get(native.spec.dtype, 1e-4)) for none, a, b, both in rows)
