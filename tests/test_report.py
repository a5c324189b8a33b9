"""The facts of a check as JSON: the keys that scripts rely on, and nothing that JSON cannot hold."""

import json
import math
from enum import StrEnum

import pytest
from fakes import Fake, with_output, without_recurrence

from rnncheck.checking.check import check
from rnncheck.checking.plan import Plan
from rnncheck.data.random import random_sequences
from rnncheck.errors import ExitCode
from rnncheck.model.spec import Cell, Spec
from rnncheck.report import Report, Verdict, WeightFacts, plain


def report_of(candidate: str | Fake = "scratch", spec: Spec | None = None) -> Report:
    return check(Plan(spec or Spec(), random_sequences(3, 5, 2), candidate))


def strict(report: Report) -> dict:
    """Through JSON text and back, refusing what is not JSON."""
    return json.loads(json.dumps(report.to_dict(), allow_nan=False))


def test_a_report_has_these_keys_in_this_order() -> None:
    assert list(strict(report_of())) == [
        "schema",
        "verdict",
        "exit_code",
        "reason",
        "spec",
        "sequences",
        "candidate",
        "reference",
        "environment",
        "weights",
        "tolerance",
        "mapping",
        "conventions",
        "restrictions",
        "comparisons",
        "first_divergence",
        "findings",
        "paths",
        "witness",
        "notes",
        "command",
    ]


def test_its_facts_are_where_scripts_look_for_them() -> None:
    facts = strict(report_of(Fake(without_recurrence)))
    assert facts["schema"] == "rnncheck/report/1"
    assert (facts["verdict"], facts["exit_code"]) == ("mismatch", 1)
    assert facts["spec"]["cell"] == "rnn"
    assert facts["spec"]["hidden_size"] == 4
    assert {"source": "random", "seed": 0, "shape": [5, 2, 3]}.items() <= facts["sequences"].items()
    assert facts["candidate"] == {"name": "fake", "location": "tests/fakes.py", "read_as": None}
    assert facts["reference"] == {"name": "torch", "location": "torch.nn", "read_as": None}
    weight = {"candidate": "weight_hh_l0", "from": "weight_hh_l0", "how": "name", "shape": [4, 4]}
    assert facts["mapping"][1] == weight
    assert facts["weights"]["count"] == 3 * 4 + 4 * 4 + 4 + 4
    assert facts["first_divergence"].keys() == {"quantity", "t", "layer", "direction", "batch", "unit"}


def test_a_comparison_has_the_keys_of_the_schema() -> None:
    comparison = strict(report_of())["comparisons"][0]
    assert {
        "quantity",
        "mode",
        "max_abs",
        "max_ulp",
        "envelope_at_max",
        "budget_used",
        "at",
        "compared",
        "exceeded",
        "nonfinite",
        "unjudged",
        "per_timestep",
    } <= comparison.keys()
    assert comparison["at"].keys() == {"t", "batch", "unit", "layer", "direction"}
    assert (comparison["quantity"], comparison["mode"], comparison["compared"]) == ("output", "free", 5 * 2 * 4)
    assert [step["t"] for step in comparison["per_timestep"]] == [0, 1, 2, 3, 4]
    assert {"t", "max_abs", "envelope", "budget_used"} <= comparison["per_timestep"][0].keys()


def test_what_was_allowed_is_told_with_its_kind() -> None:
    by_envelope = strict(report_of())["tolerance"]
    assert list(by_envelope) == ["kind", "atol", "rtol", "samples", "horizon", "growth", "extent"]
    assert (by_envelope["kind"], by_envelope["horizon"], by_envelope["extent"]) == ("envelope", 5, 5)
    assert by_envelope["samples"] > 0
    stated = check(Plan(Spec(), random_sequences(3, 5, 2), atol=1e-3)).to_dict()["tolerance"]
    assert (stated["kind"], stated["atol"], stated["rtol"], stated["samples"]) == ("stated", 1e-3, 0.0, None)


def test_the_quantities_come_in_one_order() -> None:
    facts = strict(report_of(spec=Spec(cell=Cell.LSTM, head="softmax")))
    modes = [each["mode"] for each in facts["comparisons"]]
    before_paths = [mode for mode in modes if not mode.startswith("path:")]
    assert before_paths == sorted(before_paths, key=["free", "lockstep", "backward", "backward float64"].index)
    assert modes == [*before_paths, *sorted(mode for mode in modes if mode.startswith("path:"))]
    quantities = [each["quantity"] for each in facts["comparisons"]]
    assert quantities[:6] == ["output", "h_n", "c_n", "y", "h", "c"]


def test_what_json_cannot_hold_is_written_as_words() -> None:
    facts = strict(report_of(with_output(lambda output: output.clone().fill_(-math.inf))))
    comparison = facts["comparisons"][0]
    assert comparison["max_abs"] == "Infinity"
    assert comparison["candidate_value"] == "-Infinity"
    assert comparison["per_timestep"][0]["candidate"] == ["-Infinity"] * 4
    assert strict(report_of(with_output(lambda output: output[:1])))["comparisons"][0]["max_abs"] == "NaN"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1.5, 1.5), (math.nan, "NaN"), ((1, [math.inf]), [1, ["Infinity"]]), ({2: Cell.GRU}, {"2": "gru"}), (None, None)],
)
def test_plain_values(value: object, expected: object) -> None:
    assert plain(value) == expected


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (Verdict.EQUIVALENT, ExitCode.EQUIVALENT),
        (Verdict.MISMATCH, ExitCode.MISMATCH),
        (Verdict.INCONCLUSIVE, ExitCode.INCONCLUSIVE),
    ],
)
def test_every_verdict_has_its_exit_code(verdict: StrEnum, code: ExitCode) -> None:
    assert verdict.exit_code == code


def test_parameters_are_counted_by_element() -> None:
    assert WeightFacts("random", 0, 1.0, {"weight": (3, 4), "bias": (4,)}).count == 16
