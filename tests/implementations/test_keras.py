"""Keras' layers as implementations: they agree with torch or are refused with a reason; wrong layouts are named."""

import os
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from implementations.cases import CASES
from implementations.conformance import RULES, refusal
from torch import Tensor

from rnncheck import extras
from rnncheck.errors import CannotRun, UsageError
from rnncheck.implementations import keras_layers, load
from rnncheck.implementations.keras_layout import from_keras, to_keras
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.weights import draw

needs_keras = pytest.mark.skipif(
    extras.find_spec("keras") is None, reason="keras is not installed: pip install 'rnncheck[keras]'"
)
NAMES = {"keras:GRU": Cell.GRU, "keras:SimpleRNN": Cell.RNN, "keras:LSTM": Cell.LSTM}


@pytest.mark.slow
@needs_keras
@pytest.mark.parametrize("dtype", [Dtype.FLOAT64, Dtype.BFLOAT16, Dtype.FLOAT16, Dtype.FLOAT32])
@pytest.mark.parametrize("name", NAMES)
def test_a_layer_keeps_every_rule_or_says_what_it_lacks(name: str, dtype: Dtype) -> None:
    kept, refused = 0, set()
    for case in (case.at(dtype) for case in CASES if case.spec.cell is NAMES[name]):
        if reason := refusal(load(name), case):
            refused.add(reason)
            continue
        kept += 1
        with torch.no_grad():
            for rule in RULES:
                rule(load(name), case)
    assert kept == {"keras:GRU": 6, "keras:SimpleRNN": 12, "keras:LSTM": 4}[name]
    assert refused == ({"Keras has no projection of h; leave --proj-size out"} if name == "keras:LSTM" else set())


@needs_keras
def test_another_cell_and_another_device_are_refused() -> None:
    assert load("keras:GRU").refuses(Spec(cell=Cell.LSTM)) == "it is the gru cell: add --cell gru"
    assert "not on cuda" in str(load("keras:GRU").refuses(Spec(cell=Cell.GRU, device="cuda")))


def test_what_is_not_installed_is_refused_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(
        CannotRun, match=r"keras:GRU needs keras, which is not installed: pip install 'rnncheck\[keras\]'"
    ):
        load("keras:GRU")


def test_a_class_that_is_not_run_is_a_wrong_command(rnncheck: Callable[..., Any]) -> None:
    outcome = rnncheck("compare", "keras:ConvLSTM2D")
    assert outcome.code == 2
    assert "keras:SimpleRNN, keras:LSTM, keras:GRU, not keras:ConvLSTM2D" in outcome.stderr


@needs_keras
def test_an_argument_that_rnncheck_sets_itself_is_refused() -> None:
    with pytest.raises(
        UsageError, match="--arg stateful cannot be set for keras:GRU; activation, recurrent_activation"
    ):
        load("keras:GRU", {"stateful": True})


@needs_keras
def test_another_backend_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    load("keras:GRU")
    monkeypatch.setattr("keras.backend.backend", lambda: "tensorflow")
    with pytest.raises(CannotRun, match=r"runs on the backend tensorflow here, .* set KERAS_BACKEND=torch"):
        load("keras:GRU")


@pytest.mark.parametrize("cell", Cell)
def test_the_layout_goes_there_and_back(cell: Cell) -> None:
    values = draw(Spec(cell=cell), 0).values
    names = ("kernel", "recurrent_kernel", "bias")
    there = dict(zip(names, to_keras(cell, values, "_l0", apart=cell is Cell.GRU), strict=True))
    back = from_keras(cell, there, "_l0", "the layer")
    assert torch.equal(back["weight_ih_l0"], values["weight_ih_l0"])
    assert torch.equal(back["weight_hh_l0"], values["weight_hh_l0"])
    assert torch.equal(back["bias_ih_l0"] + back["bias_hh_l0"], values["bias_ih_l0"] + values["bias_hh_l0"])
    assert cell is not Cell.GRU or torch.equal(back["bias_hh_l0"], values["bias_hh_l0"])


Layout = Callable[..., list[Tensor]]


def in_torchs_order(cell: Cell, values: Mapping[str, Tensor], suffix: str, *, apart: bool) -> list[Tensor]:
    """torch's gates as they stand, for a layer that reads another order."""
    order = (0, 1, 3, 2) if cell is Cell.LSTM else (0, 1, 2)
    kernel, recurrent, bias = (
        torch.cat([values[f"{name}{suffix}"].chunk(cell.gates)[each] for each in order])
        for name in ("weight_ih", "weight_hh", "bias_ih")
    )
    other = torch.cat([values[f"bias_hh{suffix}"].chunk(cell.gates)[each] for each in order])
    return [kernel.T, recurrent.T, torch.stack([bias, other]) if apart else bias + other]


def untransposed(cell: Cell, values: Mapping[str, Tensor], suffix: str, *, apart: bool) -> list[Tensor]:
    kernel, recurrent, bias = to_keras(cell, values, suffix, apart=apart)
    return [kernel, torch.cat([each.T for each in recurrent.chunk(cell.gates, 1)], 1), bias]


def without_second_bias(cell: Cell, values: Mapping[str, Tensor], suffix: str, *, apart: bool) -> list[Tensor]:
    gone = {name: torch.zeros_like(value) if "bias_hh" in name else value for name, value in values.items()}
    return to_keras(cell, gone, suffix, apart=apart)


WRONG: dict[str, tuple[str, Layout | None, list[str], str]] = {
    "gate order": ("keras:GRU", in_torchs_order, [], "gate-order"),
    "gate order of the LSTM": ("keras:LSTM", in_torchs_order, [], "gate-order"),
    "reset after": ("keras:GRU", None, ["--arg", "reset_after=False"], "gru-reset-before-matmul"),
    "transposed": ("keras:SimpleRNN", untransposed, [], "recurrent-weight-transposed"),
    "one bias": ("keras:LSTM", without_second_bias, [], "missing-recurrent-bias"),
}


@pytest.mark.explained
@needs_keras
@pytest.mark.sample(2)
@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_layout_is_named(what: str, rnncheck: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    name, layout, options, slug = WRONG[what]
    if layout is not None:
        monkeypatch.setattr(keras_layers, "to_keras", layout)
    outcome = rnncheck("compare", name, *options, "--no-witness", "--no-backward")
    assert outcome.code == 1, outcome.stderr
    assert f"  {slug}" in outcome.stdout


@needs_keras
@pytest.mark.slow
def test_a_backward_direction_that_is_not_turned_back_is_named(
    rnncheck: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    load("keras:GRU")  # which imports Keras, with a backend
    monkeypatch.setattr("keras.src.ops.flip", lambda x, axis: x)
    outcome = rnncheck("compare", "keras:GRU", "--bidirectional", "--no-witness", "--no-backward")
    assert outcome.code == 1, outcome.stderr
    assert "  reverse-not-flipped" in outcome.stdout


@needs_keras
def test_a_gru_that_resets_before_is_its_variant(rnncheck: Callable[..., Any]) -> None:
    outcome = rnncheck(
        "compare", "keras:GRU", "--arg", "reset_after=False", "--against", "variant:gru-reset-before", "--no-witness"
    )
    assert outcome.code == 0, outcome.stdout


@needs_keras
def test_the_report_says_what_was_run(rnncheck: Callable[..., Any]) -> None:
    outcome = rnncheck("compare", "keras:LSTM", "--dtype", "float64", "--no-witness", "--format", "json")
    for said in ("Keras 3", "on the torch backend", "recurrent_activation sigmoid", "in float32; rnncheck let it"):
        assert said in outcome.stdout, said


@needs_keras
@pytest.mark.slow
def test_it_runs_on_jax_where_the_user_chose_that(process: Callable[..., Any]) -> None:
    pytest.importorskip("jax", reason="jax is not installed: pip install 'rnncheck[jax]'")
    options = ["--bidirectional", "--lengths", "7,5,2", "--seq-len", "7", "--no-witness"]
    started = process("compare", "keras:LSTM", *options, env=os.environ | {"KERAS_BACKEND": "jax"})
    stdout, stderr = started.communicate()
    assert started.returncode == 0, stdout + stderr
    assert "on the jax backend" in stdout
