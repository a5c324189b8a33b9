"""From comparisons to a verdict: what decides, what cannot, and which place is named as the first."""

import pytest

from rnncheck.checking.verdict import first_divergence, judge
from rnncheck.report import Comparison, Divergence, Verdict

RIGHT = Comparison("output", "free", compared=40)
PART = Comparison("output", "free", compared=30, unjudged=10)
STEPS = Comparison("h", "lockstep", compared=40)
NO_STEPS = Comparison("h", "lockstep")
WRONG_STEPS = Comparison("h", "lockstep", compared=40, exceeded=1)


def parted(quantity: str, mode: str, t: int) -> Comparison:
    where = Divergence(quantity, t=t, layer=0, direction="forward", batch=0, unit=0)
    return Comparison(quantity, mode, compared=40, exceeded=1, first_divergence=where)


def test_all_that_was_compared_agrees() -> None:
    assert judge([RIGHT]) == (Verdict.EQUIVALENT, None)
    assert judge([RIGHT, STEPS]) == (Verdict.EQUIVALENT, None)


@pytest.mark.parametrize(
    "wrong",
    [
        Comparison("output", "free", compared=40, exceeded=1),
        Comparison("h_n", "free", problem="the candidate has none"),
        WRONG_STEPS,
        Comparison("weight_hh_l0", "backward", compared=16, exceeded=1),
    ],
    ids=["output", "problem", "lockstep", "gradient"],
)
@pytest.mark.parametrize("others", [[RIGHT], [RIGHT, STEPS], [PART], [Comparison("y", "free", nonfinite=3)]])
def test_one_quantity_that_differs_is_a_mismatch_whatever_the_others_say(
    wrong: Comparison, others: list[Comparison]
) -> None:
    assert judge([*others, wrong]) == (Verdict.MISMATCH, None)
    assert judge([wrong, *others], "in doubt") == (Verdict.MISMATCH, None)


def test_what_is_beyond_the_horizon_is_decided_by_single_steps() -> None:
    assert judge([PART, STEPS]) == (Verdict.EQUIVALENT, None)


@pytest.mark.parametrize("steps", [[], [NO_STEPS]], ids=["not asked for", "none could be judged"])
def test_without_them_it_is_open_and_the_reason_says_what_would_decide(steps: list[Comparison]) -> None:
    verdict, reason = judge([PART, *steps])
    assert verdict is Verdict.INCONCLUSIVE
    assert reason is not None
    assert reason.startswith("10 values of output were not judged, because rounding")
    assert reason.endswith("use lockstep, fewer timesteps or --dtype float64")


def test_a_gradient_beyond_its_horizon_leaves_nothing_open() -> None:
    assert judge([RIGHT, Comparison("grad x", "backward", compared=10, unjudged=3)])[0] is Verdict.EQUIVALENT


def test_a_doubt_leaves_open_what_was_not_judged() -> None:
    assert judge([RIGHT, STEPS], "no step was looked at") == (Verdict.EQUIVALENT, None)
    assert judge([PART, STEPS], "no step was looked at") == (
        Verdict.INCONCLUSIVE,
        "10 values of output were not judged: no step was looked at",
    )


def test_what_is_not_finite_on_both_sides_proves_nothing() -> None:
    verdict, reason = judge([Comparison("output", "free", compared=30, nonfinite=10), STEPS])
    assert verdict is Verdict.INCONCLUSIVE
    assert reason is not None
    assert reason.startswith("10 values of output are NaN or infinite on both sides")


@pytest.mark.parametrize(
    ("states", "verdict"), [(PART, Verdict.EQUIVALENT), (RIGHT, Verdict.INCONCLUSIVE)], ids=["lost", "judged"]
)
def test_gradients_of_states_that_overflow_may_overflow_too(states: Comparison, verdict: Verdict) -> None:
    assert judge([states, STEPS, Comparison("grad x", "backward", nonfinite=3)])[0] is verdict


def test_what_could_not_be_compared_proves_nothing() -> None:
    assert judge([RIGHT, Comparison("h_n", "free")]) == (
        Verdict.INCONCLUSIVE,
        "nothing in h_n could be compared",
    )


def test_nothing_at_all_parts_nowhere() -> None:
    assert first_divergence([RIGHT, PART, STEPS]) is None


def test_a_step_that_is_wrong_by_itself_comes_before_the_echo_of_an_earlier_one() -> None:
    found = first_divergence([parted("output", "free", 3), parted("h", "lockstep", 7)])
    assert (found.quantity, found.t) == ("h", 7)


def test_of_the_states_of_one_cell_the_earlier_is_named() -> None:
    found = first_divergence([parted("h", "lockstep", 7), parted("c", "lockstep", 6)])
    assert (found.quantity, found.t) == ("c", 6)


def test_running_free_the_output_is_named_before_the_final_states() -> None:
    found = first_divergence([parted("output", "free", 9), parted("h_n", "free", 4)])
    assert (found.quantity, found.t) == ("output", 9)


def test_where_numbers_overflow_at_once_the_steps_that_do_not_do_not_make_up_for_it() -> None:
    nothing = Comparison("output", "free", unjudged=40)
    assert judge([nothing, STEPS]) == (Verdict.EQUIVALENT, None)
    verdict, reason = judge([nothing, Comparison("h", "lockstep", compared=20, unjudged=20)])
    assert verdict is Verdict.INCONCLUSIVE
    assert reason is not None
    assert reason.startswith("numbers overflow from the first step on")
