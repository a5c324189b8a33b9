"""A check over a long run: chunks, progress, interruption, and what it leaves behind."""

import os
from collections.abc import Sequence
from contextlib import suppress

import pytest
import torch
from fakes import Fake, clipping, raising, with_output
from torch import Tensor

from rnncheck.checking.check import check
from rnncheck.checking.plan import Plan
from rnncheck.data.random import random_sequences
from rnncheck.data.sequences import Sequences
from rnncheck.errors import ExitCode, Stopped
from rnncheck.evidence import free_run
from rnncheck.evidence.allowance import has_unjudged
from rnncheck.implementations.protocol import Layer
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.report import Report, Verdict

CHUNK = 16


@pytest.fixture(autouse=True)
def _short_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(free_run, "LONGEST", CHUNK)


QUICK = {"diagnose": False, "witness": False}  # what is asked here is mostly the verdict


def checked(candidate: str | Fake, seq_len: int = 100, spec: Spec | None = None, **options: object) -> Report:
    return check(Plan(spec or Spec(), random_sequences(3, seq_len, 2), candidate, **{**QUICK, **options}))


@pytest.mark.sample(2)
@pytest.mark.parametrize("cell", Cell)
def test_many_chunks_say_what_one_says(monkeypatch: pytest.MonkeyPatch, cell: Cell) -> None:
    off = with_output(lambda output: output + 1e-3 * output**3)
    spec = Spec(cell=cell, num_layers=2, dtype=Dtype.FLOAT64, head="softmax")
    chunked = checked(off, spec=spec, atol=1e-12).to_dict()
    monkeypatch.setattr(free_run, "LONGEST", 128)
    whole = checked(off, spec=spec, atol=1e-12).to_dict()
    for facts in (chunked, whole):
        del facts["notes"], facts["findings"]  # some are of the first chunk alone
    assert chunked == whole
    assert chunked["verdict"] == "mismatch"


@pytest.mark.sample(1)
@pytest.mark.parametrize("cell", Cell)
def test_within_the_envelope_too_they_differ_in_what_is_allowed_alone(
    monkeypatch: pytest.MonkeyPatch, cell: Cell
) -> None:
    def told() -> list[object]:
        report = checked(off, spec=Spec(cell=cell, num_layers=2, head="softmax"), lockstep=False)
        kept = ("quantity", "max_abs", "max_ulp", "at", "candidate_value", "compared", "unjudged")
        free = [each for each in report.comparisons if each.mode == "free"]
        return [report.verdict, report.first_divergence.t, *([vars(each)[name] for name in kept] for each in free)]

    off = with_output(lambda output: output + 1e-3 * output**3)
    chunked = told()
    monkeypatch.setattr(free_run, "LONGEST", 128)
    assert chunked == told()
    assert chunked[0] is Verdict.MISMATCH


def test_progress_is_told_in_timesteps() -> None:
    told = []
    check(Plan(Spec(), random_sequences(3, 40, 2)), lambda done, total: told.append((done, total)))
    assert told == [(16, 40), (32, 40), (40, 40)]


@pytest.mark.parametrize(
    ("signal", "code"),
    [
        (KeyboardInterrupt(), ExitCode.INTERRUPTED),
        (Stopped(ExitCode.TERMINATED), ExitCode.TERMINATED),
        (Stopped(ExitCode.HUNG_UP), ExitCode.HUNG_UP),
    ],
    ids=["ctrl-c", "terminated", "hung up"],
)
def test_an_interrupted_run_reports_what_was_compared_until_then(signal: BaseException, code: ExitCode) -> None:
    report = checked(raising(signal, on_call=5))  # its third chunk: the first is run three times
    assert (report.verdict, report.exit_code) == (Verdict.INCONCLUSIVE, code)
    assert report.reason == "stopped after 32 timesteps, before the end of the data"
    assert report.sequences.shape == (32, 2, 3)
    compared = {each.quantity: each.compared for each in report.comparisons if each.mode == "free"}
    assert compared == {"output": 32 * 2 * 4, "h_n": 2 * 4}
    assert all(each.agrees for each in report.comparisons)


def test_interrupted_before_anything_was_compared_it_says_so() -> None:
    report = checked(raising(KeyboardInterrupt()))
    assert (report.verdict, report.exit_code) == (Verdict.INCONCLUSIVE, ExitCode.INTERRUPTED)
    assert {each.compared for each in report.comparisons} == {0}


def test_a_mismatch_seen_before_the_interruption_stays_one() -> None:
    def run(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
        if fake.calls == 2:
            raise KeyboardInterrupt
        trace = layer.run(x, state, lengths)
        return Trace(trace.output + 1.0, trace.final)

    fake = Fake(run)
    report = checked(fake)
    assert (report.verdict, report.exit_code) == (Verdict.MISMATCH, ExitCode.INTERRUPTED)
    assert report.comparisons[0].exceeded == CHUNK * 2 * 4


def test_a_candidate_that_crashes_is_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        checked(raising(ZeroDivisionError(), on_call=2))


def switches() -> tuple[object, ...]:
    return (
        torch.get_float32_matmul_precision(),
        torch.backends.cudnn.allow_tf32,
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.get_default_dtype(),
        torch.get_rng_state().tolist(),
        torch.get_num_threads(),
        os.environ.copy(),
    )


@pytest.mark.parametrize("tf32", [False, True])
def test_a_check_leaves_torch_as_it_was(tf32: bool) -> None:
    before = switches()
    checked("scratch", tf32=tf32, spec=Spec(cell=Cell.LSTM, num_layers=2, dropout=0.5, head="softmax"))
    assert switches() == before


@pytest.mark.parametrize("problem", [ZeroDivisionError(), KeyboardInterrupt()])
def test_so_does_one_that_ends_in_an_exception(problem: BaseException) -> None:
    before = switches()
    with suppress(ZeroDivisionError):
        checked(raising(problem), tf32=True)
    assert switches() == before


def test_the_report_tells_the_switches_that_the_run_had() -> None:
    assert checked("scratch").environment["tf32_cudnn"] is False
    assert checked("scratch", tf32=True).environment["tf32_cudnn"] is True


def test_the_middle_of_a_long_run_is_left_out() -> None:
    shown = [step.t for step in checked("scratch", rows=10).comparisons[0].per_timestep]
    assert shown == [0, 1, 2, 3, 4, 95, 96, 97, 98, 99]


def swelling(seq_len: int, calm: int) -> Sequences:
    """Random data that are a thousand times as large after `calm` timesteps."""
    x = next(random_sequences(3, seq_len, 2).chunks(seq_len)).copy()
    x[:calm] /= 1000
    return Sequences(lambda steps: (x[t : t + steps] for t in range(0, seq_len, steps)), 2, 3, seq_len)


@pytest.mark.sample(2)
@pytest.mark.parametrize("cell", Cell)
@pytest.mark.parametrize("dtype", [Dtype.FLOAT32, Dtype.BFLOAT16])
def test_data_that_grow_after_the_first_chunk_are_no_reason_for_a_mismatch(cell: Cell, dtype: Dtype) -> None:
    spec = Spec(cell=cell, hidden_size=16, bias=False, dtype=dtype)
    report = check(Plan(spec, swelling(100, CHUNK), h0="zeros"))
    assert report.verdict is Verdict.EQUIVALENT
    assert report.tolerance.extent == CHUNK


@pytest.mark.parametrize("cell", Cell)
def test_a_layer_that_goes_wrong_after_the_first_chunk_is_a_mismatch_there(cell: Cell) -> None:
    """Right on small numbers, and so right in all that the first chunk shows."""
    x = torch.from_numpy(next(swelling(100, CHUNK).chunks(100)))
    limit = float(x[:40].amax())
    late = int((x > limit).any(2).any(1).nonzero()[0])
    report = check(Plan(Spec(cell=cell, hidden_size=16), swelling(100, CHUNK), clipping(limit)))
    assert report.verdict is Verdict.MISMATCH
    assert (report.first_divergence.quantity, report.first_divergence.t) == ("output", late)
    assert late > 2 * CHUNK


@pytest.mark.parametrize("weight_scale", [8.0, 60.0], ids=["lost in the second", "lost in the first"])
def test_chaos_that_goes_on_after_the_first_chunk_is_left_open(weight_scale: float) -> None:
    """No step is judged there, neither running free nor by itself."""
    report = checked("scratch", spec=Spec(hidden_size=64), weight_scale=weight_scale, seq_len=48)
    assert (report.verdict, report.exit_code) == (Verdict.INCONCLUSIVE, 5)
    assert "timesteps after the first chunk, and single steps are compared in the first chunk only" in report.reason
    assert "use fewer timesteps, or --window N" in report.reason


def test_states_that_overflow_in_the_first_chunk_leave_nothing_to_be_judged_after_it() -> None:
    report = checked("scratch", spec=Spec(hidden_size=32, nonlinearity="relu"), weight_scale=900.0)
    assert report.tolerance.horizon < CHUNK
    assert report.verdict is Verdict.EQUIVALENT


@pytest.mark.parametrize("layers", [1, 2])
def test_a_state_that_is_lost_between_chunks_is_a_mismatch(layers: int) -> None:
    """Only what was itself within what is allowed excuses what follows from it."""

    def run(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
        trace = layer.run(x, state, lengths)
        return Trace(trace.output, State(0 * trace.final.h)) if len(x) == CHUNK and fake.calls > 3 else trace

    fake = Fake(run)
    report = checked(fake, spec=Spec(num_layers=layers))
    assert report.verdict is Verdict.MISMATCH
    assert (report.first_divergence.quantity, report.first_divergence.t) == ("output", 2 * CHUNK)


def test_rows_that_overflow_do_not_hide_that_others_are_not_judged() -> None:
    finite = torch.tensor([[[1.0], [float("inf")]]])  # (L*D, B, ·)
    output = torch.zeros(3, 2, 1)
    output[1, 1] = float("inf")
    assert not has_unjudged((output, None), finite)
    output[1, 0] = float("inf")
    assert has_unjudged((output, None), finite)
