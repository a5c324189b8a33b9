"""Functions whose weights come in a tuple of any name, or in a dict with dots in its keys; and that take no batch."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from rnncheck import check
from rnncheck.report import Verdict

Array = Any


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def gru_step(x: Array, h: Array, cell: tuple[Array, ...]) -> Array:
    W_r, W_z, W_n, U_r, U_z, U_n = cell
    r, z = sigmoid(W_r @ x + U_r @ h), sigmoid(W_z @ x + U_z @ h)
    return (1 - z) * np.tanh(W_n @ x + r * (U_n @ h)) + z * h


def gru(x: Array, weights: Mapping[str, Array], hidden_size: int = 256) -> Array:
    given, width = weights, hidden_size
    h, states = np.zeros((len(x), width)), []
    for t in range(x.shape[1]):
        of_x = x[:, t] @ given["enc.weight_ih_l0"].T + given["enc.bias_ih_l0"]
        of_h = h @ given["enc.weight_hh_l0"].T + given["enc.bias_hh_l0"]
        r, z = sigmoid(of_x[:, :width] + of_h[:, :width]), sigmoid(of_x + of_h)[:, width : 2 * width]
        h = (1 - z) * np.tanh(of_x[:, 2 * width :] + r * of_h[:, 2 * width :]) + z * h
        states.append(h)
    return np.stack(states, 1)


def columns(x: Array, h: Array, Wx: Array, Wh: Array, b: Array) -> Any:
    """(T, I) without a batch, and a list of columns."""
    states = []
    for t in range(len(x)):
        h = np.tanh(Wx @ x[t].reshape(-1, 1) + Wh @ h + b)
        states.append(h)
    return states


def oddly_called(x: Array, h: Array, params: Mapping[str, Array]) -> Array:
    """A GRU whose biases are called after what they are added to."""
    r = sigmoid(x @ params["Wr"] + h @ params["Ur"] + params["off_r"])
    z = sigmoid(x @ params["Wz"] + h @ params["Uz"] + params["off_z"])
    n = np.tanh(x @ params["Wn"] + params["inner"] + r * (h @ params["Un"] + params["cn"]))
    return (1 - z) * n + z * h


@pytest.mark.parametrize(("function", "bias"), [(gru_step, False), (gru, True), (columns, True), (oddly_called, True)])
def test_they_are_compared(function: Any, bias: bool) -> None:
    report = check(function, cell="rnn" if function is columns else "gru", bias=bias, witness=False)
    assert report.verdict is Verdict.EQUIVALENT
