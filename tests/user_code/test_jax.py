"""Layers in jax: read, mapped and judged as those in torch are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

for package in ("jax", "flax", "equinox"):
    pytest.importorskip(package, reason=f"{package} is not installed: pip install 'rnncheck[jax]'")

import jax  # noqa: E402
from jax import numpy as jnp  # noqa: E402

from rnncheck.user_code.jax_code import framework, in_jax, uncompiled  # noqa: E402

EXAMPLES = Path(__file__).parents[2] / "examples" / "jax"
FAST = ("--no-witness", "--quiet")

LEAKS = """
from flax import nnx

class LeakyGRU(nnx.Module):
    def __init__(self, in_features, hidden_features, *, rngs):
        self.rnn = nnx.RNN(nnx.GRUCell(in_features, hidden_features, rngs=rngs), return_carry=True)
        self.kept = nnx.BatchStat(None)
        self.kept.value = rngs.params.normal((1, hidden_features)) * 0

    def __call__(self, x, carry):
        carry, y = self.rnn(x, initial_carry=carry + self.kept)
        self.kept.value = carry[:1]
        return carry, y
"""
FAULTY = """
import equinox
import jax, jax.numpy as jnp
from flax import linen

class LinearCell(linen.RNNCellBase):
    features: int

    @linen.compact
    def __call__(self, carry, x):
        c, h = carry
        dense = lambda gate: linen.Dense(self.features, name=f"i{gate}")(x) + linen.Dense(
            self.features, name=f"h{gate}", use_bias=False)(h)
        i, f, o = (linen.sigmoid(dense(gate)) for gate in "ifo")
        c = f * c + i * jnp.tanh(dense("g"))
        h = o * c
        return (c, h), h

def gru(params, x, h):
    W_h, size = params["W_h"], h.shape[-1]
    def step(h, x_t):
        of_x = x_t @ params["W_x"] + params["b"]
        r, z = jnp.split(jax.nn.sigmoid(of_x[:, :2 * size] + h @ W_h[:, :2 * size]), 2, -1)
        n = jnp.tanh(of_x[:, 2 * size:] + (r * h) @ W_h[:, 2 * size:])
        h = (1 - z) * n + z * h
        return h, h
    return jax.lax.scan(step, h, x)

def cell(params, h, x):
    z = jax.nn.sigmoid(params["W_z"] @ x + params["U_z"] @ h + params["b_z"])
    r = jax.nn.sigmoid(params["W_r"] @ x + params["U_r"] @ h + params["b_r"])
    n = jnp.tanh(params["W_h"] @ x + params["U_h"] @ (r * h) + params["b_h"])
    return (1 - z) * n + z * h

def scanned(params, h, x):
    return jax.lax.scan(lambda h, x_t: (cell(params, h, x_t),) * 2, h, x)

class Keywords(equinox.Module):
    cell: equinox.nn.GRUCell

    def __init__(self, **keywords):
        self.cell = equinox.nn.GRUCell(**keywords)

    def __call__(self, x, h):
        return self.cell(x, h)

class DroppingGRU(linen.Module):
    features: int

    @linen.compact
    def __call__(self, x, carry, train: bool):
        carry, y = linen.RNN(linen.GRUCell(self.features), return_carry=True)(x, initial_carry=carry)
        return carry, linen.Dropout(0.5, deterministic=not train)(y)

class Plain:
    def __init__(self, input_size, hidden_size):
        self.W, self.U = jnp.ones((input_size, hidden_size)), jnp.ones((hidden_size, hidden_size))

    def __call__(self, x, h):
        return jnp.tanh(x @ self.W + h @ self.U)

class Raises(linen.Module):
    features: int

    @linen.compact
    def __call__(self, x):
        y = linen.RNN(linen.SimpleCell(self.features))(x)
        return y @ jnp.zeros((99, 99))
"""


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("functions.py:lstm", 0, "computes the same LSTM"),
        ("flax_lstm.py:MyLSTM", 0, "it takes (c, h), it returns (state, output), it returns (c, h)"),
        ("flax_lstm.py:HaikuLSTM", 1, "forget-bias-added"),
        ("equinox_gru.py:MyGRU", 0, "it takes no batch"),
        ("nnx_lstm.py:MyLSTM", 0, "it takes (c, h)"),
    ],
)
def test_an_example_is_judged(rnncheck: Callable[..., Any], name: str, code: int, said: str) -> None:
    outcome = rnncheck("compare", EXAMPLES / name, *FAST)
    assert outcome.code == code, outcome.stdout + outcome.stderr
    assert said in outcome.stdout


@pytest.mark.slow
def test_weights_of_flax_are_turned_into_torchs(rnncheck: Callable[..., Any], tmp_path: Path) -> None:
    own, saved = EXAMPLES / "flax_lstm.safetensors", tmp_path / "torch.safetensors"
    outcome = rnncheck("compare", EXAMPLES / "flax_lstm.py:MyLSTM", "--weights", own, "--save-weights", saved, *FAST)
    assert outcome.code == 0, outcome.stderr
    layer = torch.nn.LSTM(3, 4)
    layer.load_state_dict(load_file(saved))
    i, g, f, o = load_file(own)["of_h"].t().chunk(4)
    assert torch.equal(layer.weight_hh_l0, torch.cat([i, f, g, o]))


@pytest.mark.slow
@pytest.mark.paths
@pytest.mark.parametrize(
    ("source", "name", "cell", "code", "said"),
    [
        (FAULTY, "LinearCell", "lstm", 1, "missing-cell-activation"),
        (FAULTY, "gru", "gru", 1, "gru-reset-before-matmul"),
        (FAULTY, "scanned", "gru", 1, "gru-reset-before-matmul"),
        (FAULTY, "Keywords", "gru", 0, "computes the same GRU"),
        (FAULTY, "DroppingGRU", "gru", 0, "computes the same GRU"),
        (FAULTY, "Plain", "rnn", 4, "make it a module, or a function that takes them"),
        (LEAKS, "LeakyGRU", "gru", 1, "state-leaks-between-calls"),
        (FAULTY, "Raises", "rnn", 4, "mine.py:68 in __call__"),
    ],
)
def test_other_layers_are_judged(
    rnncheck: Callable[..., Any], tmp_path: Path, source: str, name: str, cell: str, code: int, said: str
) -> None:
    (tmp_path / "mine.py").write_text(source)
    outcome = rnncheck("compare", f"{tmp_path / 'mine.py'}:{name}", "--cell", cell, *FAST)
    assert outcome.code == code, outcome.stdout + outcome.stderr
    assert said in outcome.stdout + outcome.stderr


def test_no_wrapper_in_torch_is_written_around_a_layer_in_jax(rnncheck: Callable[..., Any]) -> None:
    outcome = rnncheck("adapt", EXAMPLES / "functions.py:lstm")
    assert outcome.code == 4
    assert "is in jax, and rnncheck writes wrappers in torch and numpy" in outcome.stderr
    assert "examples/jax has some" in outcome.stderr


def test_frameworks_are_told_by_their_bases() -> None:
    import equinox
    from flax import linen, nnx

    class Mine(linen.Module): ...

    assert [framework(each) for each in (Mine, Mine(), nnx.Linear, equinox.nn.GRUCell)] == [
        "linen",
        "linen",
        "nnx",
        "equinox",
    ]
    assert framework(torch.nn.LSTM) is None


def helper(x: Any) -> Any:
    return jnp.tanh(x)


def test_functions_in_jax_are_told_by_what_they_name_and_call() -> None:
    compiled = jax.jit(helper)
    assert uncompiled(compiled) is helper
    assert in_jax(helper)
    assert in_jax(lambda x: [helper(each) for each in x])
    assert not in_jax(lambda x: torch.tanh(x))
    assert not in_jax(lambda x: x + 1)


ATTRIBUTES = """
from typing import NamedTuple
import jax, jax.numpy as jnp

class Held(NamedTuple):
    W_x: jnp.ndarray
    W_h: jnp.ndarray
    b: jnp.ndarray

def scan(params: Held, x, h0):
    def step(h, x_t):
        h = jnp.tanh(x_t @ params.W_x + h @ params.W_h + params.b)
        return h, h
    last, output = jax.lax.scan(step, h0, x)
    return output, last
"""


@pytest.mark.slow
def test_weights_may_be_attributes(rnncheck: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(ATTRIBUTES)
    outcome = rnncheck(
        "compare", f"{tmp_path / 'mine.py'}:scan", "--cell", "rnn", "--no-backward", "--paths", "none", *FAST
    )
    assert outcome.code == 0, outcome.stdout + outcome.stderr


KEYED = """
import equinox
import jax, jax.numpy as jnp

class KeyedLSTM(equinox.Module):
    cell: equinox.nn.LSTMCell
    dropout: equinox.nn.Dropout
    late: bool

    def __init__(self, in_size: int, hidden_size: int, late: bool = False, *, key):
        self.cell = equinox.nn.LSTMCell(in_size, hidden_size, key=key)
        self.dropout, self.late = equinox.nn.Dropout(0.5), late

    def __call__(self, x, key):
        def step(state, x_t):
            after = self.cell(x_t, state)
            return after, (state if self.late else after)[0]
        zeros = jnp.zeros(self.cell.hidden_size)
        return self.dropout(jax.lax.scan(step, (zeros, zeros), x)[1], key=key)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("late", "code"), [(False, 0), (True, 1)])
def test_a_key_in_a_call_is_no_state(rnncheck: Callable[..., Any], tmp_path: Path, late: bool, code: int) -> None:
    (tmp_path / "keyed.py").write_text(KEYED)
    outcome = rnncheck("compare", f"{tmp_path}/keyed.py:KeyedLSTM", "--arg", f"late={late}", "--no-diagnose", *FAST)
    assert outcome.code == code
