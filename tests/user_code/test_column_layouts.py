"""Layers whose rows of a batch are columns, whose weights are given gate by gate, and that return their gates."""

from collections.abc import Callable
from typing import Any

import pytest
from user_code.sources import Write

Command = Callable[..., Any]

SEQUENCE = (
    "import numpy as np\n"
    "class Recurrent:\n"
    "    def __init__(self, input_size, output_size, hidden_size=16):\n"
    "        self.U = np.random.randn(hidden_size, input_size)\n"
    "        self.W = np.random.randn(hidden_size, hidden_size)\n"
    "        self.V = np.random.randn(output_size, hidden_size)\n"
    "        self.b, self.d = np.zeros((hidden_size, 1)), np.zeros((output_size, 1))\n"
    "    def forward(self, columns):\n"
    "        h = np.zeros((len(self.W), 1))\n"
    "        for x in columns:\n"
    "            h = np.tanh(self.U @ x + self.W @ h + self.b)\n"
    "        return self.V @ h + self.d, h\n"
)
GATE_BY_GATE = (
    "import numpy as np\n"
    "def sigmoid(a):\n"
    "    return 1 / (1 + np.exp(-a))\n"
    "def gru_step(x, h, Wzx, Wzh, bz, Wrx, Wrh, br, Wnx, Wnh, bn, bhn):\n"
    "    z = sigmoid(Wzx @ x + Wzh @ h + bz)\n"
    "    r = sigmoid(Wrx @ x + Wrh @ h + br)\n"
    "    n = np.tanh(Wnx @ x + bn + r * (Wnh @ h + bhn))\n"
    "    return (1 - z) * n + z * h\n"
)
WITH_GATES = (
    "import numpy as np\n"
    "def sigmoid(a):\n"
    "    return 1 / (1 + np.exp(-a))\n"
    "def lstm_cell(rows, h, c, parameters):\n"
    "    both = np.concatenate((rows, h), axis=1)\n"
    "    F = sigmoid(both @ parameters['fw'] + parameters['fb'])\n"
    "    I = sigmoid(both @ parameters['iw'] + parameters['ib'])\n"
    "    O = sigmoid(both @ parameters['ow'] + parameters['ob'])\n"
    "    G = np.tanh(both @ parameters['gw'] + parameters['gb'])\n"
    "    c = F * c + I * G\n"
    "    h = O * np.tanh(c)\n"
    "    return {'F': F, 'I': I, 'O': O, 'G': G}, h, c\n"
)
CASES = {
    "a list of columns": (SEQUENCE, "Recurrent", "rnn", "np.tanh(self.U", "np.maximum(0, self.U"),
    "a GRU's weights gate by gate": (GATE_BY_GATE, "gru_step", "gru", "(1 - z) * n + z * h", "z * n + (1 - z) * h"),
    "gates that are returned": (WITH_GATES, "lstm_cell", "lstm", "O * np.tanh(c)", "O * c"),
}


@pytest.mark.slow
@pytest.mark.explained
@pytest.mark.parametrize(("text", "name", "cell", "right", "wrong"), CASES.values(), ids=list(CASES))
def test_it_is_read_and_judged(
    rnncheck: Command, write: Write, text: str, name: str, cell: str, right: str, wrong: str
) -> None:
    write(text)
    outcome = rnncheck("compare", f"mine.py:{name}", "--cell", cell, "-q", "--no-witness")
    assert outcome.code == 0, outcome.stdout + outcome.stderr
    write(text.replace(right, wrong))
    outcome = rnncheck("compare", f"mine.py:{name}", "--cell", cell, "-q", "--no-witness", "--read-seconds", "2")
    assert outcome.code == 1, outcome.stdout + outcome.stderr


@pytest.mark.slow
def test_the_error_shown_is_that_of_the_call_that_got_furthest(rnncheck: Command, write: Write) -> None:
    write(WITH_GATES.replace("return 1 / (1 + np.exp(-a))", "return 1 / (1 + np.exponential(-a))"))
    outcome = rnncheck("compare", "mine.py:lstm_cell", "--cell", "lstm", "-q", "--read-seconds", "1")
    assert outcome.code == 4
    assert "mine.py:3 in sigmoid: AttributeError" in outcome.stderr
