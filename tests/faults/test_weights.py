"""Right numbers in the wrong place: each fault against torch.nn with other weights or states."""

from collections.abc import Callable

import pytest
import torch
from faults.scenes import scene
from torch import Tensor

from rnncheck.faults.catalogue import by_name
from rnncheck.faults.scene import Scene
from rnncheck.model.spec import Cell, Dtype, Spec

Weights = dict[str, Tensor]
X, H = 3, 4  # input_size, hidden_size


def in_torch(here: Scene, weights: Weights, h: Tensor, c: Tensor) -> Tensor:
    layer = torch.nn.LSTM(X, H, dtype=torch.float64)
    layer.load_state_dict({f"{name}_l0": value for name, value in weights.items()})
    with torch.no_grad():
        output, _ = layer(here.x, (h, c))
    assert isinstance(output, Tensor)
    return output


def both_biases(weights: Weights, change: Callable[[Tensor], Tensor]) -> Weights:
    return weights | {name: change(weights[name]) for name in ("bias_ih", "bias_hh")}


def swapped(weights: Weights) -> Weights:
    together = torch.cat([weights["weight_ih"], weights["weight_hh"]], 1)  # of [x h]
    return weights | {"weight_hh": together[:, :H], "weight_ih": together[:, H:]}  # of [h x]


CHANGES: dict[str, Callable[[Weights], Weights]] = {
    "recurrent-weight-transposed": lambda w: w | {"weight_hh": torch.cat([gate.T for gate in w["weight_hh"].split(H)])},
    "recurrent-weight-transposed:reshaped instead": lambda w: w | {"weight_hh": w["weight_hh"].reshape(H, -1).T},
    "input-weight-transposed:reshaped instead": lambda w: w | {"weight_ih": w["weight_ih"].reshape(X, -1).T},
    "input-and-recurrent-swapped": swapped,
    "gates-share-weights": lambda w: {name: torch.cat([value[:H]] * 4) for name, value in w.items()},
    "scalar-bias": lambda w: both_biases(w, lambda bias: bias[::H].repeat_interleave(H)),
    "scalar-bias:the mean": lambda w: both_biases(w, lambda bias: bias.view(4, H).mean(1).repeat_interleave(H)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_fault_of_weights_is_torch_with_those_weights(name: str) -> None:
    here = scene(Spec(Cell.LSTM, X, H, dtype=Dtype.FLOAT64))
    assert here.state.c is not None
    weights = CHANGES[name]({key.removesuffix("_l0"): value for key, value in here.weights.items()})
    found = here.run(by_name(name, here.spec).network(here.spec)).output
    torch.testing.assert_close(found, in_torch(here, weights, here.state.h, here.state.c), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "order"),
    {
        "cell-shares-initial-state": "hh",
        "cell-shares-initial-state:c0 for both": "cc",
        "initial-state-swapped": "ch",
        "initial-state-ignored": "00",
        "initial-state-ignored:h0": "0c",
        "initial-state-ignored:c0": "h0",
    }.items(),
)
def test_a_fault_of_initial_states_is_torch_from_those_states(name: str, order: str) -> None:
    here = scene(Spec(Cell.LSTM, X, H, dtype=Dtype.FLOAT64))
    assert here.state.c is not None
    taken = {"h": here.state.h, "c": here.state.c, "0": torch.zeros_like(here.state.h)}
    weights = {key.removesuffix("_l0"): value for key, value in here.weights.items()}
    found = here.run(by_name(name, here.spec).network(here.spec)).output
    right = in_torch(here, weights, taken[order[0]], taken[order[1]])
    torch.testing.assert_close(found, right, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("cell", Cell)
def test_a_bias_along_the_batch_is_for_each_row_a_layer_with_one_number_for_its_bias(cell: Cell) -> None:
    here = scene(Spec(cell, X, H, dtype=Dtype.FLOAT64), batch_size=H)
    found = here.run(by_name("bias-along-batch", here.spec).network(here.spec)).output
    for row in range(H):
        weights = dict(here.weights)
        for name in ("bias_ih_l0", "bias_hh_l0"):
            weights[name] = here.weights[name][row::H].repeat_interleave(H)
        layer = getattr(torch.nn, cell.upper())(X, H, dtype=torch.float64)
        layer.load_state_dict(weights)
        h, c = here.state.h, here.state.c
        with torch.no_grad():
            output, _ = layer(here.x, h if c is None else (h, c))
        torch.testing.assert_close(found[:, row], output[:, row], rtol=1e-12, atol=1e-12)


def test_a_head_over_another_axis_or_without_a_part() -> None:
    here = scene(Spec(Cell.RNN, X, H, head="softmax", dtype=Dtype.FLOAT64))
    product = here.right.output @ here.weights["weight_hy"].T
    sums = product + here.weights["bias_y"]
    for name, right in {
        "softmax over the batch": sums.softmax(1),
        "softmax over time": sums.softmax(0),
        "no softmax": sums,
        "no bias": product.softmax(-1),
    }.items():
        y = here.run(by_name(f"head-wrong:{name}", here.spec).network(here.spec)).y
        assert y is not None
        torch.testing.assert_close(y, right, rtol=1e-12, atol=1e-12)
