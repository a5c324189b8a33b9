"""Holds the notebook's class against `torch.nn.RNN`: same weights, same data. Ends with exit code 1, a mismatch.

Run it as `python examples/notebook/check_notebook.py`.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from notebook_rnn import NotebookRNN
from torch import Tensor

from rnncheck.checking.check import check
from rnncheck.checking.plan import Plan
from rnncheck.data.open import FileOptions, open_data
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights
from rnncheck.report import Report

HERE = Path(os.path.relpath(Path(__file__).parent))
ELMAN = Spec(input_size=2, hidden_size=1)


class Notebook:
    """The notebook's class, made comparable: it says what it cannot run, takes weights, and yields a trace."""

    name = "notebook"
    location = "examples/notebook/notebook_rnn.py"

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        if spec.recurrent_shapes() != Spec(input_size=spec.input_size, hidden_size=1).recurrent_shapes():
            return "it is one layer in one direction, with biases of one number each, so H must be 1"
        if spec.nonlinearity != "tanh" or spec.head or spec.device != "cpu" or lengths:
            return "it has tanh alone, no head, no lengths, and is built on the cpu"
        return None

    def build(self, spec: Spec, weights: Weights) -> "NotebookLayer":
        layer = NotebookLayer(NotebookRNN(spec.input_size, spec.hidden_size).to(getattr(torch, spec.dtype)))
        for name, value in weights.cast(spec).items():
            layer.parameters()[name].copy_(value)
        return layer


class NotebookLayer:
    def __init__(self, module: NotebookRNN) -> None:
        self.module = module

    def parameters(self) -> Mapping[str, Tensor]:
        own = self.module
        held = {"weight_ih_l0": own.wax, "weight_hh_l0": own.waa, "bias_ih_l0": own.bax, "bias_hh_l0": own.baa}
        return {name: value.detach() for name, value in held.items()}

    def leaves(self) -> None:
        """Its gradients are not looked at: its states alone are wrong enough."""

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        rows = [self.module(row, h) for row, h in zip(x.unbind(1), state.h.unbind(1), strict=True)]
        output = torch.stack([all_states for all_states, _ in rows], dim=1)  # (T, B, H)
        return Trace(output, State(torch.stack([last for _, last in rows]).unsqueeze(0)))


def check_notebook(rows: int | None = None) -> Report:
    """The report, showing so many timesteps, or all of them."""
    data = open_data(str(HERE / "data.csv"), FileOptions())
    weights = HERE / "notebook_weights.safetensors"
    return check(Plan(ELMAN, data, candidate=Notebook(), h0="zeros", weights_path=weights, rows=rows))


if __name__ == "__main__":
    from rnncheck.reporters.terminal import render

    report = check_notebook(rows=12)
    sys.stdout.write(render(report, sys.stdout))
    sys.exit(report.exit_code)
