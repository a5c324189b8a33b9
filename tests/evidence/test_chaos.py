"""Long runs in which rounding grows as large as the state: right layers pass, wrong ones are found where they err."""

import math
from collections.abc import Callable

import pytest
import torch
from fakes import Reweighed, clipping, one_off, with_output
from torch import Tensor

from rnncheck.checking.check import check
from rnncheck.checking.plan import Plan
from rnncheck.data.random import random_sequences
from rnncheck.implementations.protocol import Implementation
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.report import Report, Verdict

STEPS = 200
TANH = Spec(hidden_size=64)
SYSTEMS = [
    (TANH, 3.0),
    (Spec(hidden_size=128), 4.0),
    (Spec(hidden_size=64, num_layers=2, bidirectional=True), 3.5),
    (Spec(cell=Cell.GRU, hidden_size=64), 8.0),
    (Spec(cell=Cell.LSTM, hidden_size=64), 8.0),
]
names = [f"{spec.cell} {spec.hidden_size} times {scale:g}" for spec, scale in SYSTEMS]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


QUICK = {"diagnose": False, "witness": False}  # what is asked here is the verdict


def checked(candidate: str | Implementation, spec: Spec = TANH, scale: float = 3.0, **options: object) -> Report:
    data = random_sequences(3, STEPS, 2)
    return check(Plan(spec, data, candidate, weight_scale=scale, **{"backward": False, **QUICK, **options}))


def output(report: Report) -> object:
    assert report.comparisons[0].quantity == "output"
    return report.comparisons[0]


@pytest.mark.sample(3)
@pytest.mark.parametrize("candidate", ["scratch", "numpy"])
@pytest.mark.parametrize(("spec", "scale"), SYSTEMS, ids=names)
def test_a_right_layer_is_equivalent_though_free_running_passes_its_horizon(
    spec: Spec, scale: float, candidate: str
) -> None:
    report = checked(candidate, spec, scale)
    assert (report.verdict, report.reason) == (Verdict.EQUIVALENT, None)
    assert report.tolerance.horizon < STEPS
    assert spec.bidirectional or (report.tolerance.horizon > 10 and report.tolerance.growth > 1.05)
    assert output(report).unjudged > 0
    assert all(each.unjudged == 0 for each in report.comparisons if each.mode == "lockstep")


def test_there_right_layers_are_as_far_apart_as_a_state_is_large() -> None:
    """No fixed tolerance could pass this and be of use."""
    assert checked("scratch", *SYSTEMS[1], atol=0.5).verdict is Verdict.MISMATCH


def test_without_gradients_to_be_declined_it_is_equivalent_too() -> None:
    assert checked("scratch", backward=None).verdict is Verdict.EQUIVALENT


def swapped(values: dict[str, Tensor]) -> dict[str, Tensor]:
    first, second, *others = values["weight_hh_l0"].split(64)
    return {"weight_hh_l0": torch.cat([second, first, *others])}


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("wrong", "spec", "scale"),
    [
        (one_off("weight_hh_l0", 1.001), *SYSTEMS[0]),
        (one_off("weight_ih_l0", 1.005), *SYSTEMS[1]),
        (Reweighed(lambda values: {"bias_hh_l0": 0 * values["bias_hh_l0"]}), *SYSTEMS[0]),
        (Reweighed(swapped), *SYSTEMS[3]),
        (Reweighed(swapped), *SYSTEMS[4]),
    ],
    ids=["a recurrent weight off by 0.1 %", "an input weight off by 0.5 %", "a bias lost", "gru gates", "lstm gates"],
)
def test_a_wrong_layer_is_a_mismatch_from_the_first_step_on(wrong: Implementation, spec: Spec, scale: float) -> None:
    report = checked(wrong, spec, scale)
    assert (report.verdict, report.exit_code) == (Verdict.MISMATCH, 1)
    assert report.first_divergence.t == 0


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("weight", "layer", "direction"),
    [("weight_hh_l1", 1, "forward"), ("weight_hh_l0_reverse", 0, "reverse"), ("bias_ih_l1_reverse", 1, "reverse")],
)
def test_the_layer_and_direction_that_are_wrong_are_named(weight: str, layer: int, direction: str) -> None:
    report = checked(one_off(weight, 1.01), *SYSTEMS[2])
    assert report.verdict is Verdict.MISMATCH
    assert (report.first_divergence.layer, report.first_divergence.direction) == (layer, direction)


def test_a_layer_that_errs_late_is_told_where_it_errs_and_not_where_the_echo_is_large() -> None:
    x = torch.from_numpy(next(random_sequences(3, STEPS, 2).chunks(STEPS)))
    limit = float(x[:60].amax())
    first = int((x > limit).any(2).any(1).nonzero()[0])
    report = checked(clipping(limit), Spec(hidden_size=128), 5.0)
    assert report.tolerance.horizon < first
    assert output(report).agrees  # free running could not know
    assert report.verdict is Verdict.MISMATCH
    assert (report.first_divergence.quantity, report.first_divergence.t) == ("h", first)


@pytest.mark.parametrize("wrong", [None, one_off("weight_hh_l0", 1.5)], ids=["right", "wrong"])
def test_without_single_steps_it_is_open_and_the_reason_says_what_would_decide(
    wrong: Implementation | None,
) -> None:
    report = checked(wrong or "scratch", lockstep=False)
    if wrong is None:
        assert (report.verdict, report.exit_code) == (Verdict.INCONCLUSIVE, 5)
        assert "were not judged, because rounding" in report.reason
        assert "use lockstep, fewer timesteps or --dtype float64" in report.reason
    else:
        assert report.verdict is Verdict.MISMATCH  # within the horizon already


def test_in_float64_the_horizon_is_further_away() -> None:
    near, far = (checked("scratch", Spec(hidden_size=64, dtype=dtype)) for dtype in (Dtype.FLOAT32, Dtype.FLOAT64))
    assert near.tolerance.horizon < far.tolerance.horizon
    assert far.verdict is Verdict.EQUIVALENT


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_nan_beyond_the_horizon_is_a_mismatch_where_no_state_can_overflow(value: float) -> None:
    def poison(states: Tensor) -> Tensor:
        states = states.clone()
        states[-5:] = value
        return states

    wrong = with_output(lambda states: poison(states) if len(states) == STEPS else states)
    report = checked(wrong, *SYSTEMS[1])
    assert report.tolerance.horizon < STEPS - 5
    assert report.verdict is Verdict.MISMATCH
    assert output(report).exceeded == 5 * 2 * 128
    assert report.first_divergence.t == STEPS - 5


RELU = Spec(hidden_size=32, nonlinearity="relu")


@pytest.mark.parametrize("backward", [False, None], ids=["without gradients", "with"])
def test_states_that_overflow_on_both_sides_are_judged_up_to_there(backward: bool | None) -> None:
    report = checked("scratch", RELU, 30.0, backward=backward)
    assert (report.verdict, report.reason) == (Verdict.EQUIVALENT, None)
    assert 10 < report.tolerance.horizon < STEPS
    assert output(report).unjudged > 0
    assert output(report).nonfinite == 0


@pytest.mark.parametrize(
    "change",
    [lambda values: {"bias_hh_l0": 0 * values["bias_hh_l0"]}, lambda values: {"weight_hh_l0": -values["weight_hh_l0"]}],
    ids=["a bias lost", "the other sign"],
)
def test_up_to_there_a_wrong_layer_is_a_mismatch(change: Callable[[dict[str, Tensor]], dict[str, Tensor]]) -> None:
    assert checked(Reweighed(change), RELU, 30.0).verdict is Verdict.MISMATCH


def after(step: int, change: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The outputs with those from `step` on changed; single steps, which are one timestep long, are left alone."""

    def changed(states: Tensor) -> Tensor:
        return states if len(states) == 1 else torch.cat([states[:step], change(states[step:])])

    return changed


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "change",
    [torch.zeros_like, lambda states: states + 5, lambda states: states.roll(1, 0), lambda states: -states],
    ids=["zeros", "beyond 1", "one step late", "the other sign"],
)
@pytest.mark.parametrize(("spec", "scale"), [(TANH, 4.0), SYSTEMS[3]], ids=["rnn", "gru"])
def test_outputs_that_do_not_follow_from_those_before_are_found_beyond_the_horizon_too(
    spec: Spec, scale: float, change: Callable[[Tensor], Tensor]
) -> None:
    report = checked(with_output(after(170, change)), spec, scale)
    assert report.tolerance.horizon < 170
    assert report.verdict is Verdict.MISMATCH
    assert (report.first_divergence.quantity, report.first_divergence.t) == ("output", 170)


@pytest.mark.sample(3)
@pytest.mark.parametrize("dtype", Dtype)
@pytest.mark.parametrize(("spec", "scale"), [(TANH, 4.0), SYSTEMS[3]], ids=["rnn", "gru"])
def test_a_right_layer_follows_from_its_own_outputs_at_every_precision(spec: Spec, scale: float, dtype: Dtype) -> None:
    data = random_sequences(3, STEPS, 2, lengths=(STEPS, STEPS - 7))
    spec = Spec(spec.cell, hidden_size=spec.hidden_size, dtype=dtype)
    report = check(Plan(spec, data, weight_scale=2 * scale, backward=False, **QUICK))
    assert report.verdict is Verdict.EQUIVALENT
    assert [each.quantity for each in report.comparisons if each.mode == "lockstep"] == ["h", "output"]
    assert all(each.agrees for each in report.comparisons)
