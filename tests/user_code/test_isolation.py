"""Whatever a candidate prints or changes globally, stdout holds the report alone and the process is as it was."""

import json
import logging
import os
import random
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from user_code.sources import RNN, Write, raising_in

from rnncheck.cli import signals

CHANGES = [
    "torch.set_default_dtype(torch.float64)",
    "torch.manual_seed(5)",
    "torch.set_grad_enabled(False)",
    "torch.use_deterministic_algorithms(True)",
    "torch.set_num_threads(2)",
    "torch.set_flush_denormal(True)",
    "torch.set_printoptions(precision=2)",
    "torch._C._set_mkldnn_enabled(False)",
    "__import__('signal').signal(15, __import__('signal').SIG_IGN)",
    "__import__('sys').setrecursionlimit(4000)",
    "__import__('logging').basicConfig(force=True, level=10)",
    "torch.set_float32_matmul_precision('medium')",
    "__import__('numpy').random.seed(5)",
    "__import__('random').seed(5)",
    "__import__('sys').argv.append('changed')",
    "__import__('sys').path.append('changed')",
    "__import__('os').environ.update(CHANGED='1')",
    "__import__('os').chdir('/')",
    "__import__('warnings').warn('never mind')",
    "print('on stdout')",
]

TINY = torch.tensor(2.0**-1060, dtype=torch.float64)


@pytest.fixture(autouse=True)
def once() -> None:
    """What the command line changes with its first run: it catches signals, and rich draws numbers for itself."""
    signals.catch()
    import_module("rich.style")


def state() -> list[Any]:
    return [
        torch.get_default_dtype(),
        torch.get_rng_state().tolist(),
        torch.is_grad_enabled(),
        torch.are_deterministic_algorithms_enabled(),
        torch.get_num_threads(),
        bool(TINY * 2.0**-10 == 0),
        torch.get_default_device(),
        torch._tensor_str.PRINT_OPTS.precision,
        torch._C._get_mkldnn_enabled(),
        signal.getsignal(signal.SIGTERM),
        sys.getrecursionlimit(),
        list(logging.getLogger().handlers),
        torch.get_float32_matmul_precision(),
        np.random.get_state()[1].tolist(),
        random.getstate(),
        list(sys.argv),
        list(sys.path),
        os.environ.get("CHANGED"),
        Path.cwd(),
    ]


@pytest.mark.sample(4)
@pytest.mark.parametrize("where", ["import", "__init__", "forward"])
@pytest.mark.parametrize("change", CHANGES, ids=lambda text: text.partition("(")[0])
def test_it_leaves_no_trace(rnncheck: Callable[..., Any], write: Write, change: str, where: str) -> None:
    write(change_at_import(change) if where == "import" else raising_in(where, change))
    before = state()
    outcome = rnncheck("compare", "mine.py:MyRNN", "--seq-len", "3", "--no-backward", "--format", "json")
    assert outcome.code == 0, outcome.stderr
    assert json.loads(outcome.stdout)["verdict"] == "equivalent"
    assert state() == before


def change_at_import(change: str) -> str:
    first, rest = RNN.split("\n", 1)
    return f"{first}\n{change}\n{rest}"


def test_a_layer_that_draws_at_random_is_not_taken_for_a_steady_one(rnncheck: Callable[..., Any], write: Write) -> None:
    write(RNN.replace("torch.stack(outputs), h", "torch.stack(outputs) + 0.1 * torch.rand(1), h"))
    before = state()
    assert rnncheck("compare", "mine.py:MyRNN", "-q").stdout.startswith("mismatch: nondeterministic")
    assert state() == before


@pytest.mark.parametrize(
    ("line", "named"),
    [("x.data.mul_(0.5)", "x"), ("h0.data.zero_()", "h0")],
)
def test_what_it_writes_into_its_input_is_seen(
    rnncheck: Callable[..., Any], write: Write, line: str, named: str
) -> None:
    write(RNN.replace("        return", f"        {line}\n        return"))
    outcome = rnncheck("compare", "mine.py:MyRNN", "-q", "--no-backward")
    assert outcome.code == 5
    assert f"input-mutated: mine.py:MyRNN writes into its own input: {named} differs after the call" in outcome.stdout


BATCH_FIRST = """
import torch

class MyRNN(torch.nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.rnn = torch.nn.RNN(input_size, hidden_size, batch_first=True)

    def forward(self, x, h0):
        found = self.rnn(x, h0)
        x.data.mul_(0.5)
        return found
"""


def test_what_it_writes_into_an_input_with_other_axes_is_seen(rnncheck: Callable[..., Any], write: Write) -> None:
    write(BATCH_FIRST)
    outcome = rnncheck("compare", "mine.py:MyRNN", "-q", "--no-backward")
    assert (outcome.code, "input-mutated" in outcome.stdout) == (5, True)


MUTATING = """
import numpy as np

class MyRNN:
    def __init__(self, input_size, hidden_size):
        self.W_x, self.W_h = np.zeros((input_size, hidden_size)), np.zeros((hidden_size, hidden_size))
        self.b = np.zeros(hidden_size)

    def forward(self, x, h0):
        h, states = h0, []
        for t in range(len(x)):
            h = np.tanh(x[t] @ self.W_x + h @ self.W_h + self.b)
            states.append(h)
        x *= 2
        return np.stack(states)
"""


@pytest.mark.explained
def test_what_it_writes_into_its_input_spoils_nothing_that_is_found_out(
    rnncheck: Callable[..., Any], write: Write
) -> None:
    write(MUTATING)
    outcome = rnncheck("compare", "mine.py:MyRNN", "--format", "json")
    report = json.loads(outcome.stdout)
    assert (outcome.code, [each["slug"] for each in report["findings"]]) == (5, ["input-mutated"])


def test_a_default_device_of_its_own_ends_with_its_import(rnncheck: Callable[..., Any], write: Write) -> None:
    write(change_at_import("torch.set_default_device('meta')"))
    assert rnncheck("compare", "mine.py:MyRNN", "-q").code == 0
    assert torch.get_default_device() == torch.device("cpu")


def test_the_backend_of_keras_is_chosen_within_the_import_alone(
    rnncheck: Callable[..., Any], write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    write("import os\nassert os.environ['KERAS_BACKEND'] == 'torch'\n" + RNN)
    assert rnncheck("compare", "mine.py:MyRNN", "--no-witness", "-q").code == 0
    assert "KERAS_BACKEND" not in os.environ
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    write("import os\nassert os.environ['KERAS_BACKEND'] == 'jax'\n" + RNN, "other.py")
    assert rnncheck("compare", "other.py:MyRNN", "--no-witness", "-q").code == 0
    assert os.environ["KERAS_BACKEND"] == "jax"
