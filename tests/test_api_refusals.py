"""What `check` refuses, with which of its two errors, and in which words."""

import inspect
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rnncheck import CannotRun, RnncheckError, UsageError, check
from rnncheck.implementations.fault import Faulty
from rnncheck.parameters import ACCEPTED, accepted


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cell": "lstmm"}, "cell is 'lstmm'; it must be one of 'rnn', 'lstm', 'gru'"),
        ({"dtype": "float8"}, "dtype is 'float8'"),
        ({"init": "ones"}, "init is 'ones'"),
        ({"h0": "ones"}, "h0 is 'ones'"),
        ({"nonlinearity": "gelu"}, "nonlinearity is 'gelu'"),
        ({"hidden_size": 0}, "hidden_size is 0; it must be at least 1"),
        ({"seed": -1}, "seed is -1; it must be a whole number, at least 0"),
        ({"atol": float("nan")}, "atol is nan"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"lengths": [3, 0]}, "must be whole numbers from 1"),
        ({"strict": True, "witness": False}, "leave one out"),
        ({"data": torch.zeros(2, 1, 3), "seq_len": 2}, "seq_len applies to random sequences only"),
        ({"data": torch.zeros(2, 1, 3), "lengths": [1, 2]}, "data takes 1 whole numbers from 1 to 2"),
        ({"mapping": "mine.toml"}, "are for your own class"),
        (
            {"mapping": "mine.toml", "candidate": Faulty("no-recurrence")},
            "an Implementation, which sets its own weights",
        ),
        ({"candidate": "scrach"}, "did you mean scratch"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_what_no_check_can_have_is_a_usage_error(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as raised:
        check(**options)
    assert said in str(raised.value)


ODD: list[object] = [object(), 2.5, "?", [1], {"a": 1}, True, -1, 10**400, b"none", torch.zeros(2), nn.LSTM(3, 4)]


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_value_of_a_wrong_kind_is_a_usage_error_that_says_what_is_accepted(name: str) -> None:
    said = []
    for value in ODD:
        try:
            accepted({**dict.fromkeys(ACCEPTED), name: value}, set(ACCEPTED) - {name})
        except UsageError as problem:
            said.append(str(problem))
    assert len(said) > len(ODD) / 2
    assert {each.rpartition("; it must be ")[2] for each in said} == {ACCEPTED[name].said}
    with pytest.raises(UsageError, match=f"{name} is 2.5|{name} is 'no'"):
        check(**{name: "no" if name in ("dropout", "weight_scale", "timeout", "read_seconds", "atol", "rtol") else 2.5})


def test_every_parameter_is_in_the_table() -> None:
    assert set(inspect.signature(check).parameters) - set(ACCEPTED) == {"candidate", "against", "data"}


def test_numbers_of_numpy_and_objects_of_torch_are_accepted() -> None:
    report = check(hidden_size=np.int64(5), device=torch.device("cpu"), dtype=torch.float64, witness=False)
    assert (report.spec.hidden_size, report.spec.device, report.spec.dtype) == (5, "cpu", "float64")
    assert type(report.spec.hidden_size) is int


class Sizeless(nn.Module):
    """An instance of it does not say its sizes."""

    def __init__(self, width: int, units: int) -> None:
        super().__init__()
        self.w, self.u = nn.Linear(width, units), nn.Linear(units, units)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        states = []
        for x_t in x:
            h = torch.tanh(self.w(x_t) + self.u(h))
            states.append(h)
        return torch.stack(states)


@pytest.mark.slow
def test_a_layer_that_does_not_say_its_sizes_is_asked_for_them() -> None:
    with pytest.raises(CannotRun, match=r"^the layer .* input_size 3 and hidden_size 4; give the sizes that it has"):
        check(Sizeless(5, 6), cell="rnn")
    assert check(Sizeless(5, 6), cell="rnn", input_size=5, hidden_size=6).verdict == "equivalent"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"data": torch.full((2, 1, 3), torch.nan)}, "data[0, 0, 0] is nan, not a finite number"),
        ({"data": torch.zeros(2)}, "data has the shape (2,)"),
        ({"data": [["a"]]}, "it must be an array of real numbers"),
        ({"data": torch.zeros(2, 1, 3, dtype=torch.complex64)}, "real numbers"),
        ({"data": torch.zeros(2, 1, 3), "input_size": 4}, "data has 3 features and input_size is 4"),
        ({"data": "nowhere.csv"}, "does not exist"),
        ({"weights": {}}, "weights does not fit the rnn asked for"),
        ({"candidate": 3}, "int 3 is not a layer"),
        ({"candidate": "nowhere.py:RNN"}, "does not exist"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_what_cannot_be_used_is_said(options: dict[str, Any], said: str) -> None:
    with pytest.raises(CannotRun) as raised:
        check(**options)
    assert said in str(raised.value)
    assert isinstance(raised.value, RnncheckError)
