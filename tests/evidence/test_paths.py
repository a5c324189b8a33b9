"""Layers that are right as they are run first: what is wrong otherwise is found and named, and nothing else."""

import copy
from importlib.util import find_spec
from pathlib import Path

import pytest
from evidence.used_layers import (
    RIGHT,
    WRONG,
    WRONG_WHERE_LARGE,
    DropsAfterEval,
    DropsWithGradientsAlone,
    FillsTheListOfStates,
    ForgetsABiasAtOneStep,
    FromZerosOfNoDtype,
    GoesOnRecording,
    HeadOfAnyShape,
    Lengthy,
    OfTwelveSteps,
    OfTwelveStepsFromOnes,
    OwnDropout,
    PackedByTheClass,
    Plain,
    SecondOrderWrong,
    ShortensTheLengths,
    ShowsItsOutputTwice,
    SkipsTheLastOfOddNumbers,
    Squeezing,
    TakesThreeTimestepsOrMore,
    TwoLayers,
)
from torch import nn

from rnncheck import check
from rnncheck.report import Report, Verdict

pytestmark = pytest.mark.paths


def checked(layer: object, **options: object) -> Report:
    return check(layer, cell="gru", witness=False, **options)


@pytest.mark.slow
@pytest.mark.parametrize("layer", RIGHT, ids=lambda layer: layer.__name__)
def test_a_layer_that_is_right_however_it_is_used_is_equivalent(layer: type) -> None:
    report = checked(layer)
    assert report.verdict is Verdict.EQUIVALENT, [each.message for each in report.findings]
    assert len(report.paths) == 15


@pytest.mark.sample(1)
@pytest.mark.parametrize("layer", WRONG, ids=lambda layer: layer.__name__)
def test_what_is_wrong_on_one_path_is_found_there_and_named(layer: type) -> None:
    assert_found(layer, *WRONG[layer])


@pytest.mark.parametrize("layer", WRONG_WHERE_LARGE, ids=lambda layer: layer.__name__)
def test_what_is_wrong_where_numbers_or_batches_are_large_is_found_there(layer: type) -> None:
    assert_found(layer, *WRONG_WHERE_LARGE[layer])


def assert_found(layer: type, path: str, slug: str) -> None:
    report = checked(layer, paths=path)
    assert report.verdict is Verdict.MISMATCH
    assert slug in [each.slug for each in report.findings]
    assert f"path:{path}" in {each.mode for each in report.comparisons if not each.agrees}
    assert all(each.mode.startswith("path:") for each in report.comparisons if not each.agrees)


@pytest.mark.slow
@pytest.mark.explained
def test_other_second_derivatives_are_a_note_unless_they_are_asked_for() -> None:
    report = check(SecondOrderWrong, cell="gru", paths="default", witness=True)
    assert report.verdict is Verdict.EQUIVALENT
    assert report.restrictions == ["differentiated twice, it has other second derivatives than the reference"]
    assert "second-derivative-wrong" in {each.slug for each in report.witness.hidden}
    assert checked(SecondOrderWrong, paths="default,double-backward").verdict is Verdict.MISMATCH


@pytest.mark.explained
def test_a_layer_that_is_wrong_step_by_step_alone_is_told_so() -> None:
    (finding,) = checked(ForgetsABiasAtOneStep, paths="none").findings
    assert (finding.slug, finding.variant) == ("wrong-at-other-sizes", "at T = 1")


@pytest.mark.slow
def test_layers_that_share_the_weights_of_the_first_have_stale_weights() -> None:
    report = checked(PackedByTheClass)
    assert [each.slug for each in report.findings] == ["stale-weights"]
    assert "two layers with different weights give the same results" in report.findings[0].message


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("layer", "slug"),
    [(TwoLayers, None), (DropsAfterEval, "dropout-wrong"), (DropsWithGradientsAlone, "depends-on-grad-mode")],
)
def test_dropout_that_depends_on_what_it_must_not_is_named(layer: type, slug: str | None) -> None:
    report = check(layer, cell="gru", num_layers=2, dropout=0.3, paths="train-mode", witness=False)
    assert [each.slug for each in report.findings][:1] == ([slug] if slug else [])
    assert report.verdict is (Verdict.MISMATCH if slug else Verdict.EQUIVALENT)


@pytest.mark.slow
def test_code_that_writes_into_a_list_or_the_lengths_is_found() -> None:
    filled = check(FillsTheListOfStates, num_layers=2, witness=False)
    assert [each.message for each in filled.findings] == [
        "FillsTheListOfStates, at T = 5, B = 3: it writes into hiddens."
    ]
    shortened = check(ShortensTheLengths, lengths=[7, 5, 2], witness=False)
    assert [each.slug for each in shortened.findings] == ["input-mutated"]
    assert "it writes into lengths" in shortened.findings[0].message
    assert check(Lengthy, lengths=[7, 5, 2], witness=False).verdict is Verdict.EQUIVALENT


@pytest.mark.slow
def test_what_is_wrong_without_any_path_is_told_once() -> None:
    report = checked(SkipsTheLastOfOddNumbers)
    assert [(each.slug, each.variant) for each in report.findings] == [("wrong-at-other-sizes", "at T = 5, B = 3")]


@pytest.mark.slow
def test_a_layer_for_the_sizes_of_the_run_alone_is_used_at_these() -> None:
    report = checked(OfTwelveSteps)
    assert report.verdict is Verdict.EQUIVALENT
    assert {each.path for each in report.paths if each.gone} >= {"no-state", "copies", "strides", "train-mode"}
    wrong = checked(OfTwelveStepsFromOnes)
    assert wrong.verdict is Verdict.MISMATCH
    assert wrong.findings[0].slug == "default-state-not-zero"


@pytest.mark.slow
def test_a_head_may_read_a_state_with_the_axes_of_the_one_that_is_given() -> None:
    report = checked(HeadOfAnyShape)
    assert report.verdict is Verdict.EQUIVALENT, [each.message for each in report.findings]


def test_without_paths_it_passes() -> None:
    assert checked(next(iter(WRONG)), paths="none").verdict is Verdict.EQUIVALENT


def test_layers_that_keep_their_weights_are_used_on_none_and_that_is_said() -> None:
    layer = nn.GRU(3, 4)
    report = checked(layer, against=copy.deepcopy(layer), sync="none")
    assert (report.verdict, report.paths) == (Verdict.EQUIVALENT, ())
    assert any(note.startswith("no path was compared: paths set other weights") for note in report.notes)


def test_a_wide_projection_is_narrowed_at_the_other_sizes() -> None:
    report = check("scratch", cell="lstm", hidden_size=40, proj_size=37, paths="other-sizes", witness=False)
    assert (report.verdict, len(report.paths)) == (Verdict.EQUIVALENT, 1)


def test_a_class_with_a_projection_is_used_at_other_sizes() -> None:
    (sizes,) = check(nn.LSTM, proj_size=2, paths="other-sizes", witness=False).paths
    assert "of I = 4 and H = 4, at T = 4, B = 4" in sizes.gone
    assert not any("H = 1," in each for each in sizes.gone)  # no projection is smaller than one unit


def test_what_fails_loudly_is_not_offered_and_limits_the_verdict() -> None:
    report = checked(Squeezing, paths="other-sizes")
    (sizes,) = report.paths
    assert [each.what for each in sizes.not_offered] == [("at B = 1",)]
    assert "used_layers.py" in sizes.not_offered[0].why
    assert [each.partition(": ")[0] for each in report.restrictions] == ["at B = 1, it fails"]


@pytest.mark.sample(1)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_state_of_zeros_in_another_dtype_fails_after_a_conversion(dtype: str) -> None:
    (only,) = checked(FromZerosOfNoDtype, paths="no-state,copies", dtype=dtype).restrictions
    assert only.startswith("converted by .to(float64) and called without a state, it fails: ")


@pytest.mark.slow
def test_a_layer_that_fails_in_several_uses_says_so_once() -> None:
    class Both(FromZerosOfNoDtype, Squeezing):
        pass

    (only,) = checked(Both, paths="no-state,other-sizes").restrictions
    assert only.startswith("it fails in other uses, with the errors that -v shows: ")
    assert "at B = 1" in only
    assert "converted by .to(float64) and called without a state" in only


def test_a_dropout_of_its_own_is_not_judged_and_said() -> None:
    report = checked(OwnDropout, paths="train-mode")
    (training,) = report.paths
    assert "dropout with p = 0.3" in training.not_offered[0].why
    assert report.restrictions == [
        "in training mode with its own dropout, it applies dropout with p = 0.3, which the reference does not"
    ]


def test_a_final_state_that_is_a_view_of_the_output_is_said() -> None:
    report = checked(ShowsItsOutputTwice, paths="another-call")
    assert report.verdict is Verdict.EQUIVALENT
    assert report.restrictions == [
        "called, and its output then changed in place, h_n changes with it, which is a view of it"
    ]


def test_only_the_paths_asked_for_are_gone_down() -> None:
    report = checked(Plain, paths="strides, no-state")
    assert [each.path for each in report.paths] == ["no-state", "strides"]


EXAMPLES = Path(__file__).parents[2] / "examples"
OF_OTHERS = ["candidates/numpy_rnn.py", "jax/functions.py:lstm", "jax/nnx_lstm.py:MyLSTM", "jax/equinox_gru.py:MyGRU"]


@pytest.mark.parametrize(
    "candidate", [pytest.param(each, marks=[pytest.mark.slow] * (at > 0)) for at, each in enumerate(OF_OTHERS)]
)
def test_what_rnncheck_cannot_do_with_a_layer_that_is_no_module_is_no_failure_of_the_layer(candidate: str) -> None:
    if candidate.startswith("jax"):
        pytest.importorskip("equinox")
        pytest.importorskip("flax")
    report = check(str(EXAMPLES / candidate), witness=False, paths="copies,no-state,changed-weights,other-sizes")
    assert report.verdict is Verdict.EQUIVALENT
    assert not [each for each in report.restrictions if "fail" in each]


@pytest.mark.slow
def test_a_layer_of_keras_is_not_pickled(tmp_path: Path) -> None:
    if find_spec("keras") is None:
        pytest.skip("keras is not installed")
    (tmp_path / "own.py").write_text("import keras\n\n\nclass MyRNN(keras.layers.SimpleRNN):\n    pass\n")
    report = check(f"{tmp_path / 'own.py'}:MyRNN", witness=False, paths="copies")
    assert report.verdict is Verdict.EQUIVALENT
    assert not report.restrictions


class WrongFromSeventeenRowsOn(nn.GRU):
    def forward(self, x, hx=None):  # type: ignore[no-untyped-def]
        output, final = super().forward(x, hx)
        if x.shape[0 if self.batch_first else 1] > 16:
            output = output * 1.1
        return output, final


@pytest.mark.slow
def test_what_is_wrong_at_other_sizes_is_not_told_as_another_use() -> None:
    assert checked(WrongFromSeventeenRowsOn, paths="no-state,train-mode").verdict is Verdict.EQUIVALENT
    report = checked(WrongFromSeventeenRowsOn, paths="no-state,train-mode,other-sizes")
    assert [each.slug for each in report.findings] == ["wrong-at-other-sizes"]


@pytest.mark.sample(1)
@pytest.mark.parametrize("axis", [0, 1])
def test_what_is_wrong_at_one_step_or_row_is_told_as_that_alone(axis: int) -> None:
    class WrongAtOne(nn.GRU):
        def forward(self, x, hx=None):  # type: ignore[no-untyped-def]
            output, final = super().forward(x, hx)
            return (output * 1.1 if x.shape[axis ^ self.batch_first] == 1 else output), final

    report = checked(WrongAtOne, paths="no-state,train-mode,options,rows-alone,other-sizes")
    (finding,) = report.findings
    assert finding.slug == "wrong-at-other-sizes"
    assert f"at {'TB'[axis]} = 1" in finding.message


class WrongForSomeNumbers(nn.GRU):
    def forward(self, x, hx=None):  # type: ignore[no-untyped-def]
        output, final = super().forward(x, hx)
        return (output + 0.01 if x.numel() and x.flatten()[0] > 0.3 else output), final


class WrongAfterAShortSequence(nn.GRU):
    shortest = 100

    def forward(self, x, hx=None):  # type: ignore[no-untyped-def]
        output, final = super().forward(x, hx)
        late = self.shortest == 1 and len(x) > 1
        self.shortest = min(self.shortest, len(x))
        return (output + 0.01 if late else output), final


def test_a_layer_that_is_wrong_for_some_numbers_is_not_said_to_keep_a_state() -> None:
    reports = [
        check(WrongForSomeNumbers, cell="gru", seed=seed, witness=False, paths="copies") for seed in (15, 16, 17)
    ]
    found = [each for report in reports for each in report.findings]
    assert any(each.slug == "unexplained" and "with some numbers and not with others" in each.message for each in found)
    assert "state-leaks-between-calls" not in {each.slug for each in found}


def test_a_layer_that_is_wrong_after_other_calls_is_said_to_keep_a_state() -> None:
    report = checked(WrongAfterAShortSequence, paths="other-sizes")
    assert [each.slug for each in report.findings] == ["state-leaks-between-calls"]
    assert ", after other calls, " in report.findings[0].message


class ZerosForOneTensor(nn.LSTM):
    def forward(self, x, hx=None):  # type: ignore[no-untyped-def]
        same = hx is not None and hx[0].data_ptr() == hx[1].data_ptr()
        return super().forward(x, None if same else hx)


@pytest.mark.parametrize(
    ("path", "slug"), [("strides", "memory-layout-assumed"), ("gradients-in-use", "gradient-wrong-in-use")]
)
def test_one_tensor_may_be_both_states(path: str, slug: str) -> None:
    report = check(ZerosForOneTensor, cell="lstm", witness=False, paths=path)
    assert (report.verdict, [each.slug for each in report.findings]) == (Verdict.MISMATCH, [slug])


@pytest.mark.sample(1)
@pytest.mark.parametrize("layer", [TakesThreeTimestepsOrMore, GoesOnRecording])
def test_what_is_only_told_of_a_use_leaves_the_verdict_as_it_is(layer: type) -> None:
    report = checked(layer)
    assert (report.verdict, report.findings) == (Verdict.EQUIVALENT, [])
