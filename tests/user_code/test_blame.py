"""A mistake in a candidate's code is told at its own file and line, and is never a bug of ours."""

from collections.abc import Callable
from typing import Any

import pytest
from user_code.sources import HEAD, RNN, Write, raising_in

from rnncheck.user_code.blame import begun, told

Command = Callable[..., Any]


def line_of(text: str, part: str) -> int:
    return 1 + next(index for index, line in enumerate(text.splitlines()) if part in line)


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    ("text", "part", "where", "said"),
    [
        (RNN + "1 / 0\n", "1 / 0", "", "ZeroDivisionError: division by zero"),
        (raising_in("__init__", "self.none.x"), "self.none.x", " in __init__", "AttributeError"),
        (raising_in("forward", "torch.ones(2) @ torch.ones(3)"), "torch.ones(2) @", " in forward", "RuntimeError"),
        (
            raising_in("forward", "raise ValueError('first\\nsecond')"),
            "raise Value",
            " in forward",
            "ValueError: first",
        ),
        (raising_in("forward", "exit(3)"), "exit(3)", " in forward", "it calls exit(3)"),
        (RNN + "raise SystemExit\n", "SystemExit", "", "it calls exit()"),
    ],
    ids=["import", "construction", "call", "two lines", "exit in a call", "exit at import"],
)
def test_it_is_told_at_its_line(rnncheck: Command, write: Write, text: str, part: str, where: str, said: str) -> None:
    write(text)
    outcome = rnncheck("compare", "mine.py:MyRNN", "--read-seconds", "0.5")
    assert (outcome.code, outcome.stdout) == (4, "")
    first, second, *_ = outcome.stderr.splitlines()
    assert first.startswith(f"error: mine.py:{line_of(text, part)}{where}: {said}")
    assert part in second
    assert "rnncheck/" not in outcome.stderr


def test_a_file_that_is_no_python_says_where(rnncheck: Command, write: Write) -> None:
    write("import torch\nclass MyRNN(:\n")
    outcome = rnncheck("compare", "mine.py:MyRNN", "--read-seconds", "1")
    assert outcome.code == 4
    assert outcome.stderr.startswith("error: mine.py:2: SyntaxError: invalid syntax\n    class MyRNN(:")


def test_what_raises_in_its_own_backward_is_no_finding(rnncheck: Command, write: Write) -> None:
    own = (
        "class Id(torch.autograd.Function):\n"
        "    @staticmethod\n"
        "    def forward(ctx, x):\n"
        "        return x.clone()\n"
        "    @staticmethod\n"
        "    def backward(ctx, grad):\n"
        "        raise RuntimeError('no way back')\n"
    )
    write(RNN.replace(HEAD, HEAD + own).replace("torch.stack(outputs), h", "Id.apply(torch.stack(outputs)), h"))
    outcome = rnncheck("compare", "mine.py:MyRNN", "--cell", "rnn")
    assert outcome.code == 4
    assert "mine.py:9 in backward: RuntimeError: no way back" in outcome.stderr


@pytest.mark.sample(1)
@pytest.mark.parametrize("returned", ["None", "3", "torch.ones(2)", "'output'"])
def test_what_returns_no_state_is_refused(rnncheck: Command, write: Write, returned: str) -> None:
    write(RNN.replace("torch.stack(outputs), h[None]", returned).replace("self.x2h(x_t)", "x_t @ self.x2h.weight.T"))
    outcome = rnncheck("compare", "mine.py:MyRNN", "--read-seconds", "1")
    assert (outcome.code, outcome.stdout) == (4, "")
    assert "MyRNN returned " in outcome.stderr
    said = "it ends without a return statement" if returned == "None" else "no part of it has that width"
    assert said in outcome.stderr


def test_a_layer_that_crashes_on_a_state_is_not_one_that_takes_it(rnncheck: Command, write: Write) -> None:
    write(RNN.replace("if h0 is None else h0[0]", "if not h0 else h0[0]"))
    outcome = rnncheck("compare", "mine.py:MyRNN", "-q")
    assert outcome.code == 1
    assert outcome.stdout.startswith("mismatch: initial-state-crashes: MyRNN ")
    assert "it raises mine.py:10 in forward: RuntimeError" in outcome.stdout


def test_a_state_that_its_code_refuses_leaves_the_verdict_open(rnncheck: Command, write: Write) -> None:
    refusing = "if h0 is not None:\n            raise ValueError('states of two layers')\n        outputs = []"
    write(RNN.replace("outputs = []", refusing))
    outcome = rnncheck("compare", "mine.py:MyRNN", "-q")
    assert outcome.code == 5
    assert "ValueError: states of two layers" in outcome.stdout


def test_of_an_error_in_torchscript_the_cause_is_told() -> None:
    inside = "Traceback of TorchScript (most recent call last):\n  File x, in step\nValueError: no weights\n"
    problem = RuntimeError(f"The following operation failed in the TorchScript interpreter.\n{inside}")
    assert told(problem) == "ValueError: no weights"


@pytest.mark.parametrize("wanted", ["h0['of']['h']", "h0.states[0]", "h0.reshape(3, 999)"])
def test_a_state_of_another_kind_leaves_the_verdict_open(rnncheck: Command, write: Write, wanted: str) -> None:
    write(RNN.replace("if h0 is None else h0[0]", f"if h0 is None else {wanted}"))
    outcome = rnncheck("compare", "mine.py:MyRNN", "-q")
    assert outcome.code == 5
    assert "given an initial state, it raises: mine.py:10 in forward: " in outcome.stdout


def test_the_lines_of_a_statement_count_as_its_first(write: Write) -> None:
    path = write("def f(x):\n    y = g(\n        x,\n        1,\n    )\n    return y\n", "lines.py")
    assert [begun(str(path), line) for line in (2, 3, 4, 6, 9)] == [2, 2, 2, 6, 9]
