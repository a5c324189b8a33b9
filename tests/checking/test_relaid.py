"""How weights became others is named; biases that only meet in a sum are compared by their sum."""

import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch import Tensor

from rnncheck import check
from rnncheck.checking.relaid import differing, relaid
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.weights import draw
from rnncheck.report import Verdict

Tensors = dict[str, Tensor]


def weights(spec: Spec) -> Tensors:
    return draw(spec, 3).cast(spec)


def gates(value: Tensor, *order: int) -> Tensor:
    blocks = value.chunk(len(order))
    return torch.cat([blocks[each] for each in order])


def in_order(*order: int) -> Callable[[Tensors], Tensors]:
    return lambda given: {name: gates(value, *order) for name, value in given.items()}


def but(name: str, change: Callable[[Tensors], Tensor]) -> Callable[[Tensors], Tensors]:
    return lambda given: {**given, name: change(given)}


WAYS: dict[str, tuple[str, Callable[[Tensors], Tensors], list[str]]] = {
    "gates in Keras' order": ("gru", in_order(1, 0, 2), ["gate-order"]),
    "gates in ONNX's order": ("lstm", in_order(0, 3, 1, 2), ["gate-order"]),
    "gates of one tensor": ("lstm", but("bias_hh_l0", lambda w: gates(w["bias_hh_l0"], 0, 2, 1, 3)), ["gate-order"]),
    "not transposed": (
        "lstm",
        but("weight_hh_l0", lambda w: torch.cat([each.t() for each in w["weight_hh_l0"].chunk(4)])),
        ["recurrent-weight-transposed"],
    ),
    "reshaped": (
        "gru",
        but("weight_ih_l0", lambda w: w["weight_ih_l0"].t().reshape(12, 3)),
        ["input-weight-transposed"],
    ),
    "one bias": ("rnn", but("bias_ih_l0", lambda w: 0 * w["bias_ih_l0"]), ["missing-input-bias"]),
    "both biases twice": (
        "lstm",
        lambda w: {
            **w,
            "bias_ih_l0": w["bias_ih_l0"] + w["bias_hh_l0"],
            "bias_hh_l0": w["bias_ih_l0"] + w["bias_hh_l0"],
        },
        ["bias-counted-twice"],
    ),
    "rounded": ("lstm", but("weight_ih_l0", lambda w: w["weight_ih_l0"].half().float()), ["low-precision-compute"]),
    "1 - z": (
        "gru",
        lambda w: {name: torch.cat([r, -z, n]) for name, (r, z, n) in ((a, b.chunk(3)) for a, b in w.items())},
        ["gru-update-inverted"],
    ),
    "two of them": (
        "gru",
        lambda w: {**in_order(1, 0, 2)(w), "bias_hh_l0": 0 * w["bias_hh_l0"]},
        ["gate-order", "missing-recurrent-bias"],
    ),
    "other numbers": ("lstm", but("weight_ih_l0", lambda w: w["weight_ih_l0"] + 1), []),
    "another number beside": (
        "lstm",
        lambda w: {**in_order(0, 3, 1, 2)(w), "bias_hh_l0": w["bias_hh_l0"] + 1},
        [],
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_became_of_weights_is_named_where_it_is_known(way: str) -> None:
    cell, change, slugs = WAYS[way]
    spec = Spec(Cell(cell), input_size=3, hidden_size=4)
    right = weights(spec)
    assert [each.slug for each in relaid(change(right), right, spec, "it")] == slugs
    assert differing(change(right), right, spec)


def test_directions_that_are_exchanged_are_named() -> None:
    spec = Spec(Cell.RNN, input_size=3, hidden_size=4, bidirectional=True)
    right = weights(spec)
    other = {name: right[name.removesuffix("_reverse") if "_reverse" in name else f"{name}_reverse"] for name in right}
    (found,) = {each.slug for each in relaid(other, right, spec, "it")}
    assert found == "directions-swapped"


@pytest.mark.parametrize(("cell", "right"), [("rnn", True), ("lstm", True), ("gru", False)])
def test_one_bias_that_holds_the_sum_is_the_same_unless_a_gate_stands_between(cell: str, right: bool) -> None:
    spec = Spec(Cell(cell), input_size=3, hidden_size=4)
    given = weights(spec)
    merged = {**given, "bias_ih_l0": given["bias_ih_l0"] + given["bias_hh_l0"], "bias_hh_l0": 0 * given["bias_hh_l0"]}
    assert (not differing(merged, given, spec)) is right


@pytest.mark.skipif(not find_spec("onnxruntime"), reason="onnxruntime is not installed: pip install 'rnncheck[onnx]'")
def test_a_model_file_with_gates_in_another_order_is_named(tmp_path: Path) -> None:
    import onnx
    from onnx import numpy_helper

    layer = torch.nn.LSTM(3, 4)
    torch.save(layer.state_dict(), tmp_path / "right.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(layer, (torch.randn(5, 2, 3),), str(tmp_path / "it.onnx"), dynamo=False)
    model = onnx.load(tmp_path / "it.onnx")
    for held in model.graph.initializer:
        value = torch.tensor(numpy_helper.to_array(held))
        if value.dim() > 1 and value.shape[1] % 16 == 0:
            halves = value.split(16, 1)
            other = torch.cat([torch.cat([each.split(4, 1)[n] for n in (0, 2, 1, 3)], 1) for each in halves], 1)
            held.CopyFrom(numpy_helper.from_array(other.numpy(), held.name))
    onnx.save(model, tmp_path / "it.onnx")
    report = check(str(tmp_path / "it.onnx"), weights=tmp_path / "right.pt")
    assert (report.verdict, report.findings[0].slug) == (Verdict.MISMATCH, "gate-order")
    assert report.findings[0].message.endswith("instead of i, f, g, o")
