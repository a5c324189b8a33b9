"""The faults of a single step do what their names say: each against its equation in a plain loop."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from faults.equations import Array, Given, Step, gru, loop, lstm, rnn, sigmoid
from faults.scenes import scene

from rnncheck.faults.catalogue import by_name, faults_of
from rnncheck.model.spec import Cell, Dtype, Spec

GATES = {Cell.RNN: "h", Cell.LSTM: "ifgo", Cell.GRU: "rzn"}


def assert_is(name: str, cell: Cell, step: Step) -> None:
    spec = Spec(cell, 3, 4, dtype=Dtype.FLOAT64)
    here = scene(spec)
    found = here.run(by_name(name, spec).network(spec)).output.numpy()
    assert np.allclose(found, loop(here, GATES[cell], step), rtol=1e-12, atol=1e-12)


def relu(a: Array) -> Array:
    return np.maximum(a, 0)


def softsign(a: Array) -> Array:
    return a / (1 + np.abs(a))


def linear(a: Array) -> Array:
    return a


def hard_sigmoid(a: Array) -> Array:
    return np.clip(a / 6 + 0.5, 0, 1)


def steep_sigmoid(a: Array) -> Array:
    return np.clip(0.2 * a + 0.5, 0, 1)


def h_for_c(given: Given) -> tuple[Array, Array]:
    return lstm(new_cell=lambda i, f, g, c: f * given.h + i * g)(given)


def norm(a: Array) -> Array:
    return (a - a.mean()) / np.sqrt(a.var() + 1e-5)


def normed(given: Given, gates: str, parts: Callable[[str], Array]) -> dict[str, Array]:
    """The gates' parts, normalised together."""
    return dict(zip(gates, np.split(norm(np.concatenate([parts(gate) for gate in gates])), len(gates)), strict=True))


def lstm_normed(of_cell: Callable[[Array], Array]) -> Step:
    """Both products normalised, and the new cell by `of_cell`."""

    def step(given: Given) -> tuple[Array, Array]:
        p, u = (normed(given, "ifgo", part.__getitem__) for part in (given.p, given.u))
        return lstm(new_cell=lambda i, f, g, c: of_cell(f * c + i * g))(replace(given, p=p, u=u))

    return step


def gru_normed(given: Given) -> tuple[Array, Array]:
    p, u = (normed(given, "rzn", part.__getitem__) for part in (given.p, given.u))
    return gru()(replace(given, p=p, u=u))


def gru_with_one_bias(lost: str) -> Step:
    """Of r and z, which other frameworks give one bias."""

    def step(given: Given) -> tuple[Array, Array]:
        kept = {gate: value * (gate == "n") for gate, value in getattr(given, lost).items()}
        return gru()(replace(given, **{lost: kept}))

    return step


def sum_normed(given: Given) -> tuple[Array, Array]:
    return lstm()(replace(given, **only(normed(given, "ifgo", given.sum))))


def only(sums: dict[str, Array]) -> dict[str, dict[str, Array]]:
    """These sums, and nothing to add to them."""
    zero = {gate: np.zeros_like(value) for gate, value in sums.items()}
    return {"p": sums, "u": zero, "b_ih": zero, "b_hh": zero}


def product(given: Given, gate: str) -> Array:
    return (given.p[gate] + given.b_ih[gate]) * (given.u[gate] + given.b_hh[gate])


def lstm_multiplied(given: Given) -> tuple[Array, Array]:
    return lstm()(replace(given, **only({gate: product(given, gate) for gate in "ifgo"})))


def with_constant(step: Step, gate: str, number: float) -> Step:
    def changed(given: Given) -> tuple[Array, Array]:
        return step(replace(given, b_ih=given.b_ih | {gate: given.b_ih[gate] + number}))

    return changed


def leaky(step: Step, number: float) -> Step:
    def averaged(given: Given) -> tuple[Array, Array]:
        h, c = step(given)
        return number * given.h + (1 - number) * h, c

    return averaged


def c_and_h_taken(given: Given) -> tuple[Array, Array]:
    u = {gate: W @ given.c for gate, W in given.W_hh.items()}
    return lstm()(replace(given, h=given.c, c=given.h, u=u))


def c_and_h_given(given: Given) -> tuple[Array, Array]:
    h, c = lstm()(given)
    return c, h


@pytest.mark.parametrize(
    ("name", "step"),
    {
        "forget-bias-added": lstm(forget_bias=1.0),
        "gate-constant-added": with_constant(lstm(), "i", 1.0),
        "gate-constant-added:o + 1": with_constant(lstm(), "o", 1.0),
        "state-averaged": leaky(lstm(), 0.1),
        "layer-normalised": lstm_normed(lambda c: c),
        "layer-normalised:both products, and c": lstm_normed(norm),
        "layer-normalised:the sum": sum_normed,
        "multiplicative": lstm_multiplied,
        "missing-cell-activation": lstm(new_hidden=lambda o, new, c: o * new),
        "stale-cell-state": lstm(new_hidden=lambda o, new, c: o * np.tanh(c)),
        "coupled-gates:i = 1 - f": lstm(new_cell=lambda i, f, g, c: f * c + (1 - f) * g),
        "coupled-gates:f = 1 - i": lstm(new_cell=lambda i, f, g, c: (1 - i) * c + i * g),
        "gate-ignored:i": lstm(new_cell=lambda i, f, g, c: f * c + g),
        "gate-ignored:f": lstm(new_cell=lambda i, f, g, c: c + i * g),
        "gate-ignored:o": lstm(new_hidden=lambda o, new, c: np.tanh(new)),
        "cell-state-not-carried": lstm(new_cell=lambda i, f, g, c: i * g),
        "cell-state-not-carried:h in its place": h_for_c,
        "initial-state-swapped:at every step": c_and_h_taken,
        "final-state-swapped:h and c, after every step": c_and_h_given,
        "peephole": lstm(peephole=1.0),
        "wrong-equation:c' = f (c + i g)": lstm(new_cell=lambda i, f, g, c: f * (c + i * g)),
        "wrong-equation:c' = (1 - f) c + i g": lstm(new_cell=lambda i, f, g, c: (1 - f) * c + i * g),
        "wrong-equation:h' = tanh(o c')": lstm(new_hidden=lambda o, new, c: np.tanh(o * new)),
        "state-changed:c, before h reads it, through tanh": lstm(new_cell=lambda i, f, g, c: np.tanh(f * c + i * g)),
        "wrong-nonlinearity:g: relu": lstm(g=relu),
        "wrong-nonlinearity:g: linear": lstm(g=linear),
        "wrong-nonlinearity:g and c: relu": lstm(g=relu, new_hidden=lambda o, new, c: o * relu(new)),
        "wrong-nonlinearity:g and c: softsign": lstm(g=softsign, new_hidden=lambda o, new, c: o * softsign(new)),
        "wrong-nonlinearity:g: sigmoid": lstm(g=sigmoid),
        "wrong-nonlinearity:c: sigmoid": lstm(new_hidden=lambda o, new, c: o * sigmoid(new)),
        "wrong-nonlinearity:gates: hard sigmoid": lstm(gate=hard_sigmoid),
        "wrong-nonlinearity:gates: hard sigmoid of slope 0.2": lstm(gate=steep_sigmoid),
        "wrong-nonlinearity:gates: linear": lstm(gate=linear),
        "wrong-nonlinearity:gates: sigmoid(2 a)": lstm(gate=lambda a: sigmoid(2 * a)),
        "wrong-nonlinearity:f: sigmoid(a / 2)": lstm(gate=lambda a: sigmoid(a / 2), of="f"),
        "wrong-nonlinearity:g: tanh(2 a)": lstm(g=lambda a: np.tanh(2 * a)),
        "wrong-nonlinearity:i: hard sigmoid": lstm(gate=hard_sigmoid, of="i"),
        "wrong-nonlinearity:f: relu": lstm(gate=relu, of="f"),
        "wrong-nonlinearity:o: linear": lstm(gate=linear, of="o"),
        "wrong-nonlinearity:o: hard sigmoid of slope 0.2": lstm(gate=steep_sigmoid, of="o"),
        "wrong-nonlinearity:o: softsign": lstm(gate=softsign, of="o"),
    }.items(),
)
def test_lstm(name: str, step: Step) -> None:
    assert_is(name, Cell.LSTM, step)


@pytest.mark.parametrize("cell", [Cell.LSTM, Cell.GRU])
def test_every_gate_may_have_every_other_function_alone_and_together_with_the_others(cell: Cell) -> None:
    variants = {fault.variant for fault in faults_of(Spec(cell)) if fault.slug == "wrong-nonlinearity"}
    gates, squashed = {Cell.LSTM: ("ifo", ["g", "c", "g and c"]), Cell.GRU: ("rz", ["n"])}[cell]
    common = ("relu", "linear", "softsign", "hard sigmoid", "hard sigmoid of slope 0.2")
    wanted = {
        f"{gate}: {name}"
        for gate in (*gates, "gates")
        for name in (*common, "tanh", "sigmoid twice", "sigmoid(2 a)", "sigmoid(a / 2)")
    }
    wanted |= {
        f"{each}: {name}"
        for each in squashed
        for name in (*common, "sigmoid", "tanh twice", "tanh(2 a)", "tanh(a / 2)")
    }
    assert variants == wanted - {"c: linear"}  # which has a name of its own


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
        "gru-reset-over-input": gru(lambda s, r: r * s.sum("n")),
        "gru-bias-inside-reset": gru(lambda s, r: s.p["n"] + r * (s.u["n"] + s.b_ih["n"] + s.b_hh["n"])),
        "gru-update-uneven:z n + z h": gru(mix=lambda n, z, h: z * n + z * h),
        "gate-constant-added": with_constant(gru(), "z", -1.0),
        "layer-normalised": gru_normed,
        "gru-update-inverted": gru(mix=lambda n, z, h: z * n + (1 - z) * h),
        "gate-ignored:r": gru(lambda s, r: s.sum("n")),
        "gate-ignored:z": gru(mix=lambda n, z, h: n),
        "missing-recurrent-bias:n alone": gru(lambda s, r: s.p["n"] + s.b_ih["n"] + r * s.u["n"]),
        "missing-recurrent-bias:r and z alone": gru_with_one_bias("b_hh"),
        "missing-input-bias:r and z alone": gru_with_one_bias("b_ih"),
        "wrong-nonlinearity:n: relu": gru(n=relu),
        "wrong-nonlinearity:n: softsign": gru(n=softsign),
        "wrong-nonlinearity:z: softsign": gru(z_gate=softsign),
        "wrong-nonlinearity:z: hard sigmoid": gru(z_gate=hard_sigmoid),
    }.items(),
)
def test_gru(name: str, step: Step) -> None:
    assert_is(name, Cell.GRU, step)


def rational(a: Array) -> Array:
    return np.clip(a * (15 + a**2) / (15 + 6 * a**2), -1, 1)


@pytest.mark.parametrize(
    ("name", "f"),
    {
        "wrong-nonlinearity:relu": relu,
        "wrong-nonlinearity:sigmoid": sigmoid,
        "wrong-nonlinearity:linear": linear,
        "wrong-nonlinearity:hard sigmoid": hard_sigmoid,
        "wrong-nonlinearity:hard sigmoid of slope 0.2": steep_sigmoid,
        "wrong-nonlinearity:softsign": softsign,
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
        "parameter-scaled": lambda s: (np.tanh(s.sum("h") - s.u["h"] / 2),) * 2,
        "multiplicative": lambda s: (np.tanh(product(s, "h")),) * 2,
        "wrong-equation": lambda s: (np.tanh(s.p["h"] + s.b_ih["h"]) + s.u["h"] + s.b_hh["h"],) * 2,
        "state-changed:h clipped at 0.25": lambda s: (np.tanh(s.sum("h")).clip(-0.25, 0.25),) * 2,
        "multiplicative:product added to the sum": lambda s: (np.tanh(s.sum("h") + s.p["h"] * s.u["h"]),) * 2,
        "layer-normalised": lambda s: (np.tanh(norm(s.p["h"]) + norm(s.u["h"]) + s.b_ih["h"] + s.b_hh["h"]),) * 2,
        "layer-normalised:h": lambda s: (norm(np.tanh(s.sum("h"))),) * 2,
        "recurrent-weight-transposed": lambda s: (np.tanh(s.sum("h") - s.u["h"] + s.h @ s.W_hh["h"]),) * 2,
    }.items(),
)
def test_weights_and_biases_of_an_rnn(name: str, step: Step) -> None:
    assert_is(name, Cell.RNN, step)
