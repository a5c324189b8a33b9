"""What wrong styles compute, where no change of weights makes `torch.nn` compute it: a loop for each fault."""

from collections.abc import Callable

import torch
from torch import Tensor

Outcome = dict[str, Tensor]


def projected(weights: dict[str, Tensor], x_t: Tensor, h: Tensor, layer: int = 0) -> Tensor:
    """x_t W_ih + b_ih + h W_hh + b_hh."""
    side_x = x_t @ weights[f"weight_ih_l{layer}"].T + weights[f"bias_ih_l{layer}"]
    return side_x + h @ weights[f"weight_hh_l{layer}"].T + weights[f"bias_hh_l{layer}"]


def elman(weights: dict[str, Tensor], x: Tensor, h: Tensor) -> Tensor:
    states = []
    for x_t in x:
        h = torch.tanh(projected(weights, x_t, h))
        states.append(h)
    return torch.stack(states)


def forgotten_state(weights: dict[str, Tensor], x: Tensor, h0: Tensor, c0: Tensor) -> Outcome:
    states = elman(weights, x, torch.zeros_like(h0[0]))
    return {"output": states, "h_n": states[-1:]}


def one_late(weights: dict[str, Tensor], x: Tensor, h0: Tensor, c0: Tensor) -> Outcome:
    states = elman(weights, x, h0[0])
    return {"output": torch.cat([h0, states[:-1]]), "h_n": states[-1:]}


def second_call(weights: dict[str, Tensor], x: Tensor, h0: Tensor, c0: Tensor) -> Outcome:
    """From where the first call on the same x ended."""
    return {"output": elman(weights, x, elman(weights, x, h0[0])[-1])}


def bottom_state_for_all(weights: dict[str, Tensor], x: Tensor, h0: Tensor, c0: Tensor) -> Outcome:
    """A GRU of two layers whose final states are both the first layer's."""
    layer = torch.nn.GRU(x.shape[2], h0.shape[2], 2, dtype=x.dtype)
    layer.load_state_dict(weights)
    output, h_n = layer(x, h0)
    return {"output": output, "h_n": h_n[[0, 0]]}


def backward_left_reversed(weights: dict[str, Tensor], x: Tensor, h0: Tensor, c0: Tensor) -> Outcome:
    backward = {name: weights[name + "_reverse"] for name in weights if not name.endswith("_reverse")}
    return {"output": torch.cat([elman(weights, x, h0[0]), elman(backward, x.flip(0), h0[1])], 2)}


def lstm(*, keeps_cell: bool = True, activates_cell: bool = True) -> Callable[..., Outcome]:
    """An LSTM that starts every step from an empty cell, or whose output does not bend it."""

    def run(weights: dict[str, Tensor], x: Tensor, h0: Tensor, c0: Tensor) -> Outcome:
        h, c, outputs = h0[0], c0[0], []
        for x_t in x:
            i, f, g, o = projected(weights, x_t, h).chunk(4, 1)
            c = i.sigmoid() * g.tanh() + (f.sigmoid() * c if keeps_cell else 0)
            h = o.sigmoid() * (c.tanh() if activates_cell else c)
            outputs.append(h)
        return {"output": torch.stack(outputs), "h_n": h[None], "c_n": c[None]}

    return run


def no_activation(weights: dict[str, Tensor], x: Tensor, h0: Tensor, c0: Tensor) -> Outcome:
    h, outputs = h0[0], []
    for x_t in x:
        h = x_t @ weights["weight_ih_l0"].T + h @ weights["weight_hh_l0"].T
        h = h + weights["bias_ih_l0"] + weights["bias_hh_l0"]
        outputs.append(h)
    return {"output": torch.stack(outputs), "h_n": h[None]}


def no_recurrence(weights: dict[str, Tensor], x: Tensor, h0: Tensor, c0: Tensor) -> Outcome:
    """Every row computed from the state of all zeros, with one number as the bias of every unit."""
    bias = weights["bias_ih_l0"][0] + weights["bias_hh_l0"][0]
    output = torch.tanh(x @ weights["weight_ih_l0"].T + bias)
    return {"output": output, "h_n": output[-1:]}


def paper(*, z_keeps: bool) -> Callable[..., Outcome]:
    """The GRU of the first paper: the reset before the matrix product, b_hn outside it; z keeps the past or the new."""

    def run(weights: dict[str, Tensor], x: Tensor, h0: Tensor, c0: Tensor) -> Outcome:
        W_r, W_z, W_n = weights["weight_ih_l0"].chunk(3)
        U_r, U_z, U_n = weights["weight_hh_l0"].chunk(3)
        b_r, b_z, b_n = (weights["bias_ih_l0"] + weights["bias_hh_l0"]).chunk(3)
        h, outputs = h0[0], []
        for x_t in x:
            r = torch.sigmoid(x_t @ W_r.T + h @ U_r.T + b_r)
            z = torch.sigmoid(x_t @ W_z.T + h @ U_z.T + b_z)
            n = torch.tanh(x_t @ W_n.T + (r * h) @ U_n.T + b_n)
            h = z * h + (1 - z) * n if z_keeps else (1 - z) * h + z * n
            outputs.append(h)
        return {"output": torch.stack(outputs), "h_n": h[None]}

    return run


def stale_cell(weights: dict[str, Tensor], x: Tensor, h0: Tensor, c0: Tensor) -> Outcome:
    """An LSTM whose output is read from the cell before it is updated."""
    h, c, outputs = h0[0], c0[0], []
    for x_t in x:
        i, f, g, o = projected(weights, x_t, h).chunk(4, 1)
        h, c = o.sigmoid() * c.tanh(), f.sigmoid() * c + i.sigmoid() * g.tanh()
        outputs.append(h)
    return {"output": torch.stack(outputs), "h_n": h[None], "c_n": c[None]}


def scalar_bias(weights: dict[str, Tensor], x: Tensor, h0: Tensor, c0: Tensor) -> Outcome:
    first = {name: value[:1].expand_as(value) for name, value in weights.items() if name.startswith("bias")}
    return {"output": elman(weights | first, x, h0[0])}


def residual(weights: dict[str, Tensor], x: Tensor, h0: Tensor, c0: Tensor) -> Outcome:
    first = elman(weights, x, h0[0])
    second = {name.replace("_l1", "_l0"): value for name, value in weights.items() if name.endswith("_l1")}
    return {"output": first + elman(second, first, h0[1])}


def states_swapped(weights: dict[str, Tensor], x: Tensor, h0: Tensor, c0: Tensor) -> Outcome:
    found = lstm()(weights, x, h0, c0)
    return {"output": found["output"], "h_n": found["c_n"], "c_n": found["h_n"]}
