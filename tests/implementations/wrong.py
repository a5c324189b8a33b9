"""Implementations that are wrong on purpose, each in one way: what the kit is for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from rnncheck.implementations import load
from rnncheck.implementations.protocol import Layer
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights

Run = Callable[[Layer, Tensor, State, Sequence[int] | None], Trace]


class Wrong:
    """The torch layer, built for `respec(spec)` and run by `run`, which claims to be what was asked for."""

    location = "tests"

    def __init__(
        self,
        name: str,
        run: Run = lambda layer, x, state, lengths: layer.run(x, state, lengths),
        respec: Callable[[Spec], Spec] = lambda spec: spec,
        reweigh: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] = lambda values: values,
    ) -> None:
        self.name, self._run, self._respec, self._reweigh = name, run, respec, reweigh

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        return None

    def build(self, spec: Spec, weights: Weights) -> "WrongLayer":
        other = self._respec(spec)
        values = self._reweigh(weights.values)
        inner = load("torch").build(other, Weights({name: values[name] for name in other.parameter_shapes()}))
        return WrongLayer(inner, self._run, weights.cast(spec))


class WrongLayer:
    def __init__(self, inner: Layer, run: Run, values: Mapping[str, Tensor]) -> None:
        self.inner, self._run, self._values = inner, run, values

    def parameters(self) -> Mapping[str, Tensor]:
        return self._values

    def leaves(self) -> Mapping[str, Tensor] | None:
        return self.inner.leaves()

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        return self._run(self.inner, x, state, lengths)


def without(**options: object) -> Callable[[Spec], Spec]:
    """Ignores these options of the spec, where the cell has them."""

    def respec(spec: Spec) -> Spec:
        return replace(spec, **{name: value for name, value in options.items() if getattr(spec, name) is not None})

    return respec


def zero_biases(values: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    return {name: value * 0 if name.startswith("bias") else value for name, value in values.items()}


def transposed_recurrence(values: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    return {
        name: value.t().contiguous() if name.startswith("weight_hh") and value.shape[0] == value.shape[1] else value
        for name, value in values.items()
    }


def in_training(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
    layer._module.train()
    with torch.random.fork_rng():
        return layer.run(x, state, lengths)


def without_h0(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
    return layer.run(x, State(state.h * 0, state.c), lengths)


def without_c0(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
    return layer.run(x, State(state.h, None if state.c is None else state.c * 0), lengths)


def without_lengths(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
    return layer.run(x, state, None)


def final_state_at_the_padding(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
    trace = layer.run(x, state, lengths)
    return Trace(trace.output, layer.run(x, state, None).final, trace.y)


def in_float32(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
    trace = layer.run(x.float().to(x.dtype), state, lengths)
    return Trace(trace.output.float().to(x.dtype), trace.final, trace.y)


def giving_float32(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
    trace = layer.run(x, state, lengths)
    return Trace(trace.output.float(), trace.final, trace.y)


def as_if_batch_first(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
    trace = layer.run(x, state, lengths)
    return Trace(trace.output.transpose(0, 1), trace.final, trace.y)


def reverse_as_read(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
    trace = layer.run(x, state, lengths)
    if len(trace.final.h) == layer._spec.num_layers:
        return trace
    forward, reverse = trace.output.chunk(2, -1)
    return Trace(torch.cat([forward, reverse.flip(0)], -1), trace.final, trace.y)


def writing_into_x(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
    trace = layer.run(x, state, lengths)
    x.zero_()
    return trace


def writing_into_its_state(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
    trace = layer.run(x, state, lengths)
    state.h.zero_()
    return trace


def drawing_numbers(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
    torch.rand(1)
    return layer.run(x, state, lengths)


def detached(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
    return layer.run(x.detach(), state, lengths)


def reading_the_padding(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
    trace = layer.run(x, state, lengths)
    return Trace(trace.output + 1e-20 * x.sum() * (trace.output != 0), State(trace.final.h + x.sum() * 1e-6), trace.y)


class KeepsItsState:
    """Starts where the last call ended: a state that leaks."""

    def __init__(self) -> None:
        self.kept: State | None = None

    def __call__(self, layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
        trace = layer.run(x, self.kept or state, lengths)
        self.kept = trace.final
        return trace


class ReusesItsBuffer:
    """Writes every run's output over the last one's."""

    def __init__(self) -> None:
        self.buffer: Tensor | None = None

    def __call__(self, layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
        trace = layer.run(x, state, lengths)
        if self.buffer is None or self.buffer.shape != trace.output.shape:
            self.buffer = trace.output.clone()
        return Trace(self.buffer.copy_(trace.output), trace.final, trace.y)


class BatchFirstIgnored(Wrong):
    """Hands over (B, T, I) because the spec says so, to a module that was not told."""

    def build(self, spec: Spec, weights: Weights) -> WrongLayer:
        layer = super().build(spec, weights)
        told = replace(spec, batch_first=False)
        modules = {Cell.RNN: nn.RNN, Cell.LSTM: nn.LSTM, Cell.GRU: nn.GRU}
        assert isinstance(layer.inner._module, modules[spec.cell])
        layer.inner._module.batch_first = told.batch_first
        return layer


class OffersCopies(Wrong):
    """Leaves that it does not read."""

    def build(self, spec: Spec, weights: Weights) -> WrongLayer:
        layer = super().build(spec, weights)
        leaves = layer.inner.leaves()
        layer.leaves = lambda: {name: leaf.detach().clone().requires_grad_() for name, leaf in leaves.items()}
        return layer


class OffersTooFew(Wrong):
    """A parameter that is not registered."""

    def build(self, spec: Spec, weights: Weights) -> WrongLayer:
        layer = super().build(spec, weights)
        leaves = layer.inner.leaves()
        layer.leaves = lambda: {name: leaf for name, leaf in leaves.items() if name != "weight_hh_l0"}
        return layer
