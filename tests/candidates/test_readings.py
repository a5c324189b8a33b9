"""What code accepts decides how it is read; that a reading would give the right numbers does not."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from candidates.sources import HEAD, Write

Command = Callable[..., Any]

BASE = HEAD + (
    "class Base(nn.Module):\n"
    "    def __init__(self, input_size, hidden_size):\n"
    "        super().__init__()\n"
    "        self.hidden_size = hidden_size\n"
    "        self.wx = nn.Linear(input_size, hidden_size)\n"
    "        self.wh = nn.Linear(hidden_size, hidden_size)\n"
)


def layer(
    start: str, state: str = "h", x: str = "x", took: str = "x, h", returned: str = "torch.stack(outs), h"
) -> str:
    return BASE + (
        "class Mine(Base):\n"
        f"    def forward(self, {took}):\n"
        f"        {start}\n"
        "        outs = []\n"
        f"        for xt in {x}:\n"
        f"            h = torch.tanh(self.wx(xt) + self.wh({state}))\n"
        "            outs.append(h)\n"
        f"        return {returned}\n"
    )


FIRST_ROW_FROM_ZEROS = layer("h = torch.zeros(1, self.hidden_size)", "h[:1]", took="x", returned="torch.stack(outs)")
BATCH_FIRST = layer(
    "h = torch.zeros(len(x), self.hidden_size)",
    "h[:1]",
    "x.transpose(0, 1)",
    "x",
    "torch.stack(outs, 1)",
)
CELL = BASE + (
    "class Mine(Base):\n    def forward(self, x, h):\n        return torch.tanh(self.wx(x) + self.wh(h[:1]))\n"
)


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        (FIRST_ROW_FROM_ZEROS, "a layer (x); time first"),
        (layer("pass", "h[:1]"), "a layer (x, h); time first"),
        (layer("pass", "h.mean(0, keepdim=True)"), "a layer (x, h); time first"),
        (BATCH_FIRST, "a layer (x); batch first"),
        (CELL, "a cell (x, h)"),
    ],
    ids=["first row, from zeros", "first row", "mean", "batch first", "cell"],
)
def test_a_layer_that_takes_a_batch_is_not_read_row_by_row(
    rnncheck: Command, write: Write, text: str, read_as: str
) -> None:
    write(text)
    outcome = rnncheck("compare", "mine.py:Mine", "--cell", "rnn", "--format", "json")
    facts = json.loads(outcome.stdout)
    assert outcome.code == 1
    assert facts["candidate"]["read_as"].startswith(read_as)
    assert [each["slug"] for each in facts["findings"]] == ["batch-mixed"]


def test_a_cell_that_moves_with_the_mean_of_its_states_is_a_cell(rnncheck: Command, write: Write) -> None:
    write(CELL.replace("h[:1]", "h - h.mean(0)"))
    outcome = rnncheck("compare", "mine.py:Mine", "--cell", "rnn", "--format", "json", "--no-diagnose")
    assert outcome.code == 1
    assert json.loads(outcome.stdout)["candidate"]["read_as"].startswith("a cell (x, h)")


UNBATCHED = layer("h = torch.zeros(self.hidden_size)", took="x", returned="torch.stack(outs)").replace(
    "self.wx(xt)", "self.wx.bias + self.wx.weight @ xt"
)


def test_what_takes_no_batch_is_run_row_by_row_and_the_verdict_says_so(rnncheck: Command, write: Write) -> None:
    write(UNBATCHED)
    outcome = rnncheck("compare", "mine.py:Mine", "--cell", "rnn")
    assert outcome.code == 0
    assert "(it takes no batch, and was called with one row at a time)" in " ".join(outcome.stdout.split())


def test_what_was_run_row_by_row_might_mix_its_rows_all_the_same(rnncheck: Command, write: Write) -> None:
    write(UNBATCHED)
    witness = json.loads(rnncheck("compare", "mine.py:Mine", "--cell", "rnn", "--format", "json").stdout)["witness"]
    hidden = {each["slug"]: each["why"] for each in witness["hidden"]}
    assert "what it makes of a batch was not seen" in hidden["batch-mixed"]
    assert "what it makes of a batch was not seen" in hidden["batch-time-swapped"]
