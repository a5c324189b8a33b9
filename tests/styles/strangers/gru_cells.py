import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


class GRUCell(nn.Module):
    """
    An implementation of GRUCell.
    """
    def __init__(self, input_size, hidden_size, bias=True):
        super(GRUCell, self).__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        self.x2h = nn.Linear(input_size, 3 * hidden_size, bias=bias)
        self.h2h = nn.Linear(hidden_size, 3 * hidden_size, bias=bias)
        self.reset_parameters()

    def reset_parameters(self):
        std = 1.0 / np.sqrt(self.hidden_size)
        for w in self.parameters():
            w.data.uniform_(-std, std)

    def forward(self, x, hidden):
        x = x.view(-1, x.size(1))
        gate_x = self.x2h(x)
        gate_h = self.h2h(hidden)
        i_r, i_i, i_n = gate_x.chunk(3, 1)
        h_r, h_i, h_n = gate_h.chunk(3, 1)
        resetgate = torch.sigmoid(i_r + h_r)
        inputgate = torch.sigmoid(i_i + h_i)
        newgate = torch.tanh(i_n + (resetgate * h_n))
        hy = newgate + inputgate * (hidden - newgate)
        return hy


class GRUCellTextbook(nn.Module):
    # z_t, r_t and h~ straight from the paper
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.lin_z = nn.Linear(input_size + hidden_size, hidden_size)
        self.lin_r = nn.Linear(input_size + hidden_size, hidden_size)
        self.lin_h = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, h):
        xh = torch.cat([x, h], dim=1)
        z = torch.sigmoid(self.lin_z(xh))
        r = torch.sigmoid(self.lin_r(xh))
        h_tilde = torch.tanh(self.lin_h(torch.cat([x, r * h], dim=1)))
        return (1 - z) * h + z * h_tilde


class SplitGRU(nn.Module):
    def __init__(self, d_in, d_model):
        super().__init__()
        self.d_model = d_model
        self.Wg = nn.Linear(d_in, 2 * d_model)
        self.Ug = nn.Linear(d_model, 2 * d_model, bias=False)
        self.Wc = nn.Linear(d_in, d_model)
        self.Uc = nn.Linear(d_model, d_model)

    def forward(self, x, h0=None):
        h = torch.zeros(x.size(0), self.d_model, dtype=x.dtype) if h0 is None else h0
        ys = []
        for t in range(x.size(1)):
            u, r = torch.sigmoid(self.Wg(x[:, t]) + self.Ug(h)).split(self.d_model, dim=-1)
            c = torch.tanh(self.Wc(x[:, t]) + r * self.Uc(h))
            h = u * h + (1.0 - u) * c
            ys.append(h)
        return torch.stack(ys, dim=1), h
