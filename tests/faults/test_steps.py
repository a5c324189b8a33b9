"""The faults of a single step do what their names say: each against its equation in a plain loop."""

from collections.abc import Callable

import numpy as np
import pytest
from faults.equations import Array, Given, Step, gru, loop, lstm, rnn, sigmoid
from faults.scenes import scene

from rnncheck.faults.catalogue import by_name
from rnncheck.spec import Cell, Dtype, Spec

GATES = {Cell.RNN: "h", Cell.LSTM: "ifgo", Cell.GRU: "rzn"}


def assert_is(name: str, cell: Cell, step: Step) -> None:
    spec = Spec(cell, 3, 4, dtype=Dtype.FLOAT64)
    here = scene(spec)
    found = here.run(by_name(name, spec).network(spec)).output.numpy()
    assert np.allclose(found, loop(here, GATES[cell], step), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "step"),
    {
        "forget-bias-added": lstm(forget_bias=1.0),
        "missing-cell-activation": lstm(new_hidden=lambda o, new, c: o * new),
        "stale-cell-state": lstm(new_hidden=lambda o, new, c: o * np.tanh(c)),
        "coupled-gates:i = 1 - f": lstm(new_cell=lambda i, f, g, c: f * c + (1 - f) * g),
        "coupled-gates:f = 1 - i": lstm(new_cell=lambda i, f, g, c: (1 - i) * c + i * g),
        "gate-ignored:i": lstm(new_cell=lambda i, f, g, c: f * c + g),
        "gate-ignored:f": lstm(new_cell=lambda i, f, g, c: c + i * g),
        "gate-ignored:o": lstm(new_hidden=lambda o, new, c: np.tanh(new)),
        "cell-state-not-carried": lstm(new_cell=lambda i, f, g, c: i * g),
        "peephole": lstm(peephole=1.0),
        "wrong-nonlinearity:g: relu": lstm(g=lambda a: np.maximum(a, 0)),
        "wrong-nonlinearity:g: linear": lstm(g=lambda a: a),
        "wrong-nonlinearity:g: sigmoid": lstm(g=sigmoid),
        "wrong-nonlinearity:c: sigmoid": lstm(new_hidden=lambda o, new, c: o * sigmoid(new)),
        "wrong-nonlinearity:gates: hard sigmoid": lstm(gate=lambda a: np.clip(a / 6 + 0.5, 0, 1)),
        "wrong-nonlinearity:gates: hard sigmoid of slope 0.2": lstm(gate=lambda a: np.clip(0.2 * a + 0.5, 0, 1)),
    }.items(),
)
def test_lstm(name: str, step: Step) -> None:
    assert_is(name, Cell.LSTM, step)


def reset_before(given: Given, r: Array) -> Array:
    return given.p["n"] + given.b_ih["n"] + given.W_hh["n"] @ (r * given.h) + given.b_hh["n"]


def all_reset(given: Given, r: Array) -> Array:
    return given.p["n"] + given.b_ih["n"] + given.W_hh["n"] @ (r * given.h) + r * given.b_hh["n"]


def bias_outside(given: Given, r: Array) -> Array:
    return given.p["n"] + given.b_ih["n"] + given.b_hh["n"] + r * given.u["n"]


@pytest.mark.parametrize(
    ("name", "step"),
    {
        "gru-reset-before-matmul": gru(reset_before),
        "gru-reset-before-matmul:b_hn reset too": gru(all_reset),
        "gru-bias-outside-reset": gru(bias_outside),
        "gru-update-inverted": gru(mix=lambda n, z, h: z * n + (1 - z) * h),
        "gate-ignored:r": gru(lambda s, r: s.sum("n")),
        "gate-ignored:z": gru(mix=lambda n, z, h: n),
        "missing-recurrent-bias:n alone": gru(lambda s, r: s.p["n"] + s.b_ih["n"] + r * s.u["n"]),
        "wrong-nonlinearity:n: relu": gru(n=lambda a: np.maximum(a, 0)),
    }.items(),
)
def test_gru(name: str, step: Step) -> None:
    assert_is(name, Cell.GRU, step)


def rational(a: Array) -> Array:
    return np.clip(a * (15 + a**2) / (15 + 6 * a**2), -1, 1)


@pytest.mark.parametrize(
    ("name", "f"),
    {
        "wrong-nonlinearity:relu": lambda a: np.maximum(a, 0),
        "wrong-nonlinearity:sigmoid": sigmoid,
        "wrong-nonlinearity:linear": lambda a: a,
        "wrong-nonlinearity:hard sigmoid": lambda a: np.clip(a / 6 + 0.5, 0, 1),
        "wrong-nonlinearity:hard sigmoid of slope 0.2": lambda a: np.clip(0.2 * a + 0.5, 0, 1),
        "wrong-nonlinearity:softsign": lambda a: a / (1 + np.abs(a)),
        "wrong-nonlinearity:hard tanh": lambda a: np.clip(a, -1, 1),
        "wrong-nonlinearity:leaky relu": lambda a: np.where(a > 0, a, 0.01 * a),
        "approximate-activation:rational": rational,
        "approximate-activation:11 bits": lambda a: np.tanh(a).astype(np.float16).astype(float),
    }.items(),
)
def test_rnn(name: str, f: Callable[[Array], Array]) -> None:
    assert_is(name, Cell.RNN, rnn(f))


@pytest.mark.parametrize(
    ("name", "step"),
    {
        "no-recurrence": lambda s: (np.tanh(s.p["h"] + s.b_ih["h"] + s.b_hh["h"]),) * 2,
        "missing-input-bias": lambda s: (np.tanh(s.p["h"] + s.u["h"] + s.b_hh["h"]),) * 2,
        "missing-recurrent-bias": lambda s: (np.tanh(s.p["h"] + s.u["h"] + s.b_ih["h"]),) * 2,
        "missing-bias": lambda s: (np.tanh(s.p["h"] + s.u["h"]),) * 2,
        "bias-counted-twice": lambda s: (np.tanh(s.sum("h") + s.b_ih["h"] + s.b_hh["h"]),) * 2,
        "bias-counted-twice:b_ih": lambda s: (np.tanh(s.sum("h") + s.b_ih["h"]),) * 2,
        "bias-counted-twice:b_hh for both": lambda s: (np.tanh(s.p["h"] + s.u["h"] + 2 * s.b_hh["h"]),) * 2,
        "scalar-bias": lambda s: (np.tanh(s.p["h"] + s.u["h"] + s.b_ih["h"][0] + s.b_hh["h"][0]),) * 2,
        "recurrent-weight-transposed": lambda s: (np.tanh(s.sum("h") - s.u["h"] + s.h @ s.W_hh["h"]),) * 2,
    }.items(),
)
def test_weights_and_biases_of_an_rnn(name: str, step: Step) -> None:
    assert_is(name, Cell.RNN, step)
