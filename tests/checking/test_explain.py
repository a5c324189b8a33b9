"""A mismatch explained: the fault first, what follows from it not at all, roughness where it is nothing else."""

import pytest
import torch
from torch import Tensor

from rnncheck.checking.check import check
from rnncheck.checking.explain import beside, mended
from rnncheck.checking.plan import Plan
from rnncheck.data.random import random_sequences
from rnncheck.evidence.first_chunk import Evidence
from rnncheck.faults.catalogue import by_name
from rnncheck.faults.planted import Planted
from rnncheck.model.spec import Cell, Spec
from rnncheck.report import Finding, Report, Verdict
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, Network

pytestmark = pytest.mark.explained

SPEC = Spec(Cell.GRU)


def checked(network: type[Network], spec: Spec = SPEC, **options: object) -> Report:
    return check(Plan(spec, random_sequences(3, 8, 3), Planted("it", network), **options))  # type: ignore[arg-type]


def slugs(report: Report) -> list[str]:
    return [finding.slug for finding in report.findings]


def test_a_known_fault_is_the_only_finding() -> None:
    report = checked(by_name("no-recurrence", SPEC).mixin)
    assert slugs(report) == ["no-recurrence"]
    assert not [note for note in report.notes if note.startswith("precision")]


def test_without_diagnosis_there_is_no_name() -> None:
    report = checked(by_name("gru-update-inverted", SPEC).mixin, diagnose=False)
    assert report.verdict is Verdict.MISMATCH
    assert slugs(report) == []
    assert [note for note in report.notes if note.startswith("precision")]


def test_what_is_wrong_besides_is_told_after_the_fault() -> None:
    class Detached(by_name("gru-update-inverted", SPEC).mixin):  # type: ignore[misc]
        def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
            return super().step(w, p, tuple(each.detach() for each in carry))  # type: ignore[no-any-return]

    assert slugs(checked(Detached)) == ["gru-update-inverted", "gradient-detached"]


def test_gradients_alone_are_explained_by_what_is_wrong_with_them() -> None:
    report = checked(by_name("gradient-detached", SPEC).mixin)
    assert slugs(report) == ["gradient-detached"]
    assert report.findings[0].mend


def test_a_layer_that_is_only_rough_is_not_given_another_name() -> None:
    report = checked(by_name("low-precision-compute", SPEC).mixin)
    assert slugs(report)[0] == "low-precision-compute"


def test_what_changes_from_call_to_call_is_left_at_that() -> None:
    class Dice(Network):
        def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
            (h,) = super().step(w, p, carry)
            return (h + torch.rand_like(h),)

    assert slugs(checked(Dice)) == ["nondeterministic"]


@pytest.mark.parametrize("options", [{"atol": 1e-9}, {"atol": 1e-9, "rtol": 0.0}])
def test_a_right_layer_that_a_stated_tolerance_fails_is_given_no_fault(options: dict[str, float]) -> None:
    report = checked(Network, Spec(Cell.RNN), **options)
    assert report.verdict is Verdict.MISMATCH
    assert slugs(report) == ["rounding-only"]


@pytest.mark.slow
def test_the_larger_the_data_the_same_the_name() -> None:
    """Long and wide runs are diagnosed on a part that shows the mismatch."""
    spec = Spec(Cell.LSTM, 5, 7)
    plan = Plan(spec, random_sequences(5, 120, 40), Planted("it", by_name("gate-order:i,f,o,g", spec).network))
    assert slugs(check(plan)) == ["gate-order"]


def finding(slug: str, explains: float | None = None) -> Finding:
    return Finding(slug, f"{slug} is told", explains)


def test_what_was_read_of_a_layer_stands_below_the_fault_and_above_what_is_unexplained() -> None:
    found = Evidence(findings=[finding("unexplained", 0.0), finding("gradient-detached"), finding("gate-order", 1.0)])
    said = [each.slug for each in beside([finding("initial-state-crashes")], found)]
    assert said == ["gate-order", "initial-state-crashes", "gradient-detached", "unexplained"]


def test_a_dead_parameter_is_told_only_where_no_fault_has_it() -> None:
    dead = finding("dead-parameter")
    assert beside([dead], Evidence()) == [dead]
    assert [each.slug for each in beside([dead], Evidence(findings=[finding("no-recurrence", 1.0)]))] == [
        "no-recurrence"
    ]


def test_of_a_layer_that_is_never_twice_the_same_no_parameter_is_called_dead() -> None:
    unsteady = finding("nondeterministic")
    assert beside([finding("dead-parameter")], Evidence(findings=[unsteady])) == [unsteady]


def test_a_bias_that_is_too_small_is_noted_beside_the_fault_that_it_is() -> None:
    into = Evidence(findings=[finding("scalar-bias", 1.0)])
    assert [each.slug for each in beside([finding("parameter-shape")], into)] == ["scalar-bias"]
    assert into.notes == ["parameter-shape is told"]


def test_no_gradient_of_a_weight_that_is_left_out_is_no_finding_of_its_own() -> None:
    class Unused(by_name("missing-recurrent-bias", Spec(Cell.RNN)).mixin):  # type: ignore[misc]
        pass

    assert slugs(checked(Unused, Spec(Cell.RNN))) == ["missing-recurrent-bias"]


def test_the_same_mend_is_said_once() -> None:
    found = [finding("gate-order", 1.0), finding("gate-order", 1.0), finding("no-recurrence"), finding("of no page")]
    said = [each.mend and each.mend.split()[0] for each in mended(found)]
    assert said == ["Take", None, "Pass", None]
