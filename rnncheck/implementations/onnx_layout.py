"""Converts weights between the layouts of torch and ONNX.

W (D, G*H, I), R (D, G*H, H) and B (D, 2*G*H): directions stacked, W's biases before R's; rows in the order i, o, f, c
of the LSTM and z, r, h of the GRU. Source: https://onnx.ai/onnx/operators/onnx__LSTM.html and its neighbours.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnncheck.model.spec import Cell, Spec

Array = NDArray[Any]

ORDER = {Cell.RNN: (0,), Cell.LSTM: (0, 3, 1, 2), Cell.GRU: (1, 0, 2)}  # in ONNX, of torch's i, f, g, o and r, z, n


def packed(spec: Spec, values: Mapping[str, Tensor], layer: int) -> dict[str, Array]:
    """W, R and, where there are biases, B of one layer."""
    sides = [f"_l{layer}{'_reverse' * side}" for side in range(spec.directions)]
    found = {
        short: np.stack([reordered(values[name + side].cpu().numpy(), spec.cell, ORDER[spec.cell]) for side in sides])
        for short, name in (("W", "weight_ih"), ("R", "weight_hh"))
    }
    if spec.bias:
        found["B"] = np.stack(
            [
                np.concatenate(
                    [reordered(values[name + side].cpu().numpy(), spec.cell, ORDER[spec.cell]) for name in BIASES]
                )
                for side in sides
            ]
        )
    return found


BIASES = ("bias_ih", "bias_hh")


def unpacked(cell: Cell, layer: int, weight: Array, recurrent: Array, bias: Array | None) -> dict[str, Tensor]:
    """One layer's parameters under torch's names, in float64."""
    back = tuple(int(each) for each in np.argsort(ORDER[cell]))
    found = {}
    for side in range(len(weight)):
        suffix = f"_l{layer}{'_reverse' * side}"
        parts = {"weight_ih": weight[side], "weight_hh": recurrent[side]}
        if bias is not None:
            parts |= dict(zip(BIASES, np.split(bias[side], 2), strict=True))
        for name, value in parts.items():
            found[name + suffix] = torch.from_numpy(reordered(value.astype(np.float64), cell, back))
    return found


def reordered(value: Array, cell: Cell, order: tuple[int, ...]) -> Array:
    """The blocks of its rows, one for each gate, in another order."""
    gates = np.split(value, cell.gates)
    return np.concatenate([gates[each] for each in order])
