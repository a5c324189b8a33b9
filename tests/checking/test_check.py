"""What a check makes of a candidate: its verdict, its exit code, and what it leaves untouched."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from fakes import Fake, FakeLayer, changing, with_output, without_recurrence
from torch import Tensor

from rnncheck.checking.check import check
from rnncheck.checking.examine import same_bits
from rnncheck.checking.plan import Plan
from rnncheck.data.random import random_sequences
from rnncheck.data.sequences import Sequences
from rnncheck.errors import CannotRun, DeviceError, RefusedError, UsageError, WeightsError
from rnncheck.evidence import free_run
from rnncheck.implementations import load
from rnncheck.implementations.protocol import Implementation, Layer
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights, draw
from rnncheck.model.weights_file import load as load_weights
from rnncheck.model.weights_file import save as save_weights
from rnncheck.report import Report, Verdict

QUICK = {"diagnose": False, "witness": False}  # what is asked here is mostly the verdict


def checked(
    candidate: str | Implementation = "scratch",
    spec: Spec | None = None,
    sequences: Sequences | None = None,
    **options: object,
) -> Report:
    return check(Plan(spec or Spec(), sequences or random_sequences(3, 12, 2), candidate, **{**QUICK, **options}))


@pytest.mark.sample(4)
@pytest.mark.parametrize("candidate", ["scratch", "torch", "numpy"])
@pytest.mark.parametrize("reference", ["scratch", "torch", "numpy"])
@pytest.mark.parametrize(
    "spec",
    [
        Spec(),
        Spec(nonlinearity="relu", num_layers=2),
        Spec(cell=Cell.GRU, bidirectional=True, batch_first=True),
        Spec(cell=Cell.LSTM, num_layers=2, bidirectional=True, proj_size=2, head="softmax"),
        Spec(dtype=Dtype.FLOAT64, bias=False),
    ],
    ids=["default", "relu", "gru", "lstm", "float64"],
)
def test_any_right_layer_is_equivalent_to_any_other(candidate: str, reference: str, spec: Spec) -> None:
    report = checked(candidate, spec, reference=reference)
    assert (report.verdict, report.exit_code) == (Verdict.EQUIVALENT, 0)
    assert (report.candidate.name, report.reference.name) == (candidate, reference)
    assert all(each.compared for each in report.comparisons)


@pytest.mark.sample(2)
@pytest.mark.parametrize("lengths", [(12, 5), (3, 12)])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_rows_of_different_lengths_are_equivalent(lengths: tuple[int, int], bidirectional: bool) -> None:
    report = checked(
        spec=Spec(cell=Cell.LSTM, bidirectional=bidirectional, num_layers=2),
        sequences=random_sequences(3, 12, 2, lengths=lengths),
    )
    assert report.verdict is Verdict.EQUIVALENT
    assert report.sequences.lengths == lengths


def test_a_layer_without_recurrence_is_a_mismatch_from_the_first_step_on() -> None:
    report = checked(Fake(without_recurrence))
    assert (report.verdict, report.exit_code) == (Verdict.MISMATCH, 1)
    assert report.first_divergence is not None
    assert (report.first_divergence.quantity, report.first_divergence.t) == ("output", 0)
    assert report.comparisons[0].quantity == "output"
    assert report.comparisons[0].first_divergence.t == 0


def test_from_a_zero_state_it_is_a_mismatch_from_the_second_step_on() -> None:
    report = checked(Fake(without_recurrence), h0="zeros")
    assert report.first_divergence is not None
    assert report.first_divergence.t == 1


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda output: output[:, :1], "the candidate's shape is (12, 1, 4), the reference's (12, 2, 4)"),
        (lambda output: output.transpose(0, 1), "the candidate's shape is (2, 12, 4), the reference's (12, 2, 4)"),
        (lambda output: output.double(), "the candidate's dtype is float64, the reference's float32"),
    ],
    ids=["broadcasts", "batch first", "float64"],
)
def test_another_shape_or_dtype_is_a_mismatch(change: object, problem: str) -> None:
    report = checked(with_output(change))
    assert report.exit_code == 1
    assert report.comparisons[0].problem == problem


@pytest.mark.explained
def test_another_dtype_is_not_put_down_to_rounding() -> None:
    assert not checked(with_output(torch.Tensor.double), diagnose=True).findings


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_candidate_that_yields_what_is_not_finite_is_a_mismatch(value: float) -> None:
    assert checked(with_output(lambda output: output * value)).exit_code == 1


def test_nan_on_both_sides_proves_nothing() -> None:
    poisoned = with_output(lambda output: output.masked_fill(output > 0, math.nan))
    report = checked(poisoned, reference=poisoned)
    assert (report.verdict, report.exit_code) == (Verdict.INCONCLUSIVE, 5)
    assert report.reason is not None
    assert "are NaN or infinite on both sides, which proves nothing" in report.reason


def test_nothing_to_compare_proves_nothing() -> None:
    report = checked(sequences=Sequences(lambda steps: iter([]), 2, 3, 0))
    assert (report.verdict, report.exit_code) == (Verdict.INCONCLUSIVE, 5)
    assert report.reason == "nothing in output could be compared"


def test_a_batch_of_nothing_proves_nothing() -> None:
    report = checked(sequences=random_sequences(3, 12, 0))
    assert (report.exit_code, report.reason) == (5, "nothing in output could be compared")


def test_a_head_that_a_reference_leaves_out_is_never_equivalent() -> None:
    headless = changing(lambda trace: replace(trace, y=None))
    assert checked(headless, Spec(head="softmax"), reference=headless).exit_code == 1


def test_a_wrong_head_alone_is_a_mismatch() -> None:
    report = checked(changing(lambda trace: replace(trace, y=trace.y.roll(1, -1))), Spec(head="softmax"))
    assert report.exit_code == 1
    assert [each.quantity for each in report.comparisons if not each.agrees] == ["y"]


def test_a_wrong_final_state_alone_is_a_mismatch() -> None:
    report = checked(changing(lambda trace: replace(trace, final=State(trace.output[:1]))))
    assert [each.quantity for each in report.comparisons if not each.agrees] == ["h_n"]
    assert report.first_divergence is not None
    assert report.first_divergence.quantity == "h_n"


def test_weights_that_did_not_arrive_cannot_pass() -> None:
    class Unsynced(Fake):
        def build(self, spec: Spec, weights: Weights) -> FakeLayer:
            return super().build(spec, draw(spec, seed=99))

    with pytest.raises(
        WeightsError, match="fake does not hold the weight_ih_l0 that it was given: read back, it differs"
    ):
        checked(Unsynced())


def test_a_weight_that_is_missing_cannot_pass() -> None:
    class Missing(FakeLayer):
        def parameters(self) -> dict[str, Tensor]:
            return {name: value for name, value in super().parameters().items() if name != "bias_hh_l0"}

    fake = Fake()
    fake.build = lambda spec, weights: Missing(fake, load("numpy").build(spec, weights))
    with pytest.raises(WeightsError, match="does not hold the bias_hh_l0"):
        checked(fake)


def test_a_weight_of_another_zero_cannot_pass(tmp_path: Path) -> None:
    """-0.0 equals 0.0 but is not the same bits."""
    zeros = Weights({name: value * 0.0 for name, value in draw(Spec(), 0).values.items()})
    save_weights(tmp_path / "zeros.safetensors", Weights({k: v.abs() for k, v in zeros.values.items()}))

    class Negates(Fake):
        def build(self, spec: Spec, weights: Weights) -> FakeLayer:
            return super().build(spec, Weights({name: -value for name, value in weights.values.items()}))

    with pytest.raises(WeightsError, match="read back, it differs"):
        checked(Negates(), weights_path=tmp_path / "zeros.safetensors")


def test_the_same_bits_in_another_dtype_are_not_the_same() -> None:
    assert same_bits(torch.zeros(3), torch.zeros(3))
    assert not same_bits(torch.zeros(3, dtype=torch.float16), torch.zeros(3, dtype=torch.bfloat16))
    assert not same_bits(torch.zeros(2, 2), torch.zeros(4))


def test_a_refusal_is_passed_on_with_its_reason() -> None:
    with pytest.raises(RefusedError, match=r"^fake cannot run this: it has no head$"):
        checked(Fake(refuses="it has no head"))
    with pytest.raises(RefusedError, match="numpy cannot run this: it computes in float64 or float32"):
        checked(reference="numpy", spec=Spec(dtype=Dtype.FLOAT16))


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(DeviceError, match=r"device cuda:99 was not found.*; available: cpu"):
        checked(spec=Spec(device="cuda:99"))


def test_data_larger_than_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free_run, "physical_memory", lambda: 2000.0)
    with pytest.raises(CannotRun, match="this check would hold"):
        checked(spec=Spec(bidirectional=True))


def test_an_impossible_tolerance_is_refused() -> None:
    with pytest.raises(UsageError, match="rtol is nan"):
        checked(rtol=math.nan)


def test_a_stated_tolerance_replaces_the_envelope_and_decides() -> None:
    off = with_output(lambda output: output + 1e-3)
    assert checked(off).exit_code == 1
    report = checked(off, atol=2e-3)
    assert report.exit_code == 0
    assert (report.tolerance.kind, report.tolerance.atol, report.tolerance.rtol) == ("stated", 2e-3, 0.0)


@pytest.mark.parametrize("ruins_its_weights", [False, True])
def test_a_candidate_that_writes_into_its_input_does_not_reach_the_reference(ruins_its_weights: bool) -> None:
    def run(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
        trace = layer.run(x, State(state.h.clone()), lengths)
        x.zero_()
        state.h.zero_()
        for value in layer.parameters().values():
            if ruins_its_weights:
                value.zero_()
        return trace

    report = checked(Fake(run))
    assert all(each.agrees for each in report.comparisons if each.mode == "free")
    # Its own later runs, step by step, have the weights that it left itself.
    assert report.verdict is (Verdict.MISMATCH if ruins_its_weights else Verdict.INCONCLUSIVE)


def test_weights_saved_by_one_run_are_those_of_the_next(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    checked(seed=5, weight_scale=2.0, save_weights_path=path)
    assert torch.equal(load_weights(path, Spec()).values["weight_hh_l0"], 2 * draw(Spec(), 5).values["weight_hh_l0"])
    report = checked(weights_path=path)
    assert (report.verdict, report.weights.source, report.weights.seed) == (Verdict.EQUIVALENT, str(path), None)


@pytest.mark.explained
@pytest.mark.parametrize(("off", "verdict"), [(0.5, Verdict.INCONCLUSIVE), (1 + 2**-23, Verdict.EQUIVALENT)])
def test_a_second_call_is_held_to_what_is_allowed_too(off: float, verdict: Verdict) -> None:
    """Right in its last digits only it stays equivalent, as sums on a GPU do that come in any order."""

    def run(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
        trace = layer.run(x, state, lengths)
        return replace(trace, output=trace.output * off) if fake.calls == 2 else trace

    fake = Fake(run)
    report = checked(fake)
    assert [each.slug for each in report.findings] == ["nondeterministic"]
    assert report.verdict is verdict
    assert (report.reason or "").startswith("a second call of fake gives another result") == (off == 0.5)


def test_states_no_larger_than_rounding_prove_nothing() -> None:
    data = random_sequences(3, 5, 2)
    silent = replace(data, chunks=lambda steps: (x * 1e-40 for x in data.chunks(steps)))
    report = check(Plan(Spec(bias=False), silent, h0="zeros", candidate=with_output(torch.zeros_like)))
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "as large as the states themselves" in report.reason


def test_lockstep_and_a_stated_tolerance_cannot_both_be_asked_for() -> None:
    with pytest.raises(UsageError, match="leave one out"):
        check(Plan(Spec(), random_sequences(3, 5, 2), atol=1e-3, lockstep=True))


@pytest.mark.explained
def test_a_mismatch_that_is_the_references_is_not_blamed_on_the_candidate() -> None:
    report = check(Plan(Spec(), random_sequences(3, 12, 2), reference=Fake(without_recurrence)))
    assert report.verdict is Verdict.MISMATCH
    assert report.findings == []
    assert any("check the reference" in note for note in report.notes)


@pytest.mark.sample(1)
@pytest.mark.parametrize(("sizes", "one"), [((3, 4), True), ((512, 1024), False)])
def test_small_steps_are_taken_by_one_thread(sizes: tuple[int, int], one: bool) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        spec = Spec(Cell.LSTM, *sizes)
        report = check(
            Plan(spec, random_sequences(sizes[0], 2, 4), backward=False, lockstep=False, paths="none", witness=False)
        )
        assert report.environment["threads"] == (1 if one else 2)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.explained
def test_a_wrong_reference_is_told_as_such() -> None:
    report = check(Plan(Spec(), random_sequences(3, 6, 2), "torch", "fault:wrong-nonlinearity", paths="none"))
    assert report.verdict is Verdict.MISMATCH
    assert report.notes[0].startswith("the reference, fault:wrong-nonlinearity, is wrong itself")
