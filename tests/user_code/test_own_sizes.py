"""Sizes that nobody gave follow the code of a class; those that were given do not change."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.errors import CannotRun

Command, Write = Callable[..., Any], Callable[[str], Path]

CLASSES = """
import torch
from torch import nn


class Encoder(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.embedding = nn.Embedding(input_size, hidden_size)
        self.gru = nn.GRU(hidden_size, hidden_size, batch_first=True)

    def forward(self, ids):
        return self.gru(self.embedding(ids))


class Forecaster(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(5, 7, num_layers=2)
        self.head = nn.Linear(7, 1)

    def forward(self, x):
        output, _ = self.lstm(x)
        return self.head(output)
"""


@pytest.fixture
def written(write: Write) -> Path:
    return write(CLASSES)


def test_both_sizes_are_equal_where_the_code_needs_that(written: Path, rnncheck: Command) -> None:
    outcome = rnncheck("compare", "mine.py:Encoder", "--no-witness", "--paths", "none")
    assert outcome.code == 0
    assert "sizes that this code allows were used: --input-size 4" in outcome.stdout
    assert outcome.stdout.count("--input-size 4") == 2  # the note, and the command that repeats it


@pytest.mark.slow
def test_sizes_and_layers_that_the_code_fixes_are_used(written: Path, rnncheck: Command) -> None:
    outcome = rnncheck("compare", "mine.py:Forecaster", "--no-witness", "--paths", "none")
    assert outcome.code == 0
    assert "--hidden-size 7" in outcome.stdout
    assert "--input-size 5" in outcome.stdout


def test_a_size_that_was_given_does_not_change(written: Path, rnncheck: Command) -> None:
    outcome = rnncheck("compare", "mine.py:Encoder", "--input-size", "3")  # the default, but given
    assert outcome.code == 4
    assert "add --input-size 4" in outcome.stderr


@pytest.fixture
def data(tmp_path: Path) -> str:
    (tmp_path / "data.csv").write_text("a,b\n" + "".join(f"{0.1 * t},{0.3 - 0.05 * t}\n" for t in range(9)))
    return "data.csv"


def test_the_hidden_size_follows_the_columns_of_data(written: Path, data: str, rnncheck: Command) -> None:
    outcome = rnncheck("run", data, "mine.py:Encoder", "--no-witness", "--paths", "none")
    assert outcome.code == 0
    assert "sizes that this code allows were used: --hidden-size 2" in outcome.stdout


@pytest.mark.slow
def test_beside_data_and_a_hidden_size_the_way_out_is_that_of_the_data(
    written: Path, data: str, rnncheck: Command
) -> None:
    outcome = rnncheck("run", data, "mine.py:Encoder", "--hidden-size", "6")
    assert outcome.code == 4
    assert "as wide as its hidden state; set --hidden-size 2" in outcome.stderr
    assert "The data has 2 columns, and they are the input size" in outcome.stderr
    assert "add --input-size" not in outcome.stderr


@pytest.mark.slow
def test_columns_that_the_code_does_not_read_are_told(written: Path, data: str, rnncheck: Command) -> None:
    outcome = rnncheck("run", data, "mine.py:Forecaster", "--hidden-size", "7", "--num-layers", "2")
    assert outcome.code == 4
    assert "data has 2 columns" in outcome.stderr


class Needy(nn.Module):
    """Reads five features and then fails, whatever it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.RNN(5, 7)

    def forward(self, x: Tensor) -> Tensor:
        self.rnn(x)
        raise RuntimeError("out of order")


@pytest.mark.slow
def test_what_fails_with_its_own_sizes_is_told_with_them() -> None:
    with pytest.raises(CannotRun, match="This was tried with --input-size 5") as refused:
        check(Needy, witness=False)
    assert "out of order" in str(refused.value)


def test_an_instance_has_its_own_sizes() -> None:
    layer = nn.Sequential(nn.GRU(3, 6))
    layer.hidden_size = 6  # type: ignore[assignment]
    report = check(layer, cell="gru", witness=False, paths="none")
    assert (report.verdict, report.spec.hidden_size) == ("equivalent", 6)
    assert torch.is_grad_enabled()
