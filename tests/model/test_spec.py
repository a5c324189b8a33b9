"""A spec names the parameters of `torch.nn`'s layer, and refuses what no layer can be."""

import subprocess
import sys
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from strategies import specs

from rnncheck.errors import ExitCode, UsageError
from rnncheck.model.spec import Cell, Spec


def torch_layer(spec: Spec) -> torch.nn.RNNBase:
    layer = {Cell.RNN: torch.nn.RNN, Cell.LSTM: torch.nn.LSTM, Cell.GRU: torch.nn.GRU}[spec.cell]
    projection = {"proj_size": spec.proj_size} if spec.proj_size else {}
    return layer(
        spec.input_size,
        spec.hidden_size,
        spec.num_layers,
        bias=spec.bias,
        bidirectional=spec.bidirectional,
        **projection,
    )


@settings(max_examples=60, deadline=None)
@given(specs())
def test_parameters_have_the_names_order_and_shapes_of_torch(spec: Spec) -> None:
    of_torch = [(name, tuple(value.shape)) for name, value in torch_layer(spec).state_dict().items()]
    assert list(spec.parameter_shapes().items()) == of_torch


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@settings(max_examples=30, deadline=None)
@given(specs())
def test_the_widths_are_those_of_what_torch_returns(spec: Spec) -> None:
    output, state = torch_layer(spec)(torch.zeros(2, 1, spec.input_size))
    h = state[0] if spec.cell is Cell.LSTM else state
    assert output.shape[-1] == spec.output_size
    assert h.shape == (spec.num_layers * spec.directions, 1, spec.state_size)


def test_a_head_reads_both_directions_and_answers_with_hidden_size_numbers() -> None:
    spec = Spec(cell=Cell.LSTM, hidden_size=5, proj_size=2, bidirectional=True, head="softmax")
    assert list(spec.parameter_shapes())[-2:] == ["weight_hy", "bias_y"]
    assert spec.head_shapes() == {"weight_hy": (5, 4), "bias_y": (5,)}
    assert Spec().head_shapes() == {}


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"input_size": 0}, "input_size is 0; it must be at least 1"),
        ({"hidden_size": -1}, "hidden_size is -1"),
        ({"num_layers": 0}, "num_layers is 0"),
        ({"cell": Cell.GRU, "nonlinearity": "relu"}, "nonlinearity is for the rnn cell only"),
        (
            {"cell": Cell.LSTM, "nonlinearity": "tanh"},
            "nonlinearity is for the rnn cell only; the lstm cell has its own activations",
        ),
        ({"proj_size": 1}, "proj_size is for the lstm cell only; the rnn cell has no projection"),
        ({"cell": Cell.LSTM, "proj_size": 4}, "proj_size is 4; it must be at least 0 and smaller than hidden_size, 4"),
        ({"cell": Cell.LSTM, "proj_size": -1}, "proj_size is -1"),
        ({"num_layers": 2, "dropout": 1.0}, "dropout is 1.0; it must be at least 0 and below 1"),
        ({"num_layers": 2, "dropout": -0.1}, "dropout is -0.1"),
        ({"num_layers": 2, "dropout": float("nan")}, "dropout is nan"),
        ({"dropout": 0.5}, "num_layers is 1; raise num_layers or leave it out"),
    ],
)
def test_what_no_layer_can_be_is_a_usage_error(choice: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said) as error:
        Spec(**choice)
    assert error.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize(
    "choice",
    [
        {"input_size": 1, "hidden_size": 1},
        {"nonlinearity": "relu"},
        {"cell": Cell.LSTM, "proj_size": 3},
        {"num_layers": 2, "dropout": 0.99},
    ],
)
def test_what_is_just_allowed_is_accepted(choice: dict[str, Any]) -> None:
    spec = Spec(**choice)
    assert {name: getattr(spec, name) for name in choice} == choice


def test_tanh_is_the_rnn_cells_nonlinearity_unless_another_is_asked_for() -> None:
    assert Spec().nonlinearity == "tanh"
    assert Spec() == Spec(nonlinearity="tanh") != Spec(nonlinearity="relu")
    assert Spec(cell=Cell.GRU).nonlinearity is None


def test_a_spec_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Spec().hidden_size = 5  # type: ignore[misc]


@pytest.mark.parametrize("module", ["model.spec", "errors", "files", "data.options", "text"])
def test_what_usage_errors_need_is_imported_without_torch(module: str) -> None:
    script = (
        f"import sys, rnncheck.{module}; sys.exit(sorted({{'torch', 'numpy', 'safetensors'}} & set(sys.modules)) or 0)"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")
