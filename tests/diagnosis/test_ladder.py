"""Semantics or arithmetic: rough layers are named, and layers that are slightly wrong are never called rough."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
import torch
from envelope_cases import Case, case
from fakes import Fake, with_output
from implementations.wrong import Wrong
from stepped import Stepped, cut, edited, rough_layers, tf32, wrong_layers
from torch import Tensor

from rnncheck.diagnosis.ladder import Ladder, MeasuredRun, climb
from rnncheck.envelope import Rounding, rounding_of
from rnncheck.implementations import load
from rnncheck.implementations.protocol import Implementation, Layer
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import draw

SIZES = [(1, 4), (8, 16), (5, 64)]
FLOATS = [Dtype.FLOAT32, Dtype.FLOAT64]
ROUGH = [(dtype, name) for dtype in FLOATS for name in rough_layers(getattr(torch, dtype))]


def climbed(implementation: Implementation, run: Case) -> Ladder:
    with torch.inference_mode():
        measured = MeasuredRun(implementation, run.spec, run.weights, run.x, run.state, run.lengths)
        return climb(measured, rounding_of(run.spec))


def a_run(dtype: Dtype, cell: Cell, seed: int) -> Case:
    """Another size for every seed; half of them start from zeros."""
    input_size, hidden_size = SIZES[seed % len(SIZES)]
    run = case(Spec(cell, input_size, hidden_size, dtype=dtype), seq_len=8)
    return replace(run, weights=draw(run.spec, seed), x=run.x * (1 + seed / 7))


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.sample(16)
@pytest.mark.parametrize("cell", Cell)
@pytest.mark.parametrize(("dtype", "name"), ROUGH)
def test_a_rough_layer_is_named(dtype: Dtype, name: str, cell: Cell):
    seed = ROUGH.index((dtype, name)) + list(Cell).index(cell)
    ladder = climbed(rough_layers(getattr(torch, dtype))[name], a_run(dtype, cell, seed))
    assert ladder.conclusion == "arithmetic"
    assert ladder.finding is not None
    assert ladder.finding.slug == "low-precision-compute"
    precision = next(each for each in ("bfloat16", "float16", "float32", "tf32") if each in name)
    assert precision.replace("tf32", "TF32") in ladder.message.split(":")[0]


@pytest.mark.sample(16)
@pytest.mark.parametrize("cell", Cell)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", wrong_layers())
def test_a_slightly_wrong_layer_is_not_called_rough(name: str, dtype: Dtype, cell: Cell):
    seed = list(wrong_layers()).index(name) + list(Cell).index(cell)
    ladder = climbed(wrong_layers()[name], a_run(dtype, cell, seed))
    assert (ladder.conclusion, ladder.finding) == ("semantics", None), ladder.message
    assert ladder.gap_float64 == pytest.approx(ladder.gap, rel=0.01, abs=1e-5)


def lstm(dtype: Dtype = Dtype.FLOAT32) -> Case:
    return case(Spec(Cell.LSTM, 3, 8, dtype=dtype))


@pytest.mark.parametrize("name", ["numpy", "torch", "scratch"])
def test_a_right_layer_is_at_most_rounding(name: str):
    ladder = climbed(load(name), lstm())
    assert ladder.conclusion == "arithmetic"
    assert ladder.finding is not None
    assert ladder.finding.slug == "rounding-only"
    assert "of what rounding in float32 allows" in ladder.message


def test_an_error_that_shrinks_with_the_unit_of_the_dtype_is_arithmetic():
    noisy = Stepped(tanh=lambda a: torch.tanh(a) + 100 * torch.finfo(a.dtype).eps * torch.sin(1000 * a))
    rounded = Stepped(tanh=lambda a: torch.tanh(a) if a.dtype == torch.float64 else noisy.tanh(a))
    ladder = climbed(rounded, lstm())
    assert ladder.conclusion == "arithmetic"
    assert ladder.finding is not None
    assert ladder.finding.slug == "rounding-only"
    assert ladder.gap_float64 is not None
    assert ladder.gap_float64 < 1e-14 < 1e-6 < ladder.gap


def test_what_is_wrong_only_from_step_to_step_is_semantics():
    """Each step by itself is right, so that lockstep alone would pass it."""

    def run(layer: Layer, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
        traces = [layer.run(x_t[None], state, None) for x_t in x]
        return Trace(torch.cat([trace.output for trace in traces]), traces[-1].final)

    ladder = climbed(Fake(run), lstm())
    assert (ladder.conclusion, ladder.finding) == ("semantics", None)


def test_in_bfloat16_nothing_is_coarser():
    ladder = climbed(edited("weight_hh_l0", lambda w: w * 2), lstm(Dtype.BFLOAT16))
    assert ladder.conclusion == "semantics"
    assert ladder.gap_float64 is not None


def test_one_that_refuses_float64():
    wrong = edited("weight_hh_l0", lambda w: w * 2)
    ladder = climbed(replace(wrong, refusal="no such luxury"), lstm())
    assert (ladder.conclusion, ladder.gap_float64, ladder.finding) == ("unknown", None, None)
    assert "it cannot be run in float64 for comparison: no such luxury" in ladder.message


def test_one_that_fails_in_float64():
    def tanh(a: Tensor) -> Tensor:
        if a.dtype == torch.float64:
            raise TypeError("float64?!")
        return a

    ladder = climbed(Stepped(tanh=tanh), lstm())
    assert (ladder.conclusion, ladder.gap_float64) == ("unknown", None)
    assert "it failed when run in float64 for comparison: float64?!" in ladder.message


def test_nans_and_other_shapes_are_infinitely_far():
    assert climbed(Stepped(tanh=lambda a: a * torch.nan), lstm()).gap == torch.inf
    assert climbed(with_output(lambda output: output[1:]), lstm()).gap == torch.inf


@pytest.mark.parametrize("dtype", FLOATS)
def test_only_the_second_layer_of_two_is_rough(dtype: Dtype):
    run = case(Spec(Cell.GRU, 3, 8, num_layers=2, bidirectional=True, dtype=dtype), lengths=(9, 4, 6))

    def cut_above(values: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return {name: cut(torch.bfloat16)(value) if "_l1" in name else value for name, value in values.items()}

    ladder = climbed(Wrong("rough above", reweigh=cut_above), run)
    assert ladder.finding is not None
    assert ladder.message.startswith("computes in bfloat16")


def test_tf32_that_the_run_was_allowed_is_no_finding():
    run = lstm()
    rounding = Rounding(torch.float32, 2.0**-24, factors=2.0**-11)
    rough = Stepped(x=tf32, factor_h=tf32, weights=tf32)
    ladder = climb(MeasuredRun(rough, run.spec, run.weights, run.x, run.state), rounding)
    assert ladder.finding is not None
    assert ladder.finding.slug == "rounding-only"
