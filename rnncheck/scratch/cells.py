"""One step of each recurrent cell, one equation per line.

B is batch, I input_size, H hidden_size, R the width of the state h (H, or proj_size), G the number of gates.
A row is one sequence of the batch, so weights multiply from the right: W x in a paper is x @ W here, and
`LayerWeights` holds the transposes of `torch.nn`'s parameters. The input part of a step, `p`, does not depend on the
state; the network computes it for all timesteps in one matrix product.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor


class LayerWeights(NamedTuple):
    """The parameters of one layer in one direction, the matrices transposed. A layer without bias has zeros."""

    W_ih: Tensor  # (I, G*H)
    W_hh: Tensor  # (R, G*H)
    b_ih: Tensor  # (G*H,)
    b_hh: Tensor  # (G*H,)
    W_hr: Tensor | None = None  # (H, R), only of an LSTM with a projection
    own: Tensor | None = None  # those that a variant has besides, one behind another

    @classmethod
    def named(cls, weights: Mapping[str, Tensor], suffix: str) -> "LayerWeights":
        """The parameters whose names in `torch.nn` end in `suffix`, such as `_l0` or `_l1_reverse`."""
        w_ih, w_hh = weights["weight_ih" + suffix], weights["weight_hh" + suffix]
        b_ih, b_hh, w_hr = (weights.get(name + suffix) for name in ("bias_ih", "bias_hh", "weight_hr"))
        return cls(
            w_ih.t(),
            w_hh.t().contiguous(),  # copied once, because every timestep multiplies by it
            w_ih.new_zeros(len(w_ih)) if b_ih is None else b_ih,
            w_ih.new_zeros(len(w_ih)) if b_hh is None else b_hh,
            None if w_hr is None else w_hr.t(),
        )


def rnn(w: LayerWeights, p: Tensor, h: Tensor, f: Callable[[Tensor], Tensor] = torch.tanh) -> Tensor:
    """Elman RNN: h' = f(x W_ih + b_ih + h W_hh + b_hh), with f tanh or relu.

    p (B, H) is x W_ih + b_ih + b_hh and h is (B, H); returns h' (B, H). Shapes that do not fit raise `RuntimeError`.
    Source: Elman 1990, "Finding structure in time"; `torch.nn.RNN`.
    """
    return f(torch.addmm(p, h, w.W_hh))


def lstm(w: LayerWeights, p: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """Long short-term memory, with gates i (input), f (forget), o (output), proposal g and cell state c:

    [i f g o] = x W_ih + b_ih + h W_hh + b_hh;  c' = σ(f) c + σ(i) tanh(g);  h' = (σ(o) tanh(c')) [W_hr].

    p (B, 4H) is x W_ih + b_ih + b_hh, h is (B, R) and c (B, H); returns h' (B, R) and c' (B, H). Shapes that do not fit
    raise `RuntimeError`.
    Source: Hochreiter & Schmidhuber 1997; the forget gate, Gers et al. 2000; the projection W_hr, Sak et al. 2014;
    `torch.nn.LSTM`.
    """
    i, f, g, o = torch.addmm(p, h, w.W_hh).chunk(4, -1)  # (B, 4H) -> 4 of (B, H)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    c = f * c + i * g
    h = o * c.tanh()
    return (h if w.W_hr is None else h @ w.W_hr), c  # (B, H) -> (B, R)


def gru(w: LayerWeights, p: Tensor, h: Tensor) -> Tensor:
    """Gated recurrent unit: r (reset) scales the recurrent part of the proposal n, z (update) is the share of h kept.

    r = σ(p_r + u_r);  z = σ(p_z + u_z);  n = tanh(p_n + r u_n);  h' = (1 - z) n + z h = n + z (h - n),
    with u = h W_hh + b_hh.

    p (B, 3H) is x W_ih + b_ih and h is (B, H); returns h' (B, H). Shapes that do not fit raise `RuntimeError`.
    Source: Cho et al. 2014, with the reset after the matrix product, as `torch.nn.GRU` has it: so b_hh stays apart.
    """
    p_r, p_z, p_n = p.chunk(3, -1)  # (B, 3H) -> 3 of (B, H)
    u_r, u_z, u_n = torch.addmm(w.b_hh, h, w.W_hh).chunk(3, -1)
    r = torch.sigmoid(p_r + u_r)
    z = torch.sigmoid(p_z + u_z)
    n = torch.tanh(p_n + r * u_n)
    return n + z * (h - n)
