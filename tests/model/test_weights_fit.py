"""Parameters that do not fit are answered with what they are and which options would fit them."""

import pytest
from hypothesis import given, settings
from strategies import specs

from rnncheck.model.spec import Cell, Spec
from rnncheck.model.weights import listed, misfit, options, spec_for

Shapes = dict[str, tuple[int, ...]]

RNN = Spec()  # 3 inputs, 4 hidden units
SHAPES = RNN.parameter_shapes()


def told(found: Shapes, spec: Spec = RNN) -> list[str]:
    message = misfit(found, spec)
    assert message is not None
    return message.split("\n")


def behind(prefix: str, spec: Spec) -> Shapes:
    return {prefix + name: shape for name, shape in spec.parameter_shapes().items()}


@settings(max_examples=60, deadline=None)
@given(specs(), specs())
def test_parameters_fit_the_spec_they_belong_to_and_no_other(spec: Spec, other: Spec) -> None:
    assert misfit(spec.parameter_shapes(), spec) is None
    same = spec.parameter_shapes() == other.parameter_shapes()
    assert (misfit(spec.parameter_shapes(), other) is None) is same


@settings(max_examples=60, deadline=None)
@given(specs(), specs())
def test_the_options_that_would_fit_are_found_from_the_shapes_alone(spec: Spec, other: Spec) -> None:
    assert spec_for(spec.parameter_shapes()) == spec
    if spec != other:
        assert told(spec.parameter_shapes(), other)[1].partition("; use ")[2].startswith(options(spec))


def test_every_option_that_shapes_the_parameters_is_said() -> None:
    spec = Spec(Cell.LSTM, 3, 5, 2, bias=False, bidirectional=True, proj_size=2, head="softmax")
    assert options(spec) == (
        "--cell lstm --input-size 3 --hidden-size 5 --num-layers 2 "
        "--bidirectional --no-bias --proj-size 2 --head softmax"
    )
    assert options(Spec(Cell.GRU)) == "--cell gru --input-size 3 --hidden-size 4"


def test_another_cells_layer_is_recognised_by_its_rows() -> None:
    wrong, hint = told(Spec(Cell.GRU).parameter_shapes())
    assert wrong == (
        "weight_ih_l0 is (12, 3), not (4, 3), weight_hh_l0 is (12, 4), not (4, 4), "
        "bias_ih_l0 is (12), not (4) and 1 more"
    )
    assert hint == "It holds all of a GRU (12 rows = 3 x 4); use --cell gru --input-size 3 --hidden-size 4"


def test_layers_and_directions_that_a_class_has_by_default_are_undone_by_their_options() -> None:
    both = Spec(Cell.GRU, num_layers=2, bidirectional=True)
    assert told(Spec(Cell.GRU).parameter_shapes(), both)[1].endswith(" --num-layers 1 --no-bidirectional")
    assert told(both.parameter_shapes(), Spec(Cell.GRU))[1].endswith(" --num-layers 2 --bidirectional")


def test_a_head_that_was_not_asked_for_and_one_that_is_not_there_are_said() -> None:
    headed = Spec(head="softmax")
    has, hint = told(headed.parameter_shapes())
    assert has == "it has too many: weight_hy (4, 4), bias_y (4)"
    assert hint.endswith("; use --cell rnn --input-size 3 --hidden-size 4 --head softmax")
    lacks, hint = told(SHAPES, headed)
    assert lacks == "it lacks weight_hy (4, 4), bias_y (4)"
    assert hint.endswith("--hidden-size 4 without --head")


def test_a_layer_inside_a_model_is_found_behind_its_prefix() -> None:
    lacks, hint = told(behind("rnn.", RNN) | {"fc.weight": (2, 4)})
    assert lacks == (
        "it lacks weight_ih_l0 (4, 3), weight_hh_l0 (4, 4), bias_ih_l0 (4) and 1 more; "
        "it has too many: rnn.weight_ih_l0 (4, 3), rnn.weight_hh_l0 (4, 4), rnn.bias_ih_l0 (4) and 2 more"
    )
    assert hint == (
        "It holds an RNN under 'rnn.' (--cell rnn --input-size 3 --hidden-size 4): "
        "name one behind the file, as in --weights FILE::rnn"
    )


def test_layers_behind_several_prefixes_are_all_said() -> None:
    hint = told(behind("module.encoder.", Spec(Cell.LSTM)) | behind("module.decoder.", Spec(Cell.GRU)))[1]
    assert "an LSTM under 'module.encoder.'" in hint
    assert "a GRU under 'module.decoder.'" in hint
    assert "--weights FILE::module.encoder" in hint


def test_what_stands_beside_a_complete_layer_is_to_be_left_out() -> None:
    assert told(SHAPES | {"fc.weight": (2, 4)}) == [
        "it has too many: fc.weight (2, 4)",
        "All parameters of the layer are there; save them without the others.",
    ]


@pytest.mark.parametrize("near", ["weights_hh_l0", "WEIGHT_HH_L0", "weight_hh", "weight_hh_10", "weight-hh-l0"])
def test_a_misspelt_name_is_brought_together_with_the_one_that_was_meant(near: str) -> None:
    found = {near if name == "weight_hh_l0" else name: shape for name, shape in SHAPES.items()}
    assert told(found) == [f"it lacks weight_hh_l0 (4, 4) (is it {near}?); it has too many: {near} (4, 4)"]


def test_a_name_that_is_not_near_is_not_suggested() -> None:
    found = {"W" if name == "weight_hh_l0" else name: shape for name, shape in SHAPES.items()}
    assert told(found) == ["it lacks weight_hh_l0 (4, 4); it has too many: W (4, 4)"]


def test_names_from_the_file_are_made_safe_to_print() -> None:
    message = "\n".join(told(SHAPES | {"\x1b]0;owned\x07": (1,), "a\nb": (1,), "\u202eabc": (1,)}))
    assert "\\x1b]0;owned\\x07 (1), a\\nb (1), \\u202eabc (1)" in message
    in_prefix = "\n".join(told(behind("\x1b[31m.", RNN)))
    assert "under '\\x1b[31m.'" in in_prefix
    assert "\x1b" not in in_prefix


def test_one_parameter_with_another_cells_rows_gets_a_guess() -> None:
    assert told(SHAPES | {"weight_hh_l0": (12, 4)}) == [
        "weight_hh_l0 is (12, 4), not (4, 4)",
        "weight_hh_l0: 12 rows = 3 x 4: a GRU with hidden_size 4?",
    ]
    assert told(SHAPES | {"bias_hh_l0": (16,)})[1] == "bias_hh_l0: 16 rows = 4 x 4: an LSTM with hidden_size 4?"


def test_a_transposed_weight_gets_a_hint() -> None:
    assert told(SHAPES | {"weight_ih_l0": (3, 4)}) == [
        "weight_ih_l0 is (3, 4), not (4, 3)",
        "Some weights look transposed: torch stores them as (output rows, input columns).",
    ]


@pytest.mark.parametrize("shape", [(), (0,), (0, 4), (7, 4), (4, 4, 1)])
def test_a_shape_that_fits_nothing_is_said_without_a_guess(shape: tuple[int, ...]) -> None:
    assert len(told(SHAPES | {"weight_hh_l0": shape})) == 1


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"weight_ih_l0": (4, 3)},
        {"weight_ih_l0": (4, 3), "weight_hh_l0": ()},
        {"weight_ih_l0": (4, 3), "weight_hh_l0": (4, 4), "weight_hr_l0": ()},
        {"weight_ih_l0": (0, 0), "weight_hh_l0": (0, 0)},
        SHAPES | {"weight_ih_l999999": (4, 3)},
        SHAPES | {"weight_ih_l" + "9" * 5000: (4, 3)},
    ],
)
def test_no_options_are_named_for_what_no_layer_has(found: Shapes) -> None:
    assert spec_for(found) is None
    assert "; use --cell" not in "".join(told(found))


def test_long_lists_are_cut() -> None:
    assert listed(["a", "b", "c"]) == "a, b, c"
    assert listed(list("abcdefgh")) == "a, b, c and 5 more"
