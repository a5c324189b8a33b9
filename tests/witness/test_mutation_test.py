"""What the witness says would have been caught is caught, and what it says would not is not."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import specs

from rnncheck.checking import examine
from rnncheck.checking.check import check
from rnncheck.checking.plan import Plan
from rnncheck.data.random import random_sequences
from rnncheck.errors import ExitCode, Stopped
from rnncheck.faults.catalogue import faults_of
from rnncheck.faults.fault import Fault
from rnncheck.faults.planted import Planted
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.report import Report, Verdict, Witness
from rnncheck.scratch.network import Network
from rnncheck.witness import mutation_test, part_of_run

pytestmark = pytest.mark.explained

LAYERS = [
    Spec(Cell.RNN),
    Spec(Cell.LSTM, num_layers=2, bidirectional=True, proj_size=2),
    Spec(Cell.GRU),
    Spec(Cell.RNN, nonlinearity="relu", dtype=Dtype.FLOAT64),
    Spec(Cell.LSTM),
]


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutation_test, "_KEPT", {})


def plantable(spec: Spec, lengths: bool = False) -> list[Fault]:
    return [fault for fault in faults_of(spec, lengths=lengths) if not fault.rare]


def plan(
    spec: Spec | None = None, T: int = 12, B: int = 3, lengths: tuple[int, ...] | None = None, **options: Any
) -> Plan:
    spec = spec or Spec()
    return Plan(spec, random_sequences(spec.input_size, T, B, lengths=lengths), **options)


def witness_of(report: Report) -> Witness:
    assert report.witness is not None
    return report.witness


def hidden(report: Report) -> dict[str, str]:
    """Slug and variant of each fault that cannot show, and why."""
    return {f"{each.slug} {each.variant}".strip(): each.why for each in witness_of(report).hidden}


def planted(fault: Fault) -> Planted:
    return Planted(fault.title, fault.network)


@pytest.mark.paths
@pytest.mark.sample(1)
@pytest.mark.parametrize("lengths", [None, (12, 5, 8)], ids=["", "lengths"])
@pytest.mark.parametrize("spec", LAYERS, ids=lambda spec: f"{spec.cell} {spec.dtype} {spec.num_layers}")
def test_every_fault_that_shows_in_a_layer_of_the_usual_sizes_is_caught(
    spec: Spec, lengths: tuple[int, ...] | None
) -> None:
    report = check(plan(spec, lengths=lengths))
    witness = witness_of(report)
    assert report.verdict is Verdict.EQUIVALENT
    assert witness.missed == ()
    assert witness.planted == witness.caught == len(plantable(spec, lengths is not None)) - len(witness.hidden)


@pytest.mark.slow
@pytest.mark.paths
@pytest.mark.parametrize("cell", Cell)
def test_each_of_them_is_caught_as_the_candidate_of_a_check_too(cell: Cell) -> None:
    spec = Spec(cell)
    unseen = hidden(check(plan(spec, T=5)))
    for fault in plantable(spec)[::9]:  # some of them, for time
        paths = None if fault.path else "none"
        verdict = check(plan(spec, T=5, candidate=planted(fault), diagnose=False, witness=False, paths=paths)).verdict
        if f"{fault.slug} {fault.variant}".strip() in unseen:
            assert verdict is Verdict.EQUIVALENT, fault.title
        elif fault.shows_in == "calls":
            assert verdict is not Verdict.EQUIVALENT, fault.title
        else:
            assert verdict is Verdict.MISMATCH, fault.title


@st.composite
def plans(draw: st.DrawFn, tolerances: bool = True) -> Plan:
    """Any small run, judged in any way, or in any way but by a stated tolerance."""
    steps, rows = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    lengths = draw(st.none() | st.lists(st.integers(1, steps), min_size=rows, max_size=rows).map(tuple))
    options: dict[str, Any] = {"backward": draw(st.sampled_from([None, False]))}
    if tolerances and draw(st.booleans()):
        options["atol"] = draw(st.sampled_from([1e-5, 1e-2, 1.0]))
    else:
        options["lockstep"] = draw(st.sampled_from([None, False]))
    return plan(
        draw(specs()),
        steps,
        rows,
        lengths,
        seed=draw(st.integers(0, 99)),
        h0=draw(st.sampled_from(["zeros", "random"])),
        **options,
    )


@pytest.mark.slow
@pytest.mark.paths
@settings(deadline=None, max_examples=2)
@given(plans(), st.data())
def test_the_witness_and_the_judge_agree_on_every_fault(plan: Plan, data: st.DataObject) -> None:
    agree(plan, data)


@settings(deadline=None, max_examples=2)
@given(plans(tolerances=False), st.data())  # the states that a part ends in are others: by chance beyond a tolerance
@pytest.mark.slow
def test_they_agree_on_runs_of_which_faults_are_planted_in_a_part(plan: Plan, data: st.DataObject) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(part_of_run, "LONGEST", 3)
        patch.setattr(part_of_run, "SHORTEST", 2)
        patch.setattr(part_of_run, "WIDEST", 2)
        agree(replaced(plan, witness=True), data)


def agree(plan: Plan, data: st.DataObject) -> None:
    lengths = plan.sequences.lengths is not None
    fault = data.draw(st.sampled_from(plantable(plan.spec, lengths)))
    right = check(plan)
    if right.verdict is not Verdict.EQUIVALENT:
        return
    here = (fault.slug, fault.variant)
    witness = witness_of(right)
    judged = replaced(
        plan, candidate=planted(fault), diagnose=False, witness=False, paths=plan.paths if fault.path else "none"
    )
    passes = check(judged).verdict is Verdict.EQUIVALENT
    assert passes == (here in {(each.slug, each.variant) for each in (*witness.missed, *witness.hidden)})


def replaced(plan: Plan, **changes: Any) -> Plan:
    return Plan(**{**{name: getattr(plan, name) for name in plan.__dataclass_fields__}, **changes})


def test_a_single_unit_cannot_show_a_transposed_matrix() -> None:
    assert "H is 1" in hidden(check(plan(Spec(hidden_size=1))))["recurrent-weight-transposed"]


def test_a_zero_state_cannot_show_that_it_is_ignored() -> None:
    report = check(plan(h0="zeros", lockstep=False, backward=False))
    assert "h0" in hidden(report)["initial-state-ignored"]
    assert "h0 is zero" not in " ".join(report.notes)  # nothing is said twice


def test_a_single_timestep_from_zero_cannot_show_that_nothing_recurs() -> None:
    assert "T is 1" in hidden(check(plan(T=1, h0="zeros", backward=False)))["no-recurrence"]


def test_gradients_by_a_zero_state_show_that_it_is_ignored() -> None:
    assert "initial-state-ignored" not in hidden(check(plan(h0="zeros", lockstep=False, backward=True)))


def test_a_loose_tolerance_misses_what_it_allows_and_says_so() -> None:
    witness = witness_of(check(plan(atol=2.0, backward=False)))
    assert witness.caught < witness.planted
    (why,) = [each.why for each in witness.missed if each.slug == "missing-input-bias"]
    assert why.endswith("where 2 is allowed")
    assert why.startswith(("changes output by at most ", "changes h_n by at most "))


@pytest.mark.slow
@pytest.mark.paths
def test_what_only_gradients_show_is_missed_where_they_are_not_compared() -> None:
    witness = witness_of(check(plan(backward=False)))
    detached = [each.why for each in witness.missed if each.slug == "gradient-detached"]
    assert set(detached) == {"gradients were not compared; add --backward"}
    assert all(each.why == detached[0] for each in witness.missed)


@pytest.mark.parametrize("options", [{"backward": False}, {"atol": 1.0}])
def test_when_strict_a_pass_that_misses_a_fault_is_inconclusive(options: dict[str, Any]) -> None:
    assert check(plan(**options)).exit_code == ExitCode.EQUIVALENT
    report = check(plan(witness="strict", **options))
    assert (report.verdict, report.exit_code) == (Verdict.INCONCLUSIVE, ExitCode.INCONCLUSIVE)
    assert "planted faults would not have been detected: " in (report.reason or "")


@pytest.mark.slow
@pytest.mark.paths
def test_when_strict_a_pass_that_misses_none_stays_one() -> None:
    assert check(plan(witness="strict")).exit_code == ExitCode.EQUIVALENT


def test_when_strict_a_run_that_can_show_nothing_is_inconclusive() -> None:
    assert "proves nothing" in (mutation_test.insufficient(Witness(0, 0)) or "")


def test_a_mismatch_needs_no_witness() -> None:
    assert check(plan(candidate="fault:no-recurrence", witness=True)).witness is None


def test_a_witness_can_be_left_out_without_a_word() -> None:
    report = check(plan(Spec(hidden_size=1), witness=False))
    assert report.witness is None
    assert report.notes == ["H is 1: a transposed W_hh is the same matrix"]


def test_a_large_layer_has_none_planted_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutation_test, "MOST_WEIGHTS", 35)
    report = check(plan())
    assert report.witness is None
    assert "no faults were planted, because the layer has 36 weights; add --witness" in report.notes
    assert check(plan(witness=True)).witness is not None
    assert check(plan(witness="strict")).witness is not None


@pytest.mark.slow
@pytest.mark.paths
def test_of_a_long_and_wide_run_the_beginning_is_planted_and_that_is_said() -> None:
    report = check(plan(T=200, B=20))
    assert witness_of(report).missed == ()
    (note,) = [each for each in report.notes if each.startswith("faults were planted in")]
    assert note.startswith("faults were planted in 8 of 20 batch rows and the first ")


FITS_ALONG_BATCH = "B is {} and H is {}: a bias fits along the batch only if B is H"


@pytest.mark.parametrize(("batch_size", "hidden_size"), [(64, 8), (9, 8)])
def test_a_bias_along_the_batch_cannot_show_where_only_a_part_of_the_rows_is_as_many_as_units(
    batch_size: int, hidden_size: int
) -> None:
    here = plan(Spec(hidden_size=hidden_size), B=batch_size)
    assert hidden(check(here))["bias-along-batch"] == FITS_ALONG_BATCH.format(batch_size, hidden_size)
    assert check(replaced(here, candidate="fault:bias-along-batch")).verdict is Verdict.EQUIVALENT


@pytest.mark.slow
@pytest.mark.paths
def test_a_bias_along_the_batch_is_caught_where_all_rows_are_as_many_as_units() -> None:
    report = check(plan(Spec(hidden_size=16), B=16))
    assert "bias-along-batch" not in hidden(report)
    assert witness_of(report).missed == witness_of(report).untried == ()


@pytest.mark.paths
@pytest.mark.slow
def test_what_only_all_of_a_large_run_can_show_is_not_tried_unless_asked_for() -> None:
    here = plan(Spec(hidden_size=64), T=6, B=64)
    (untried,) = witness_of(check(here)).untried
    assert untried.slug == "bias-along-batch"
    assert untried.why.endswith("faults were planted, " + FITS_ALONG_BATCH.format(8, 64))
    for asked in (True, "strict"):
        witness = witness_of(check(replaced(here, witness=asked)))
        assert witness.untried == witness.missed == ()
        assert "bias-along-batch" not in {each.slug for each in witness.hidden}


@pytest.mark.paths
@pytest.mark.sample(1)
@pytest.mark.parametrize("lengths", [(100, 90, 80), (80, 100, 90)])
def test_padding_far_behind_the_part_in_which_faults_are_planted_is_seen(lengths: tuple[int, ...]) -> None:
    report = check(plan(T=100, lengths=lengths, witness="strict"))
    assert report.verdict is Verdict.EQUIVALENT
    unseen = {name.split()[0] for name in hidden(report)}
    assert not any("padding" in name or name == "option-ignored" for name in unseen)
    assert ("order-not-restored" in unseen) == (lengths == (100, 90, 80))


def test_padding_is_seen_where_only_the_last_rows_end_early() -> None:
    report = check(plan(T=60, B=12, lengths=(60,) * 10 + (3, 7)))
    assert [name for name in hidden(report) if name.startswith("padding")] == []


def test_an_interrupt_while_planting_ends_with_its_own_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object, **options: object) -> None:
        raise Stopped(ExitCode.TERMINATED)

    monkeypatch.setattr(examine, "mutants_tried", interrupted)
    report = check(plan())
    assert (report.exit_code, report.reason) == (143, "stopped after 12 timesteps, while known faults were tried")


def test_the_global_random_state_is_left_alone() -> None:
    before = torch.get_rng_state()
    check(plan(witness=True))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_right_layer_planted_would_not_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is caught is caught for its fault, not for how it is run."""
    monkeypatch.setattr(Fault, "visible_in", lambda fault, scene: None)
    nothing = [Fault("none", where, Network, where) for where in ("states", "gradients", "calls")]
    monkeypatch.setattr(mutation_test, "faults_of", lambda spec, lengths: nothing)
    for spec in LAYERS:
        assert len(witness_of(check(plan(spec))).missed) == 3
