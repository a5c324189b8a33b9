from dataclasses import replace

import pytest
import torch
from envelope_cases import budget, case
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncheck.implementations import load
from rnncheck.model.spec import Cell, Dtype, Spec


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    cell = draw(st.sampled_from(Cell))
    return Spec(
        cell,
        input_size=draw(st.integers(1, 12)),
        hidden_size=draw(st.integers(1, 40)),
        num_layers=draw(st.integers(1, 3)),
        nonlinearity=draw(st.sampled_from(["tanh", "relu"])) if cell is Cell.RNN else None,
        bias=draw(st.booleans()),
        bidirectional=draw(st.booleans()),
        dtype=draw(st.sampled_from(Dtype)),
    )


@pytest.mark.slow
@given(spec=specs(), seq_len=st.integers(1, 20), scale=st.sampled_from([0.5, 1, 2, 4]), padded=st.booleans())
@settings(max_examples=40, deadline=None)
def test_right_layers_stay_within_the_envelope(spec, seq_len, scale, padded):
    run = case(spec, seq_len, 2, (seq_len, max(seq_len // 2, 1)) if padded else None, scale=scale)
    envelope = run.free()
    starts, lockstep = run.lockstep(envelope)
    for name in ("torch", "scratch", "numpy"):
        if load(name).refuses(spec) is None:
            assert budget(run.run(name, run.x, run.state, run.lengths), envelope) < 1
            assert budget(run.run(name, starts.x, starts.state), lockstep) < 1


@pytest.mark.parametrize(
    ("spec", "weight", "seq_len"),
    [
        (Spec(Cell.RNN, 64, 100, 3, nonlinearity="relu", bidirectional=True), 0.1, 5),
        (Spec(Cell.RNN, 4, 100, 2, bidirectional=True), 0.03, 20),
        (Spec(Cell.LSTM, 64, 100, 2, bidirectional=True), 0.1, 5),
    ],
    ids=["relu", "tanh", "lstm"],
)
def test_layers_of_units_that_all_round_alike_are_right(spec, weight, seq_len):
    run = case(spec, seq_len)
    run = run.with_weights(**{name: torch.full_like(value, weight) for name, value in run.weights.values.items()})
    envelope = run.free()
    starts, lockstep = run.lockstep(envelope)
    assert budget(run.run("torch", run.x, run.state), envelope) < 1
    assert budget(run.run("torch", starts.x, starts.state), lockstep) < 1


@pytest.mark.parametrize("dtype", [Dtype.FLOAT64, Dtype.FLOAT32])
def test_a_projection_is_judged(dtype):
    run = case(Spec(Cell.LSTM, hidden_size=9, proj_size=4, num_layers=2, dtype=dtype))
    assert budget(run.run("numpy", run.x, run.state), run.free()) < 1


@pytest.mark.parametrize("name", ["torch", "scratch"])
@pytest.mark.parametrize("dtype", Dtype)
def test_a_head_is_judged(name, dtype):
    run = case(Spec(Cell.GRU, hidden_size=20, head="softmax", dtype=dtype))
    trace, envelope = run.run(name, run.x, run.state), run.free()
    assert envelope.exact.y is not None
    assert budget(trace, envelope) < 1


@pytest.mark.parametrize("size", [1e-30, 1e-12, 1e4])
@pytest.mark.parametrize("cell", Cell)
def test_the_size_of_the_data_does_not_matter(cell, size):
    run = case(Spec(cell, bias=False))
    run = replace(run, x=run.x * size)
    assert budget(run.run("torch", run.x, run.state), run.free()) < 1
