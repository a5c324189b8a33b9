"""What could not be compared has one sentence, however many gradients it is."""

from rnncheck.report import Comparison
from rnncheck.reporters.quantities import problems

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
