"""A function that is given its weights as one list, or as attributes, names them, which says what each of them is."""

from collections.abc import Callable
from typing import Any

import pytest
from user_code.sources import HEAD, Write

Command = Callable[..., Any]

GATED = HEAD + (
    "def scan(xs, state, params):\n"
    "    W_xz, W_hz, b_z, W_xr, W_hr, b_r, W_xn, W_hn, b_n, W_hq, b_q = params\n"
    "    h, = state\n"
    "    read = []\n"
    "    for x in xs:\n"
    "        z = torch.sigmoid(x @ W_xz + h @ W_hz + b_z)\n"
    "        r = torch.sigmoid(x @ W_xr + h @ W_hr + b_r)\n"
    "        n = torch.tanh(x @ W_xn + b_n + r * (h @ W_hn))\n"
    "        h = n + z * (h - n)\n"
    "        read.append(h @ W_hq + b_q)\n"
    "    return torch.cat(read), (h,)\n"
)
SIMPLE = HEAD + (
    "def scan(xs, state, params):\n"
    "    (W_xh, W_hh, b_h) = params\n"
    "    hs = []\n"
    "    for x in xs:\n"
    "        state = torch.tanh(x @ W_xh + state @ W_hh + b_h)\n"
    "        hs.append(state)\n"
    "    return torch.stack(hs), state\n"
)
ATTRIBUTES = SIMPLE.replace("    (W_xh, W_hh, b_h) = params\n", "").replace(
    "x @ W_xh + state @ W_hh + b_h", "x @ params.W_xh + state @ params.W_hh + params.b_h"
)


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("text", "cell", "right", "wrong"),
    [
        (GATED, "gru", "z * (h - n)", "(1 - z) * (h - n)"),
        (SIMPLE, "rnn", "torch.tanh(", "torch.relu("),
        (ATTRIBUTES, "rnn", "torch.tanh(", "torch.relu("),
    ],
    ids=["with a head", "without", "as attributes"],
)
def test_it_is_read_and_judged(rnncheck: Command, write: Write, text: str, cell: str, right: str, wrong: str) -> None:
    write(text)
    outcome = rnncheck("compare", "mine.py:scan", "--cell", cell, "-q", "--no-witness")
    assert outcome.code == 0, outcome.stdout + outcome.stderr
    write(text.replace(right, wrong))
    assert rnncheck("compare", "mine.py:scan", "--cell", cell, "-q", "--no-witness").code == 1
