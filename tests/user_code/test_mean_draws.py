"""A layer with dropout is read as it would be without; that it is random is seen when it is compared."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from user_code.sources import HEAD, RNN, Write

from rnncheck.user_code.mean_draws import MeanDraws

Command = Callable[..., Any]

X = torch.linspace(-1, 1, 12).reshape(3, 4)


@pytest.mark.parametrize(
    ("draw", "average"),
    [
        (lambda: functional.dropout(X, 0.3), X),
        (lambda: torch.nn.Dropout(0.3).train()(X), X),
        (lambda: torch.bernoulli(torch.full((3,), 0.3)), torch.full((3,), 0.3)),
        (lambda: torch.empty(3).bernoulli_(0.7), torch.full((3,), 0.7)),
        (lambda: torch.empty(3).bernoulli_(torch.tensor([0.1, 0.2, 0.3])), torch.tensor([0.1, 0.2, 0.3])),
        (lambda: torch.rand(3), torch.full((3,), 0.5)),
        (lambda: torch.rand_like(X), torch.full((3, 4), 0.5)),
        (lambda: torch.empty(3).uniform_(-1, 3), torch.ones(3)),
        (lambda: torch.randn(3), torch.zeros(3)),
        (lambda: torch.randn_like(X), torch.zeros(3, 4)),
        (lambda: torch.empty(3).normal_(2, 5), torch.full((3,), 2.0)),
        (lambda: X @ X.T, X @ X.T),
    ],
)
def test_draws_are_what_they_are_on_average(draw: Callable[[], Tensor], average: Tensor) -> None:
    with MeanDraws():  # type: ignore[no-untyped-call]
        assert torch.equal(draw(), average)


LSTM_CELL = HEAD + (
    "class Mine(nn.Module):\n"
    "    def __init__(self, input_size, hidden_size):\n"
    "        super().__init__()\n"
    "        self.x2h = nn.Linear(input_size, 4 * hidden_size)\n"
    "        self.h2h = nn.Linear(hidden_size, 4 * hidden_size)\n"
    "    def forward(self, x, hx):\n"
    "        h, c = hx\n"
    "        i, f, g, o = (self.x2h(x) + self.h2h(h)).chunk(4, 1)\n"
    "        c = c * f.sigmoid() + i.sigmoid() * g.tanh()\n"
    "        h = o.sigmoid() * c.tanh()\n"
    "        return h, c\n"
)
OWN = RNN.replace("MyRNN", "Mine")
NUMPY_MASK = "torch.from_numpy(np.random.rand(*h.shape) < 0.8).to(h)"


@pytest.mark.explained
@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("text", "state", "random"),
    [
        (LSTM_CELL, "h = o.sigmoid() * c.tanh()", "h = nn.functional.dropout(o.sigmoid() * c.tanh(), 0.2)"),
        (LSTM_CELL, "i.sigmoid() * g.tanh()", "i.sigmoid() * nn.functional.dropout(g.tanh(), 0.2)"),
        (OWN, "self.h2h(h)", "self.h2h(nn.functional.dropout(h, 0.5))"),
        (OWN, "self.h2h(h)", "self.h2h(h * (torch.rand_like(h) < 0.8) / 0.8)"),
        (OWN, "self.h2h(h)", "self.h2h(h + 0.1 * torch.randn_like(h))"),
        (OWN, "self.h2h(h)", f"self.h2h(h * {NUMPY_MASK} / 0.8)"),
        (OWN, "torch.zeros(x.shape[1], self.hidden_size)", "torch.randn(x.shape[1], self.hidden_size)"),
    ],
)
def test_it_is_read_as_it_would_be_without(rnncheck: Command, write: Write, text: str, state: str, random: str) -> None:
    cell = ["--cell", "rnn" if text is OWN else "lstm", "--format", "json", "--no-backward", "--paths", "none"]
    write(text, "without.py")
    write("import numpy as np\n" + text.replace(state, random), "with.py")
    without = json.loads(rnncheck("compare", "without.py:Mine", *cell).stdout)
    outcome = rnncheck("compare", "with.py:Mine", "--no-diagnose", *cell)
    facts = json.loads(outcome.stdout)
    assert facts["candidate"]["read_as"] == without["candidate"]["read_as"]
    assert facts["mapping"] == without["mapping"]
    assert "dead-parameter" not in {each["slug"] for each in facts["findings"]}
    assert outcome.code == (0 if "randn(x" in random else 1)  # whose initial state is given
