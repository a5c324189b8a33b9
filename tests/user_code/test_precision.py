"""float32 written into a candidate: it is looked at in float32, and refused where another dtype is asked for."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from user_code.sources import HEAD, RNN, Write

Command = Callable[..., Any]

LSTM = HEAD + (
    "class MyLSTM(nn.Module):\n"
    "    def __init__(self, input_size, hidden_size):\n"
    "        super().__init__()\n"
    "        self.hidden_size = hidden_size\n"
    "        self.gates = nn.Linear(input_size + hidden_size, 4 * hidden_size)\n"
    "    def forward(self, x):\n"
    "        h = c = torch.zeros(x.shape[1], self.hidden_size, dtype=torch.float32)\n"
    "        outputs = []\n"
    "        for x_t in x.float():\n"
    "            f, o, i, g = self.gates(torch.cat([h, x_t], 1)).chunk(4, 1)\n"
    "            c = f.sigmoid() * c + i.sigmoid() * g.tanh()\n"
    "            h = o.sigmoid() * c.tanh()\n"
    "            outputs.append(h)\n"
    "        return torch.stack(outputs)\n"
)

SOURCES = {
    "zeros": RNN.replace(
        "self.hidden_size) if h0 is None else h0[0]", "self.hidden_size, dtype=torch.float32)"
    ).replace("x, h0=None", "x"),
    "input": RNN.replace("for x_t in x:", "for x_t in x.float():"),
    "weights": RNN.replace("for x_t in x:", "self.float()\n        for x_t in x.float():"),
    "lstm": LSTM,
}


RETURNS = "torch.stack(outputs), h[None]"


@pytest.mark.slow
@pytest.mark.paths
def test_one_that_returns_float32_whatever_it_is_converted_to_is_right_and_told(
    rnncheck: Command, write: Write
) -> None:
    write(RNN.replace(RETURNS, "torch.stack(outputs).float()"))
    outcome = rnncheck("compare", "mine.py", "-v")
    assert outcome.code == 0
    assert "converted by .to(bfloat16), converted by .to(float16), it returns float32" in re.sub(
        r"\s+", " ", outcome.stdout
    )


@pytest.mark.slow
@pytest.mark.paths
def test_one_that_rounds_to_another_dtype_is_a_mismatch(rnncheck: Command, write: Write) -> None:
    rounded = (
        "torch.stack(outputs).bfloat16().float() if self.x2h.weight.dtype == torch.float64 else torch.stack(outputs)"
    )
    write(RNN.replace(RETURNS, rounded))
    outcome = rnncheck("compare", "mine.py", "-q")
    assert (outcome.code, "dtype-written-in" in outcome.stdout) == (1, True)


@pytest.mark.sample(2)
@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_a_right_layer_passes_in_float32(rnncheck: Command, write: Write, source: str) -> None:
    write(source)
    outcome = rnncheck("compare", "mine.py", "-q")
    assert outcome.code == 0, outcome.stdout + outcome.stderr
    assert "--backward" not in outcome.stderr


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_it_is_refused_in_another_dtype_than_its_own(rnncheck: Command, write: Write, dtype: str) -> None:
    write(LSTM)
    outcome = rnncheck("compare", "mine.py", "--dtype", dtype)
    assert outcome.code == 4
    assert f"its code works in float32 only and fails in {dtype}" in outcome.stderr


def test_float64_written_in_is_told_with_the_option_that_works(rnncheck: Command, write: Write) -> None:
    write(LSTM.replace("float32", "float64").replace("x.float()", "x"))
    outcome = rnncheck("compare", "mine.py")
    assert (outcome.code, outcome.stdout) == (4, "")
    assert "its code works in float64 only and fails in float32; add --dtype float64" in outcome.stderr
    assert rnncheck("compare", "mine.py", "--dtype", "float64", "--no-witness", "-q").code == 0


@pytest.mark.slow
@pytest.mark.explained
def test_a_wrong_layer_is_still_named(rnncheck: Command, write: Write) -> None:
    write(LSTM.replace("g.tanh()", "g"))
    outcome = rnncheck("compare", "mine.py", "-q")
    assert outcome.code == 1
    assert "missing-cell-activation" in outcome.stdout or "wrong-nonlinearity" in outcome.stdout


@pytest.mark.slow
def test_another_mistake_is_told_as_it_is(rnncheck: Command, write: Write) -> None:
    write(LSTM.replace("return torch.stack(outputs)", "return torch.stack(outputs) + self.absent"))
    outcome = rnncheck("compare", "mine.py")
    assert outcome.code == 4
    assert "has no attribute 'absent'" in outcome.stderr


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_numpy_function_is_refused_in_the_dtypes_that_numpy_has_no_arithmetic_of(
    dtype: str, rnncheck: Command
) -> None:
    example = Path(__file__).parents[2] / "examples" / "candidates" / "numpy_rnn.py"
    outcome = rnncheck("compare", example, "--dtype", dtype)
    assert (outcome.code, f"it computes in numpy, which has no {dtype}" in outcome.stderr) == (4, True)
