"""Recurrent layers as plain loops over time: read this first.

x (T, B, I) is a batch of B sequences of T timesteps; h (B, H), and for the LSTM c (B, H), are the initial states.
Each function takes `torch.nn`'s parameters of one layer and returns h after every step, (T, B, H). `cells.py` has the
same equations for one step, `network.py` adds layers and directions, `fast_path.py` runs them faster.
"""

import torch
from torch import Tensor


def rnn(x: Tensor, h: Tensor, W_ih: Tensor, W_hh: Tensor, b_ih: Tensor, b_hh: Tensor) -> Tensor:
    """h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh). W_ih is (H, I), W_hh (H, H), each bias (H).

    Source: Elman 1990, "Finding structure in time"; `torch.nn.RNN`.
    """
    states = []
    for x_t in x:
        h = torch.tanh(x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh)
        states.append(h)
    return torch.stack(states)


def lstm(x: Tensor, h: Tensor, c: Tensor, W_ih: Tensor, W_hh: Tensor, b_ih: Tensor, b_hh: Tensor) -> Tensor:
    """i, f, o = σ(...), g = tanh(...);  c_t = f c_{t-1} + i g;  h_t = o tanh(c_t). Four blocks of H rows: i, f, g, o.

    Source: Hochreiter & Schmidhuber 1997; the forget gate, Gers et al. 2000; `torch.nn.LSTM`.
    """
    states = []
    for x_t in x:
        i, f, g, o = (x_t @ W_ih.T + b_ih + h @ W_hh.T + b_hh).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        states.append(h)
    return torch.stack(states)


def gru(x: Tensor, h: Tensor, W_ih: Tensor, W_hh: Tensor, b_ih: Tensor, b_hh: Tensor) -> Tensor:
    """r, z = σ(...);  n = tanh(W_in x_t + b_in + r (W_hn h_{t-1} + b_hn));  h_t = (1 - z) n + z h_{t-1}. Rows r, z, n.

    Source: Cho et al. 2014, with the reset after the matrix product, as `torch.nn.GRU` has it.
    """
    states = []
    for x_t in x:
        (x_r, x_z, x_n), (h_r, h_z, h_n) = (x_t @ W_ih.T + b_ih).chunk(3, -1), (h @ W_hh.T + b_hh).chunk(3, -1)
        r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + r * h_n)
        h = (1 - z) * n + z * h
        states.append(h)
    return torch.stack(states)
