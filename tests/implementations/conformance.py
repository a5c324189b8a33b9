"""The conformance kit: what `Implementation` means, as rules that any implementation can be held to.

A rule takes an implementation and a case that it does not refuse, and fails by assertion. The kit has tests of its own
(test_kit.py): implementations that are wrong on purpose, each caught by the rule that is there for it.
"""

from collections.abc import Callable

import torch
from implementations.cases import Case
from torch import Tensor

from rnncheck.implementations import load
from rnncheck.implementations.protocol import Implementation, Layer
from rnncheck.model.spec import Cell, Dtype
from rnncheck.model.trace import State, Trace

Rule = Callable[[Implementation, Case], None]

# How far T <= 7 steps of a small layer may be from float64, at each precision.
CLOSE = {Dtype.FLOAT64: 1e-12, Dtype.FLOAT32: 1e-4, Dtype.FLOAT16: 0.05, Dtype.BFLOAT16: 0.3}


def refusal(implementation: Implementation, case: Case) -> str | None:
    """Why this implementation does not take this case; a reason has words."""
    reason = implementation.refuses(case.spec, lengths=case.lengths is not None)
    assert reason is None or reason.strip()
    return reason


def built(implementation: Implementation, case: Case) -> Layer:
    return implementation.build(case.spec, case.weights())


def run(implementation: Implementation, case: Case) -> Trace:
    return built(implementation, case).run(case.x(), case.state(), case.lengths)


def named(trace: Trace) -> dict[str, Tensor]:
    """Every tensor of a trace that is there."""
    every = {"output": trace.output, "h_n": trace.final.h, "c_n": trace.final.c, "y": trace.y}
    return {quantity: value for quantity, value in every.items() if value is not None}


def same(a: Trace, b: Trace) -> bool:
    return all(torch.equal(value, named(b)[quantity]) for quantity, value in named(a).items())


def assert_close(trace: Trace, expected: Trace, dtype: Dtype) -> None:
    for quantity, value in named(expected).items():
        difference = (named(trace)[quantity].double().cpu() - value.double().cpu()).abs().max()
        assert difference <= CLOSE[dtype], f"{quantity} is off by {difference}"


def has_the_shapes_dtype_and_device_of_the_spec(implementation: Implementation, case: Case) -> None:
    spec, (T, B) = case.spec, (case.seq_len, case.batch_size)
    states = spec.num_layers * spec.directions
    shapes = {"output": (T, B, spec.output_size), "h_n": (states, B, spec.state_size)}
    if spec.cell is Cell.LSTM:
        shapes["c_n"] = (states, B, spec.hidden_size)
    if spec.head:
        shapes["y"] = (T, B, spec.hidden_size)
    trace = named(run(implementation, case))
    assert {quantity: tuple(value.shape) for quantity, value in trace.items()} == shapes
    assert {value.dtype for value in trace.values()} == {case.dtype}
    assert {value.device.type for value in trace.values()} == {torch.device(spec.device).type}


def agrees_with_an_independent_float64_run(implementation: Implementation, case: Case) -> None:
    oracle = load("numpy" if implementation.name == "torch" else "torch")
    assert_close(run(implementation, case), run(oracle, case.at(Dtype.FLOAT64)), case.spec.dtype)


def holds_its_weights_bit_for_bit(implementation: Implementation, case: Case) -> None:
    held, given = built(implementation, case).parameters(), case.weights().cast(case.spec)
    assert held.keys() == given.keys()
    assert all(torch.equal(held[name], value) for name, value in given.items())
    assert {value.dtype for value in held.values()} == {case.dtype}


def leaves_what_it_is_given_alone(implementation: Implementation, case: Case) -> None:
    weights, x, state = case.weights(), case.x(), case.state()
    layer = implementation.build(case.spec, weights)
    layer.run(x, state, case.lengths)
    assert torch.equal(x, case.x())
    assert same(Trace(x, state), Trace(x, case.state()))
    assert all(torch.equal(weights.values[name], value) for name, value in case.weights().values.items())
    assert all(torch.equal(layer.parameters()[name], value) for name, value in weights.cast(case.spec).items())


def gives_the_same_again_whatever_it_ran_between(implementation: Implementation, case: Case) -> None:
    layer = built(implementation, case)
    first = layer.run(case.x(), case.state(), case.lengths)
    kept = {quantity: value.clone() for quantity, value in named(first).items()}
    layer.run(-case.x(), State(*(None if s is None else -s for s in (case.state().h, case.state().c))), case.lengths)
    assert all(torch.equal(kept[quantity], value) for quantity, value in named(first).items()), "wrote into its trace"
    assert same(first, layer.run(case.x(), case.state(), case.lengths)), "a second run differs"


def goes_on_from_the_state_it_ended_in(implementation: Implementation, case: Case) -> None:
    if case.spec.bidirectional or case.lengths:
        return
    layer, x, cut = built(implementation, case), case.x(), case.seq_len // 3
    state, outputs, heads = case.state(), [], []
    for chunk in (x[:cut], x[cut : cut + 1], x[cut + 1 :]):
        if len(chunk):
            trace = layer.run(chunk, state)
            state = trace.final
            outputs.append(trace.output)
            heads.append(trace.y)
    y = torch.cat([head for head in heads if head is not None]) if case.spec.head else None
    assert_close(Trace(torch.cat(outputs), state, y), layer.run(x, case.state()), case.spec.dtype)


def ends_each_row_at_its_own_length(implementation: Implementation, case: Case) -> None:
    if not case.lengths:
        return
    layer = built(implementation, case)
    trace = layer.run(case.x(), case.state(), case.lengths)
    assert not trace.output.masked_select(case.padding().to(trace.output.device)).any(), "the padding is not zero"
    for row, length in enumerate(case.lengths):
        h, c = (None if s is None else s[:, row : row + 1].contiguous() for s in (case.state().h, case.state().c))
        alone = layer.run(case.x()[:length, row : row + 1], State(h, c), None)
        ends = (None if s is None else s[:, row : row + 1] for s in (trace.final.h, trace.final.c))
        assert_close(
            Trace(trace.output[:length, row : row + 1], State(*ends)), Trace(alone.output, alone.final), case.spec.dtype
        )


def reads_nothing_behind_a_row(implementation: Implementation, case: Case) -> None:
    layer = built(implementation, case)
    garbage = case.x().masked_fill(case.padding().to(case.spec.device), 1e3)
    assert same(layer.run(garbage, case.state(), case.lengths), layer.run(case.x(), case.state(), case.lengths))


def starts_from_the_state_it_is_given(implementation: Implementation, case: Case) -> None:
    """Each of h0 and c0, at every layer and direction; the default state is random, so that this is seen."""
    layer, state = built(implementation, case), case.state()
    before = named(layer.run(case.x(), state, case.lengths))
    for part in (state.h, state.c):
        for k in range(0 if part is None else len(part)):
            kept = part[k].clone()
            part[k] = 0.0
            after = named(layer.run(case.x(), state, case.lengths))
            part[k] = kept
            assert any(not torch.equal(after[quantity], value) for quantity, value in before.items())


def leaves_torch_as_it_was(implementation: Implementation, case: Case) -> None:
    case.weights()
    before = torch.get_rng_state(), torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_num_threads()
    run(implementation, case)
    after = torch.get_rng_state(), torch.is_grad_enabled(), torch.get_default_dtype(), torch.get_num_threads()
    assert torch.equal(before[0], after[0]), "drew from torch's global generator"
    assert before[1:] == after[1:]


def runs_in_inference_mode(implementation: Implementation, case: Case) -> None:
    with torch.no_grad():
        ordinary = run(implementation, case)
    with torch.inference_mode():
        assert same(run(implementation, case), ordinary)


def can_be_differentiated_or_says_that_it_cannot(implementation: Implementation, case: Case) -> None:
    """By x, the states and every leaf, one for each recurrent parameter; even if it was built in inference mode."""
    with torch.inference_mode():
        layer = built(implementation, case)
    with torch.enable_grad():
        leaves = layer.leaves()
        if leaves is None:
            return
        assert leaves.keys() == case.spec.recurrent_shapes().keys()
        assert all(torch.equal(layer.parameters()[name], leaf) for name, leaf in leaves.items())
        inputs = [each for each in (case.x(), case.state().h, case.state().c) if each is not None]
        x, *states = (each.requires_grad_() for each in inputs)
        trace = named(layer.run(x, State(*states), case.lengths))
        trace.pop("y", None)
        loss = sum((value.double().sin().sum() for value in trace.values()), torch.zeros(()).double())
        found = torch.autograd.grad(loss, [x, *states, *leaves.values()], allow_unused=True)
    assert all(each is not None for each in found), "no gradient"
    assert all(leaf.grad is None for leaf in leaves.values())


RULES: tuple[Rule, ...] = (
    has_the_shapes_dtype_and_device_of_the_spec,
    agrees_with_an_independent_float64_run,
    holds_its_weights_bit_for_bit,
    leaves_what_it_is_given_alone,
    gives_the_same_again_whatever_it_ran_between,
    goes_on_from_the_state_it_ended_in,
    ends_each_row_at_its_own_length,
    reads_nothing_behind_a_row,
    starts_from_the_state_it_is_given,
    leaves_torch_as_it_was,
    runs_in_inference_mode,
    can_be_differentiated_or_says_that_it_cannot,
)
