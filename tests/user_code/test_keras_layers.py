"""The user's own layers, cells and models of Keras: built, read and mapped as those of torch."""

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from rnncheck.api import check
from rnncheck.implementations import load
from rnncheck.model.spec import Cell, Spec

pytestmark = pytest.mark.skipif(
    find_spec("keras") is None, reason="keras is not installed: pip install 'rnncheck[keras]'"
)
FAST = ("--no-witness", "--no-diagnose", "--no-backward")
SOURCE = '''
import keras
from keras import ops


class GRUCell(keras.layers.Layer):
    inverted = False

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units

    def build(self, input_shape):
        self.of_x = self.add_weight(shape=(input_shape[-1], 3 * self.units), name="of_x")
        self.of_h = self.add_weight(shape=(self.units, 3 * self.units), name="of_h")
        self.bias = self.add_weight(shape=(2, 3 * self.units), initializer="zeros", name="bias")

    def call(self, inputs, states):
        (h,) = states
        x_z, x_r, x_n = ops.split(ops.matmul(inputs, self.of_x) + self.bias[0], 3, axis=-1)
        h_z, h_r, h_n = ops.split(ops.matmul(h, self.of_h) + self.bias[1], 3, axis=-1)
        z, r = ops.sigmoid(x_z + h_z), ops.sigmoid(x_r + h_r)
        n = ops.tanh(x_n + r * h_n)
        z = 1 - z if self.inverted else z
        h = z * h + (1 - z) * n
        return h, [h]


class InvertedGRUCell(GRUCell):
    inverted = True


class Elman(keras.layers.Layer):
    def __init__(self, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.of_x, self.of_h = keras.layers.Dense(hidden_size), keras.layers.Dense(hidden_size, use_bias=False)

    def call(self, x, initial_state=None):
        h = ops.zeros((x.shape[0], self.hidden_size)) if initial_state is None else initial_state
        every = []
        for t in range(x.shape[1]):
            h = ops.tanh(self.of_x(x[:, t]) + self.of_h(h))
            every.append(h)
        return ops.stack(every, axis=1), h


class Remembering(GRUCell):
    """Which adds something of the last call to the next."""

    last = 0.0

    def call(self, inputs, states):
        h, _ = super().call(inputs, states)
        h, self.last = h + 0.1 * self.last, ops.mean(h)
        return h, [h]


class MyLSTM(keras.layers.LSTM):
    pass


def both_ways(units):
    return keras.layers.Bidirectional(keras.layers.LSTM(units))


def model(units, features):
    return keras.Sequential([keras.Input((None, features)), keras.layers.GRU(units), keras.layers.Dense(2)])


def two_layers(units):
    return keras.Sequential([keras.layers.GRU(units, return_sequences=True), keras.layers.GRU(units)])


lstm = keras.layers.LSTM(4)
'''


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "own.py"
    path.write_text(SOURCE)
    return path


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("called", "options", "held"),
    [
        ("GRUCell", [], ["weight_ih_l0[z,r,n].T", "weight_hh_l0[z,r,n].T"]),
        ("Elman", [], ["of_x/kernel", "of_h/kernel", "bias_ih_l0 + bias_hh_l0"]),
        pytest.param("MyLSTM", ["--lengths", "3,12,7"], ["recurrent_kernel"], marks=pytest.mark.slow),
        pytest.param("MyLSTM", ["--dtype", "float16"], ["recurrent_kernel"], marks=pytest.mark.slow),
        pytest.param("both_ways", ["--bidirectional"], ["weight_hh_l0_reverse.T"], marks=pytest.mark.slow),
        pytest.param("model", [], ["weight_hh_l0[z,r,n].T"], marks=pytest.mark.slow),
        pytest.param("lstm", [], ["recurrent_kernel"], marks=pytest.mark.slow),
    ],
)
def test_a_right_layer_is_mapped_and_equivalent(
    called: str, options: list[str], held: list[str], source: Path, rnncheck: Callable[..., Any]
) -> None:
    outcome = rnncheck("compare", f"{source}:{called}", *options, *FAST, "-v")
    assert outcome.code == 0, outcome.stdout + outcome.stderr
    for each in (*held, "it runs on Keras 3"):
        assert each in outcome.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("called", "slug"), [("InvertedGRUCell", "gru-update-inverted"), ("Remembering", "state-leaks-between-calls")]
)
def test_a_wrong_layer_is_named(called: str, slug: str, source: Path, rnncheck: Callable[..., Any]) -> None:
    outcome = rnncheck("compare", f"{source}:{called}", "--no-witness", "--no-backward", "--cell", "gru")
    assert outcome.code == 1, outcome.stdout + outcome.stderr
    assert slug in outcome.stdout


@pytest.mark.slow
@pytest.mark.paths
def test_it_keeps_its_equations_however_it_is_used(source: Path, rnncheck: Callable[..., Any]) -> None:
    outcome = rnncheck("compare", f"{source}:GRUCell", "--no-witness", "--paths", "all", "-v")
    assert outcome.code == 0, outcome.stdout + outcome.stderr


def test_a_model_with_several_recurrent_layers_names_them(source: Path, rnncheck: Callable[..., Any]) -> None:
    outcome = rnncheck("compare", f"{source}:two_layers", "--cell", "gru", *FAST)
    assert outcome.code == 4
    assert "a model of Keras with 2 recurrent layers, gru" in outcome.stderr


@pytest.mark.slow
def test_an_object_of_the_users_stays_as_it_was() -> None:
    load("keras:LSTM")
    import keras

    layer = keras.layers.LSTM(4)
    x = torch.randn(2, 5, 3)
    before, dtype = layer(x), layer.dtype_policy.name
    report = check(layer, cell="lstm", dtype="float64", witness=False, diagnose=False, backward=False)
    assert report.exit_code == 0
    assert torch.equal(layer(x), before)
    assert (layer.dtype_policy.name, layer.return_sequences, layer.variables[0].dtype) == (dtype, False, "float32")


@pytest.mark.slow
def test_a_layer_runs_on_jax(source: Path, process: Callable[..., Any]) -> None:
    pytest.importorskip("jax", reason="jax is not installed: pip install 'rnncheck[jax]'")
    started = process("compare", f"{source}:GRUCell", *FAST, "-v", env=os.environ | {"KERAS_BACKEND": "jax"})
    stdout, stderr = started.communicate()
    assert started.returncode == 0, stdout + stderr
    assert "on the jax backend" in stdout


def test_a_file_that_imports_keras_gets_the_torch_backend(source: Path) -> None:
    assert load(f"{source}:MyLSTM").refuses(Spec(cell=Cell.LSTM)) is None


PORT = """
import keras
import numpy as np


class MyGRU(keras.layers.GRU):
    order = {order}

    def load_torch_weights(self, state_dict):
        def ordered(name):
            return np.concatenate([np.split(state_dict[name].numpy(), 3)[each] for each in self.order])

        w, r, b_i, b_h = map(ordered, ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"))
        self.set_weights([w.T, r.T, np.stack([b_i, {second}])])
"""
PORTS = {
    "right": ("[1, 0, 2]", "b_h", None),
    "gate order": ("[0, 1, 2]", "b_h", "gate-order"),
    "b_hn outside": (
        "[1, 0, 2]",
        "0 * b_h])])\n        self.set_weights([w.T, r.T, np.stack([b_i + b_h, 0 * b_h",
        "gru-bias-outside-reset",
    ),
}


@pytest.mark.sample(1)
@pytest.mark.explained
@pytest.mark.parametrize("port", PORTS)
def test_a_port_loads_the_weights_of_torch_by_the_methods_of_keras(port: str, tmp_path: Path) -> None:
    order, second, fault = PORTS[port]
    (tmp_path / "port.py").write_text(PORT.format(order=order, second=second))
    report = check(
        f"{tmp_path / 'port.py'}:MyGRU", witness=False, paths="none", dtype="float64" if fault is None else "float32"
    )
    assert report.exit_code == (0 if fault is None else 1)
    assert [each.slug for each in report.findings] == ([] if fault is None else [fault])


@pytest.mark.slow
def test_a_layer_with_its_gradients_runs_on_jax(tmp_path: Path, process: Callable[..., Any]) -> None:
    pytest.importorskip("jax", reason="jax is not installed: pip install 'rnncheck[jax]'")
    (tmp_path / "own.py").write_text("import keras\n\n\nclass MyRNN(keras.layers.SimpleRNN):\n    pass\n")
    arguments = ("compare", f"{tmp_path / 'own.py'}:MyRNN", "--no-witness", "--paths", "none", "--quiet")
    started = process(*arguments, env=os.environ | {"KERAS_BACKEND": "jax"})
    stdout, stderr = started.communicate(timeout=120)
    assert started.returncode == 0, stderr
    assert "equivalent" in stdout
