"""What torch.onnx.export writes with dynamo=True: a node for each LSTM and GRU layer, and an RNN unrolled over time."""

import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("onnxscript") is None, reason="onnxscript is not installed: pip install onnxscript"),
    pytest.mark.skipif(find_spec("onnxruntime") is None, reason="onnxruntime is not installed: see rnncheck[onnx]"),
]


class Outputs(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)[0]


@pytest.mark.parametrize("sizes", ["fixed", "dynamic"])
@pytest.mark.parametrize("layer", [nn.LSTM(3, 4, 2, bidirectional=True), nn.GRU(3, 4, 3, batch_first=True)], ids=str)
def test_a_stack_of_layers_is_read(layer: nn.Module, sizes: str, tmp_path: Path, rnncheck: Callable[..., Any]) -> None:
    path = tmp_path / "model.onnx"
    export(layer, path, dynamic=sizes == "dynamic")
    outcome = rnncheck("compare", path, "--no-witness", "--no-diagnose")
    assert outcome.code == 0, outcome.stdout + outcome.stderr


@pytest.mark.parametrize("nonlinearity", ["tanh", "relu"])
def test_an_unrolled_rnn_is_refused_with_the_way_out(
    nonlinearity: str, tmp_path: Path, rnncheck: Callable[..., Any]
) -> None:
    export(nn.RNN(3, 4, nonlinearity=nonlinearity), tmp_path / "model.onnx", dynamic=False)
    outcome = rnncheck("compare", tmp_path / "model.onnx")
    assert outcome.code == 4
    assert "dynamo=False" in outcome.stderr


def export(layer: nn.Module, path: Path, *, dynamic: bool) -> None:
    axes = {0: torch.export.Dim("first"), 1: torch.export.Dim("second")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, example = Outputs(layer).eval(), (torch.randn(5, 2, 3),)
        shapes = {"x": axes} if dynamic else None
        exported = torch.onnx.export(model, example, dynamo=True, verbose=False, dynamic_shapes=shapes)
        assert exported is not None
        exported.save(str(path))
