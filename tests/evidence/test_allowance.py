"""What is allowed chunk by chunk: a stated tolerance everywhere, or the envelope, carried on in bounded time."""

import math

import pytest
import torch
from torch import Tensor

from rnncheck.data.random import initial_state
from rnncheck.envelope import exact_and_envelope, rounding_of
from rnncheck.evidence.allowance import PAIR, Enveloped, SideRun, Stated
from rnncheck.evidence.tolerance import Tolerance
from rnncheck.implementations import load
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import State
from rnncheck.model.weights import Weights, draw

SPEC = Spec(cell=Cell.LSTM, hidden_size=6, head="softmax")
WEIGHTS = draw(SPEC, 0)


def data(steps: int, seed: int = 0, size: float = 1.0) -> Tensor:
    return size * torch.randn(steps, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def ran(x: Tensor, start: State | None = None, by: str = "torch", weights: Weights = WEIGHTS) -> SideRun:
    start = start or initial_state(SPEC, 2)
    state = State(start.h.float(), start.c.float())
    with torch.inference_mode():
        return SideRun(state, load(by).build(SPEC, weights).run(x.float(), State(state.h.clone(), state.c.clone())))


def enveloped(weights: Weights = WEIGHTS) -> Enveloped:
    return Enveloped(SPEC, weights, None, rounding_of(SPEC))


def test_a_stated_tolerance_is_the_same_for_everything() -> None:
    tolerance, x = Tolerance(1e-3, 1e-4), data(5)
    assert set(vars(Stated(tolerance).of(x, ran(x), ran(x))).values()) == {tolerance}


def test_two_right_sides_may_be_apart_as_far_as_two_independent_errors_are() -> None:
    x, start = data(5), initial_state(SPEC, 2)
    envelope = exact_and_envelope(SPEC, WEIGHTS, x, start, rounding=rounding_of(SPEC))
    allowed = enveloped().of(x, ran(x), ran(x))
    for ours, alone in (
        (allowed.output, envelope.allowed.output),
        (allowed.h_n, envelope.allowed.final.h),
        (allowed.c_n, envelope.allowed.final.c),
        (allowed.y, envelope.allowed.y),
    ):
        assert torch.allclose(ours, PAIR * alone, atol=0, rtol=1e-12)


def test_of_what_a_cell_has_not_nothing_is_asked() -> None:
    spec = Spec()
    state = initial_state(spec, 2)
    start = State(state.h.float())
    with torch.inference_mode():
        run = SideRun(start, load("torch").build(spec, draw(spec, 0)).run(data(5).float(), State(start.h.clone())))
    allowed = Enveloped(spec, draw(spec, 0), None, rounding_of(spec)).of(data(5), run, run)
    assert (allowed.c_n, allowed.y) == (Tolerance(), Tolerance())


def test_a_later_chunk_may_have_what_the_first_had_at_most() -> None:
    sides, held = {by: ran(data(9), by=by) for by in ("scratch", "torch")}, enveloped()
    first = held.of(data(9), sides["scratch"], sides["torch"])
    later = {by: ran(data(4, 1), run.trace.final, by) for by, run in sides.items()}
    allowed = held.of(data(4, 1), later["scratch"], later["torch"])
    assert torch.equal(allowed.output, first.output.amax(0).expand(4, -1, -1))
    assert torch.equal(allowed.y, first.y.amax(0).expand(4, -1, -1))
    assert torch.equal(allowed.h_n, first.h_n)


def test_a_later_chunk_that_exceeds_it_is_given_an_envelope_of_its_own() -> None:
    """The data are a thousandth in the first chunk, so that little was allowed there."""
    quiet, loud = data(9, size=1e-3), data(9, 1)
    still = State(torch.zeros(1, 2, 6), torch.zeros(1, 2, 6))
    sides, held = {by: ran(quiet, still, by) for by in ("scratch", "torch")}, enveloped()
    held.of(quiet, sides["scratch"], sides["torch"])
    off = State(sides["scratch"].trace.final.h + 0.01, sides["scratch"].trace.final.c)
    ours, theirs = ran(loud, off, "scratch"), ran(loud, sides["torch"].trace.final)
    allowed = held.of(loud, ours, theirs)
    apart = (ours.trace.output - theirs.trace.output).abs()
    assert bool((apart <= allowed.output).all())
    assert float(apart[0].max()) > 1e-4  # they are apart because they start apart
    assert bool((allowed.output <= apart + 1e-5).all())


def test_what_was_once_allowed_stays_allowed() -> None:
    held, x = enveloped(), data(9)
    first = held.of(x, ran(x), ran(x))
    off = ran(x, State(initial_state(SPEC, 2).h + 0.01, initial_state(SPEC, 2).c))
    more = held.of(x, off, ran(x))
    assert bool((more.output.amax(0) > first.output.amax(0)).any())
    last = held.of(x, off, ran(x))
    assert torch.equal(last.output, torch.maximum(first.output, more.output).amax(0).expand(9, -1, -1))


def test_an_empty_chunk_asks_for_nothing() -> None:
    held, empty = enveloped(), torch.empty(9, 0, 3, dtype=torch.float64)
    run = ran(data(9))
    assert held.of(empty, run, run).output == Tolerance()
    assert held.first is None


def test_nothing_is_in_doubt_where_all_is_finite_and_within_the_horizon() -> None:
    held, run = enveloped(), ran(data(9))
    for _ in range(2):
        held.of(data(9), run, run)
    assert held.doubt is None


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_nan_or_infinity_that_was_given_must_show_on_both_sides(value: float) -> None:
    x, held = data(9), enveloped()
    x[4, 0, 0] = value
    run = ran(x)
    allowed = held.of(x, run, run)
    assert held.doubt is not None
    assert held.doubt.startswith("the data or weights hold NaN or infinities")
    poisoned = run.trace.output.isnan()
    assert bool((allowed.output[poisoned] == 0).all())
    assert bool(poisoned.any()) == math.isnan(value)
    assert bool(allowed.output[:4].isfinite().all())


def test_so_must_one_in_the_weights() -> None:
    values = dict(WEIGHTS.values)
    values["weight_ih_l0"] = values["weight_ih_l0"].clone()
    values["weight_ih_l0"][0, 0] = math.nan
    held, run = enveloped(Weights(values)), ran(data(9), weights=Weights(values))
    held.of(data(9), run, run)
    assert held.doubt is not None
