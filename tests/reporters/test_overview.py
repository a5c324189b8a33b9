"""The table of quantities: what stands in one row, and what has a sentence of its own."""

from rnncheck.report import Comparison
from rnncheck.reporters.overview import overview, problems

GONE = "not among the candidate's registered parameters"


def test_gradients_with_one_problem_are_told_together() -> None:
    gradients = [
        Comparison(f"grad {name}", mode, problem=GONE) for mode in ("backward", "backward float64") for name in "abc"
    ]
    other = Comparison("grad d", "backward", problem="another shape")
    told = [(each.quantity, each.problem) for each in problems([*gradients, other])]
    assert told == [("3 gradients", GONE), ("grad d", "another shape")]


def test_states_keep_a_sentence_each() -> None:
    states = [Comparison(name, "free", problem="another shape") for name in ("output", "h_n")]
    assert [each.quantity for each in problems(states)] == ["output", "h_n"]


def agreeing(quantity: str, mode: str, budget: float) -> Comparison:
    return Comparison(quantity, mode, compared=4, max_abs=budget, budget_used=budget)


def test_a_quantity_has_one_row_however_it_was_run() -> None:
    rows = overview([agreeing("output", "free", 0.1), agreeing("h_n", "free", 0.2), agreeing("h", "lockstep", 0.3)])
    assert [(row.name, list(row.ways), row.worst.budget_used) for row in rows] == [
        ("output", ["normal run", "step by step"], 0.3),
        ("h_n", ["normal run"], 0.2),
    ]


def test_gradients_that_agree_share_a_row_and_one_that_parts_has_its_own() -> None:
    gradients = [agreeing(f"grad {name}", mode, 0.1) for mode in ("backward", "backward float64") for name in "abc"]
    assert [row.name for row in overview(gradients)] == ["3 gradients"]
    wrong = Comparison("grad d", "backward", compared=4, exceeded=1, max_abs=9.0, budget_used=9.0)
    assert [(row.name, row.agrees) for row in overview([*gradients, wrong])] == [
        ("grad d", False),
        ("3 gradients", True),
    ]


def test_other_ways_to_call_the_layer_share_a_row_but_for_those_that_part() -> None:
    alike = [agreeing("output", f"path:{slug}", 0.1) for slug in ("no-grad", "strided-input")]
    wrong = Comparison("output", "path:no-state-given", compared=4, exceeded=1, max_abs=9.0, budget_used=9.0)
    assert [row.name for row in overview([*alike, wrong])] == ["no state given", "2 paths"]


def test_a_gradient_that_is_wrong_in_the_runs_precision_is_not_shown_in_float64_too() -> None:
    wrong = [
        Comparison("grad x", mode, compared=4, exceeded=1, max_abs=9.0, budget_used=budget)
        for mode, budget in (("backward", 9.0), ("backward float64", 9e8))
    ]
    assert [(row.name, row.worst.budget_used) for row in overview(wrong)] == [("grad x", 9.0)]
    assert [row.name for row in overview(wrong[1:])] == ["grad x, float64"]
