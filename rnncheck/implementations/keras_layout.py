"""The layout of the weights of Keras' recurrent layers, and how torch's weights are held in it.

kernel (I, G*H) and recurrent_kernel (H, G*H) are torch's weight_ih and weight_hh transposed. The LSTM stacks its gates
in torch's order, which Keras calls i, f, c, o; the GRU in the order z, r, h, where torch has r, z, n. The bias:

    SimpleRNN, LSTM            (G*H): b_ih + b_hh
    GRU, reset_after=True      (2, 3H): b_ih, then b_hh
    GRU, reset_after=False     (3H): b_ih + b_hh, for equations that torch does not have

Source: the layers in https://github.com/keras-team/keras/tree/master/keras/src/layers/rnn.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from rnncheck.errors import WeightsError
from rnncheck.model.spec import Cell

ORDER = {Cell.RNN: (0,), Cell.LSTM: (0, 1, 2, 3), Cell.GRU: (1, 0, 2)}  # in Keras, of torch's; its own inverse
TOLD = {Cell.RNN: "", Cell.LSTM: "", Cell.GRU: "[z,r,n]"}  # the rows, for a report


def to_keras(cell: Cell, values: Mapping[str, Tensor], suffix: str, *, apart: bool) -> list[Tensor]:
    """kernel, recurrent_kernel and, where there are biases, bias, of the layer and direction of `suffix`.

    `apart`: the two biases are kept apart, as by a GRU with reset_after. Can be differentiated by `values`.
    """
    found = [reordered(values[name + suffix], cell).T for name in ("weight_ih", "weight_hh")]
    if "bias_ih" + suffix in values:
        from_x, from_h = (reordered(values[name + suffix], cell) for name in ("bias_ih", "bias_hh"))
        found.append(torch.stack([from_x, from_h]) if apart else from_x + from_h)
    return found


def held(cell: Cell, suffix: str, *, bias: bool, apart: bool) -> dict[str, str]:
    """What each tensor of Keras holds of torch's, written as in the table of a report."""
    rows = TOLD[cell]
    found = {"kernel": f"weight_ih{suffix}{rows}.T", "recurrent_kernel": f"weight_hh{suffix}{rows}.T"}
    if bias:
        both = [f"bias_ih{suffix}{rows}", f"bias_hh{suffix}{rows}"]
        found["bias"] = f"stack({', '.join(both)})" if apart else " + ".join(both)
    return found


def from_keras(cell: Cell, tensors: Mapping[str, Tensor], suffix: str, what: str) -> dict[str, Tensor]:
    """Torch's weights, under torch's names with `suffix`; one bias is put into b_ih, beside a b_hh of zeros.

    Raises `WeightsError`, in which the layer is called `what`, for tensors that are not those of this cell.
    """
    for name in ("kernel", "recurrent_kernel"):
        if name not in tensors:
            raise WeightsError(f"{what} has no {name}")
    kernel, recurrent, bias = tensors["kernel"], tensors["recurrent_kernel"], tensors.get("bias")
    rows = cell.gates * (recurrent.shape[0] if recurrent.dim() == 2 else 0)
    fitting = kernel.dim() == 2 and tuple(recurrent.shape[1:]) == (rows,) and kernel.shape[1] == rows
    if not rows or not fitting or (bias is not None and tuple(bias.shape) not in ((rows,), (2, rows))):
        shapes = ", ".join(f"{name} {tuple(value.shape)}" for name, value in tensors.items())
        raise WeightsError(f"{what} has the shapes {shapes}, which are not those of a {cell.upper()} of Keras")
    found = {"weight_ih": reordered(kernel.T, cell), "weight_hh": reordered(recurrent.T, cell)}
    if bias is not None:
        both = bias if bias.dim() == 2 else torch.stack([bias, torch.zeros_like(bias)])
        found |= {name: reordered(each, cell) for name, each in zip(("bias_ih", "bias_hh"), both, strict=True)}
    return {name + suffix: value.contiguous() for name, value in found.items()}


def reordered(value: Tensor, cell: Cell) -> Tensor:
    """The blocks of its rows, one for each gate, in the order of the other framework."""
    if cell is not Cell.GRU:
        return value
    gates = value.chunk(cell.gates)
    return torch.cat([gates[each] for each in ORDER[cell]])
