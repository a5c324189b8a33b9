"""Implementations for tests of what a check does: numpy's layer, with what it is given and what it yields changed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from rnncheck.implementations import load
from rnncheck.implementations.protocol import Layer
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights

Run = Callable[[Layer, Tensor, State, Sequence[int] | None], Trace]


def as_it_should(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
    return layer.run(x, state, lengths)


class Fake:
    """An implementation whose layers run as `run(right_layer, x, state, lengths)` says."""

    name = "fake"
    location = "tests/fakes.py"

    def __init__(self, run: Run = as_it_should, refuses: str | None = None) -> None:
        self._run, self._refuses = run, refuses
        self.calls = 0

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        return self._refuses

    def build(self, spec: Spec, weights: Weights) -> "FakeLayer":
        return FakeLayer(self, load("numpy").build(spec, weights))

    def run(self, right: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
        self.calls += 1
        return self._run(right, x, state, lengths)


class FakeLayer:
    def __init__(self, fake: Fake, right: Layer) -> None:
        self._fake, self._right = fake, right

    def parameters(self) -> Mapping[str, Tensor]:
        return self._right.parameters()

    def leaves(self) -> Mapping[str, Tensor] | None:
        return self._right.leaves()

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        return self._fake.run(self._right, x, state, lengths)


def without_recurrence(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
    """Every step starts from a zero state, as if W_hh were not there."""
    zero = State(torch.zeros_like(state.h), None if state.c is None else torch.zeros_like(state.c))
    traces = [layer.run(x_t[None], zero, None) for x_t in x]
    heads = [trace.y for trace in traces if trace.y is not None]
    output = torch.cat([trace.output for trace in traces])
    return Trace(output, traces[-1].final, torch.cat(heads) if heads else None)


def changing(change: Callable[[Trace], Trace]) -> Fake:
    """Right until the end, then changed."""
    return Fake(lambda layer, x, state, lengths: change(layer.run(x, state, lengths)))


def with_output(change: Callable[[Tensor], Tensor]) -> Fake:
    return changing(lambda trace: replace(trace, output=change(trace.output)))


def raising(problem: BaseException, on_call: int = 1) -> Fake:
    """Right until call `on_call`, which raises."""

    def run(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
        if fake.calls == on_call:
            raise problem
        return layer.run(x, state, lengths)

    fake = Fake(run)
    return fake


class Reweighed(Fake):
    """Says it holds the weights that it was given, and runs `of` with others."""

    def __init__(self, change: Callable[[dict[str, Tensor]], dict[str, Tensor]], of: str = "torch") -> None:
        super().__init__()
        self._change, self._of = change, of

    def build(self, spec: Spec, weights: Weights) -> "ReweighedLayer":
        changed = {name: value.clone() for name, value in weights.values.items()}
        layer = load(self._of).build(spec, Weights(changed | self._change(changed)))
        return ReweighedLayer(self, layer, weights.cast(spec))


class ReweighedLayer(FakeLayer):
    def __init__(self, fake: Fake, layer: Layer, told: Mapping[str, Tensor]) -> None:
        super().__init__(fake, layer)
        self._told = told

    def parameters(self) -> Mapping[str, Tensor]:
        return self._told

    def leaves(self) -> None:
        return None


def one_off(name: str, factor: float, row: int = 1) -> Reweighed:
    """One number of one parameter times `factor`."""

    def change(values: dict[str, Tensor]) -> dict[str, Tensor]:
        values[name].view(-1)[row] *= factor
        return values

    return Reweighed(change)


def clipping(limit: float) -> Fake:
    """Reads x no larger than `limit`: right at every step that has no larger one."""
    return Fake(lambda layer, x, state, lengths: layer.run(x.clamp(max=limit), state, lengths))
