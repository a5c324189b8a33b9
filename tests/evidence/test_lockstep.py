"""Every step restarted from the exact states before it: errors are told where they are made, however small."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import torch
from fakes import Fake, changing, clipping, one_off, without_recurrence
from torch import Tensor

from rnncheck.data.random import initial_state, random_sequences
from rnncheck.envelope import Envelope, exact_and_envelope, rounding_of
from rnncheck.evidence.lockstep import Lockstep
from rnncheck.implementations import load
from rnncheck.implementations.protocol import Implementation
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import draw
from rnncheck.report import Comparison


@dataclass(frozen=True)
class Stepped:
    x: Tensor
    envelope: Envelope
    lockstep: Lockstep
    found: dict[str, Comparison]


def stepped(
    candidate: Implementation | str,
    spec: Spec | None = None,
    seq_len: int = 12,
    lengths: tuple[int, ...] | None = None,
    size: float = 1.0,
    scale: float = 1.0,
) -> Stepped:
    spec = spec or Spec(hidden_size=6)
    weights, state = draw(spec, 0).scaled(scale), initial_state(spec, 2)
    x = size * torch.from_numpy(next(random_sequences(3, seq_len, 2, lengths=lengths).chunks(seq_len)))
    side = load(candidate) if isinstance(candidate, str) else candidate
    with torch.inference_mode():
        envelope = exact_and_envelope(spec, weights, x, state, lengths, rounding=rounding_of(spec))
        lockstep = Lockstep(spec, weights, x, envelope, lengths)
        found = lockstep.comparisons(side.build(spec, weights))
    return Stepped(x, envelope, lockstep, {each.quantity: each for each in found})


@pytest.mark.parametrize("candidate", ["torch", "scratch"])
@pytest.mark.parametrize("dtype", Dtype)
@pytest.mark.parametrize("cell", Cell)
def test_every_step_of_a_right_layer_is_right(cell: Cell, dtype: Dtype, candidate: str) -> None:
    spec = Spec(cell=cell, hidden_size=6, num_layers=2, bidirectional=True, dtype=dtype)
    found = stepped(candidate, spec).found
    assert list(found) == (["h", "c"] if cell is Cell.LSTM else ["h"])
    for each in found.values():
        assert each.agrees
        assert (each.mode, each.compared) == ("lockstep", 12 * 2 * 6 * 4)


def test_a_projected_state_and_its_cell_are_both_compared() -> None:
    found = stepped("scratch", Spec(cell=Cell.LSTM, hidden_size=6, proj_size=2)).found
    assert {quantity: each.compared for quantity, each in found.items()} == {"h": 12 * 2 * 2, "c": 12 * 2 * 6}
    assert all(each.agrees for each in found.values())


@pytest.mark.parametrize(("cell", "row"), [(Cell.RNN, 1), (Cell.LSTM, 13), (Cell.GRU, 13)])
def test_a_bias_off_by_64_units_in_its_last_place_is_seen_though_it_moves_no_state_by_1e_5(
    cell: Cell, row: int
) -> None:
    """Of the gated cells: a bias of the gate that the others let through."""
    wrong = one_off("bias_ih_l0", 1 + 64 * 2.0**-23, row)
    found = stepped(wrong, Spec(cell=cell, hidden_size=6), seq_len=50).found["h"]
    assert not found.agrees
    assert found.at.unit == 1
    assert found.max_abs < 1e-5


@pytest.mark.parametrize(("ulps", "agrees"), [(0, True), (4096, False)])
def test_the_layer_that_is_told_of_is_the_wrong_one(ulps: int, agrees: bool) -> None:
    spec = Spec(cell=Cell.GRU, hidden_size=6, num_layers=3, bidirectional=True)
    found = stepped(one_off("weight_hh_l1_reverse", 1 + ulps * 2.0**-23, row=12 * 6), spec).found["h"]
    assert found.agrees is agrees
    if not agrees:
        assert (found.first_divergence.layer, found.first_divergence.direction) == (1, "reverse")
        assert found.first_divergence.unit == 0


def test_a_cell_state_alone_that_is_wrong_is_told_as_c() -> None:
    wrong = changing(lambda trace: replace(trace, final=State(trace.final.h, trace.final.c + 1e-3)))
    found = stepped(wrong, Spec(cell=Cell.LSTM, hidden_size=6)).found
    assert (found["h"].agrees, found["c"].agrees) == (True, False)


def test_the_first_step_that_is_wrong_by_itself_is_named_and_only_those_are_counted() -> None:
    x = stepped("torch", seq_len=200).x
    limit = float(x[:25].amax())
    wrong = (x > limit).any(2)
    found = stepped(clipping(limit), seq_len=200).found["h"]
    t = int(wrong.any(1).nonzero()[0])
    assert t >= 25
    assert (found.first_divergence.t, wrong[t, found.first_divergence.batch]) == (t, True)
    assert found.exceeded <= int(wrong.sum()) * 6


def test_a_state_that_is_not_fed_back_is_wrong_from_the_first_step_on() -> None:
    found = stepped(Fake(without_recurrence)).found["h"]
    assert found.first_divergence.t == 0
    assert found.exceeded > 0.9 * found.compared


def test_a_side_without_the_state_that_it_should_have_is_a_problem() -> None:
    headless = changing(lambda trace: replace(trace, final=State(trace.final.h)))
    found = stepped(headless, Spec(cell=Cell.LSTM, hidden_size=6)).found["c"]
    assert found.problem == "the candidate has none; the reference's has shape (1, 24, 6)"


@pytest.mark.parametrize(
    ("change", "shape"),
    [(lambda h: h[0], "(24, 6)"), (lambda h: h.transpose(0, 1), "(24, 1, 6)")],
    ids=["no layers", "batch first"],
)
def test_a_state_of_another_shape_is_a_problem(change: Callable[[Tensor], Tensor], shape: str) -> None:
    wrong = changing(lambda trace: replace(trace, final=State(change(trace.final.h))))
    problem = stepped(wrong).found["h"].problem
    assert problem == f"the candidate's shape is {shape}, the reference's (1, 24, 6)"


def test_an_error_of_all_units_at_once_is_told_though_each_could_be_rounding() -> None:
    def too_large(trace: Trace) -> Trace:
        h = trace.final.h.clone()
        h[:, 5:] += 2.5e-7
        return replace(trace, final=State(h))

    found = stepped(changing(too_large), Spec(hidden_size=32)).found["h"]
    assert not found.agrees
    assert found.max_abs < 4e-7  # which one unit may be off
    assert (found.first_divergence.t, found.first_divergence.batch) == (2, 1)  # the sixth step of two rows


def test_a_difference_is_told_in_the_last_places_of_the_runs_dtype() -> None:
    found = stepped(changing(lambda trace: replace(trace, final=State(trace.final.h + 2.0**-10)))).found["h"]
    last_place = math.ldexp(1.0, math.frexp(found.reference_value)[1] - 24)
    assert found.max_ulp == found.max_abs / last_place


def test_where_a_row_is_over_there_is_no_step() -> None:
    assert stepped("torch", lengths=(12, 5)).found["h"].compared == (12 + 5) * 6


def test_a_state_that_overflowed_does_not_end_the_judging_of_single_steps() -> None:
    spec = Spec(hidden_size=6, nonlinearity="relu")
    some = stepped("torch", spec, seq_len=40, scale=30)
    assert some.envelope.lost.any()
    assert not some.envelope.exact.output.float().isfinite().all()
    found = some.found["h"]
    assert found.agrees
    assert found.compared + found.unjudged == 40 * 2 * 6  # a step that overflows itself is not judged
    assert found.compared > 40 * 6
    assert not stepped(one_off("bias_ih_l0", 1.01), spec, seq_len=40, scale=30).found["h"].agrees


def test_a_step_on_what_is_no_number_is_not_judged() -> None:
    found = stepped("torch", size=math.nan).found["h"]
    assert (found.compared, found.unjudged) == (0, 12 * 2 * 6)
