"""Calling a layer twice: a good one passes, and each way to be bad is told from the others."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from envelope_cases import case
from fakes import Fake, Run
from torch import Tensor

from rnncheck.evidence.second_call import repeat
from rnncheck.implementations import load
from rnncheck.implementations.protocol import Implementation, Layer
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.report import Finding

LSTM = Spec(Cell.LSTM, dtype=Dtype.FLOAT32)


def found(implementation: Implementation, spec: Spec = LSTM, lengths: tuple[int, ...] | None = None) -> Finding | None:
    run = case(spec, seq_len=7, lengths=lengths)
    layer = implementation.build(spec, run.weights)
    dtype = getattr(torch, spec.dtype)
    c = None if run.state.c is None else run.state.c.to(dtype)
    first = layer.run(run.x.to(dtype), State(run.state.h.to(dtype), c), lengths)
    return repeat("mine", layer, implementation, spec, run.weights, run.x, run.state, lengths, first)


def slug(implementation: Implementation, spec: Spec = LSTM, lengths: tuple[int, ...] | None = None) -> str | None:
    finding = found(implementation, spec, lengths)
    return finding and finding.slug


def each_call(change: Callable[[Trace, int], Trace]) -> "Counting":
    """Right, but for what `change` makes of a layer's trace, which is told how often that layer was called before."""
    return Counting(change)


class Counting(Fake):
    """A fake whose layers count their own calls."""

    def __init__(self, change: Callable[[Trace, int], Trace]) -> None:
        super().__init__()
        self._change = change

    def build(self, spec: Spec, weights: Any) -> Any:
        calls = iter(range(100))

        def run(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
            return self._change(layer.run(x, state, lengths), next(calls))

        return Fake(run).build(spec, weights)


def added_at(t: int, amount: float) -> Callable[[Trace, int], Trace]:
    def change(trace: Trace, calls: int) -> Trace:
        output = trace.output.clone()
        output[t] += amount * calls
        return replace(trace, output=output)

    return change


@pytest.mark.parametrize("name", ["torch", "scratch", "numpy"])
@pytest.mark.parametrize("cell", Cell)
@pytest.mark.parametrize("lengths", [None, (7, 2, 4)], ids=["full", "lengths"])
def test_a_good_layer_repeats_itself(name: str, cell: Cell, lengths: tuple[int, ...] | None):
    assert found(load(name), Spec(cell, head="softmax"), lengths) is None


@pytest.mark.parametrize("dtype", [Dtype.BFLOAT16, Dtype.FLOAT16, Dtype.FLOAT64])
def test_in_every_dtype(dtype: Dtype):
    assert found(load("scratch"), Spec(Cell.GRU, dtype=dtype)) is None


def test_a_good_layer_is_run_once_more_and_no_other_is_built():
    fake = Fake()
    assert found(fake) is None
    assert fake.calls == 2


def test_a_nan_is_the_same_as_itself():
    def change(trace: Trace, calls: int) -> Trace:
        return replace(trace, output=torch.full_like(trace.output, torch.nan))

    assert found(each_call(change)) is None


def test_what_is_left_of_an_earlier_call_is_a_leak():
    finding = found(each_call(added_at(4, 0.25)))
    assert finding is not None
    assert finding.slug == "state-leaks-between-calls"
    assert "mine keeps state between calls" in finding.message
    assert "its output differs by up to 2.5e-01, first at t = 4" in finding.message


@pytest.mark.parametrize("quantity", ["h", "c"])
def test_a_leak_in_the_final_states_alone(quantity: str):
    def change(trace: Trace, calls: int) -> Trace:
        value = getattr(trace.final, quantity) + calls
        return replace(trace, final=replace(trace.final, **{quantity: value}))

    finding = found(each_call(change))
    assert finding is not None
    assert f"its {quantity}_n differs by up to 1.0e+00, and only the final states do" in finding.message


def test_a_leak_in_the_head():
    def change(trace: Trace, calls: int) -> Trace:
        assert trace.y is not None
        return replace(trace, y=trace.y * (1 + calls))

    assert slug(each_call(change), replace(LSTM, head="softmax")) == "state-leaks-between-calls"


def test_a_nan_that_appears_later_is_a_leak():
    finding = found(each_call(lambda trace, calls: replace(trace, output=trace.output * (torch.nan if calls else 1))))
    assert finding is not None
    assert "differs by a NaN or an infinity, first at t = 0" in finding.message


def test_a_shape_that_changes_is_a_leak():
    finding = found(each_call(lambda trace, calls: replace(trace, output=trace.output[calls:])))
    assert finding is not None
    assert "its output has another shape or dtype" in finding.message


def test_the_sign_of_a_zero_counts():
    finding = found(each_call(lambda trace, calls: replace(trace, output=trace.output * 0 * (-1) ** calls)))
    assert finding is not None
    assert "in the sign of a zero" in finding.message


def test_a_result_that_the_next_call_writes_into_hides_no_leak():
    buffer = torch.empty(0)

    def change(trace: Trace, calls: int) -> Trace:
        nonlocal buffer
        buffer = trace.output.clone() if calls == 0 else buffer.copy_(trace.output + calls)
        return replace(trace, output=buffer)

    assert slug(each_call(change)) == "state-leaks-between-calls"


def test_random_numbers_are_nondeterministic():
    draws = torch.Generator().manual_seed(0)

    def run(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
        trace = layer.run(x, state, lengths)
        output = trace.output.clone()
        output[3:] += 1e-6 * torch.rand(output[3:].shape, generator=draws)
        return replace(trace, output=output)

    finding = found(Fake(run))
    assert finding is not None
    assert finding.slug == "nondeterministic"
    assert "first at t = 3" in finding.message


def test_random_numbers_that_come_rarely_are_no_leak():
    odd = iter([False, True, False, False, False, False])

    def run(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
        trace = layer.run(x, state, lengths)
        return replace(trace, output=trace.output + 1) if next(odd) else trace

    assert slug(Fake(run)) == "nondeterministic"


def mutating(change: Callable[[Tensor, State, list[int]], object]) -> Run:
    def run(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
        trace = layer.run(x.clone(), State(state.h.clone(), None if state.c is None else state.c.clone()), lengths)
        change(x, state, lengths if isinstance(lengths, list) else [])
        return trace

    return run


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda x, state, lengths: x.add_(1e-3), "x"),
        (lambda x, state, lengths: x[-1].fill_(torch.nan), "x"),
        (lambda x, state, lengths: state.h.mul_(0.5), "h0"),
        (lambda x, state, lengths: state.c.zero_(), "c0"),
        (lambda x, state, lengths: lengths.reverse(), "lengths"),
        (lambda x, state, lengths: (x.neg_(), state.c.neg_()), "x and c0"),
    ],
)
def test_a_layer_that_writes_into_its_input(change: Callable[[Tensor, State, list[int]], object], named: str):
    finding = found(Fake(mutating(change)), lengths=(7, 2, 4))
    assert finding is not None
    assert finding.slug == "input-mutated"
    assert f"writes into its own input: {named} differ" in finding.message
    assert f"clone {named} first" in (finding.mend or "")


def test_what_the_caller_gave_is_left_alone():
    run = case(LSTM, seq_len=7)
    before = run.x.clone(), run.state.h.clone()
    fake = Fake(mutating(lambda x, state, lengths: (x.zero_(), state.h.zero_())))
    layer = fake.build(LSTM, run.weights)
    trace = run.run("numpy", run.x, run.state)
    assert repeat("mine", layer, fake, LSTM, run.weights, run.x, run.state, None, trace) is not None
    assert torch.equal(run.x, before[0])
    assert torch.equal(run.state.h, before[1])
