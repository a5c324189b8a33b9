"""Right layers of every kind are equivalent at the defaults, any against any: there is no false alarm."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncheck.checking.check import check
from rnncheck.checking.plan import Plan
from rnncheck.data.random import random_sequences
from rnncheck.implementations import load
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.report import Verdict

NAMES = ("torch", "scratch", "numpy")


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    torch.set_num_threads(1)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    cell, hidden_size = draw(st.sampled_from(Cell)), draw(st.integers(1, 24))
    spec = Spec(
        cell=cell,
        input_size=draw(st.integers(1, 9)),
        hidden_size=hidden_size,
        num_layers=draw(st.integers(1, 2)),
        nonlinearity=draw(st.sampled_from(["tanh", "relu"])) if cell is Cell.RNN else None,
        bias=draw(st.booleans()),
        bidirectional=draw(st.booleans()),
        proj_size=draw(st.integers(0, hidden_size - 1)) if cell is Cell.LSTM else 0,
        head=draw(st.sampled_from([None, "softmax"])),
        dtype=draw(st.sampled_from(Dtype)),
    )
    seq_len, batch_size = draw(st.integers(1, 60)), draw(st.integers(1, 3))
    each = st.integers(1, seq_len)
    lengths = draw(st.none() | st.lists(each, min_size=batch_size, max_size=batch_size))
    able = [name for name in NAMES if not load(name).refuses(spec, lengths=lengths is not None)]
    return Plan(
        spec,
        random_sequences(
            spec.input_size,
            seq_len,
            batch_size,
            lengths=tuple(lengths) if lengths else None,
            seed=draw(st.integers(0, 99)),
            init=draw(st.sampled_from(["normal", "uniform"])),
        ),
        candidate=draw(st.sampled_from(able)),
        reference=draw(st.sampled_from(able)),
        seed=draw(st.integers(0, 99)),
        h0=draw(st.sampled_from(["random", "zeros"])),
        weight_scale=draw(st.sampled_from([0.5, 1.0, 2.0, 4.0])),
        witness=False,
    )


@pytest.mark.paths
@settings(max_examples=4, deadline=None)
@given(plans())
def test_a_right_layer_is_equivalent_at_the_defaults(plan: Plan) -> None:
    report = check(plan)
    if plan.spec.nonlinearity == "relu" and report.verdict is Verdict.INCONCLUSIVE:
        assert report.reason is not None
        assert "as large as the states themselves" in report.reason  # a layer that is never on proves nothing
        return
    assert (report.verdict, report.reason) == (Verdict.EQUIVALENT, None)
    assert (report.tolerance.kind, report.findings) == ("envelope", [])
    assert any(each.mode == "lockstep" and each.compared for each in report.comparisons)


@pytest.mark.sample(2)
@pytest.mark.parametrize("candidate", NAMES)
@pytest.mark.parametrize("reference", NAMES)
@pytest.mark.parametrize("cell", Cell)
def test_any_against_any_over_a_hundred_steps(cell: Cell, reference: str, candidate: str) -> None:
    spec = Spec(cell=cell, hidden_size=32, num_layers=2, bidirectional=True)
    data = random_sequences(3, 100, 2)
    plan = Plan(spec, data, candidate, reference, weight_scale=2.0, backward=False, witness=False)
    assert check(plan).verdict is Verdict.EQUIVALENT
