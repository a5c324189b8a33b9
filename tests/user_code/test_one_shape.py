"""Layers that run at one number of timesteps and rows alone, as written into them or told to a constructor."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from user_code.sources import HEAD, Write

Command = Callable[..., Any]

IMAGES = HEAD + (
    "class Net(nn.Module):\n"
    "    def __init__(self):\n"
    "        super().__init__()\n"
    "        self.rnn = nn.LSTM(26, 8, batch_first=True)\n"
    "        self.norm = nn.BatchNorm1d(8)\n"
    "        self.head = nn.Linear(8, 3)\n"
    "    def forward(self, images):\n"
    "        rows = images.reshape(-1, 26, 26)\n"
    "        output, _ = self.rnn(rows)\n"
    "        return self.head(self.norm(output[:, -1]))\n"
)
SHAPE = ("--input-size", "26", "--hidden-size", "8", "--seq-len", "26", "--batch-size", "3")


@pytest.mark.slow
def test_images_read_row_by_row_with_a_norm_and_a_head_on_top(rnncheck: Command, write: Write) -> None:
    write(IMAGES)
    outcome = rnncheck("compare", "mine.py", *SHAPE, "--format", "json", "--no-witness")
    assert outcome.code == 0, outcome.stdout + outcome.stderr
    compared = {(each["mode"], each["quantity"]) for each in json.loads(outcome.stdout)["comparisons"]}
    assert ("backward", "grad weight_hh_l0") in compared  # of the whole run, as it takes no part of it
    write(IMAGES.replace("self.rnn(rows)", "self.rnn(rows.flip(1))"))
    assert rnncheck("compare", "mine.py", *SHAPE, "--no-diagnose").code == 1
