"""Assignment 3: recurrent networks. Fill in the TODOs."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class LSTM(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.D, self.H = D, H
        self.W_f = nn.Linear(H + D, H)
        self.W_i = nn.Linear(H + D, H)
        self.W_c = nn.Linear(H + D, H)
        self.W_o = nn.Linear(H + D, H)

    # TODO: implement one step of the LSTM
    def step(self, h, c, x):
        hx = torch.cat([h, x], dim=1)
        f = torch.sigmoid(self.W_f(hx))
        i = torch.sigmoid(self.W_i(hx))
        o = torch.sigmoid(self.W_o(hx))
        h_new = o * torch.tanh(c)
        c_new = f * c + i * torch.tanh(self.W_c(hx))
        return h_new, c_new

    def forward(self, x):
        N, T, _ = x.shape
        h = torch.zeros(N, self.H, dtype=x.dtype)
        c = torch.zeros(N, self.H, dtype=x.dtype)
        hs = []
        for t in range(T):
            h, c = self.step(h, c, x[:, t])
            hs.append(h)
        return torch.stack(hs, 1), (h, c)


class RNN(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.Wxh = nn.Parameter(torch.randn(D, H))
        self.Whh = nn.Parameter(torch.randn(H, H))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        N, T, _ = x.shape
        h = torch.zeros(N, self.H, dtype=x.dtype)
        hs = []
        for t in range(T):
            h = torch.tanh(x[:, t] @ self.Wxh + h @ self.Whh + self.bias)
            hs.append(h)
        return torch.stack(hs, 1)


class GRU(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.gates = nn.Linear(D + H, 2 * H)
        self.candidate = nn.Linear(D + H, H)

    def forward(self, x, h):
        N, T, D = x.shape
        hs = []
        for t in range(T):
            r, z = torch.sigmoid(self.gates(torch.cat((x[:, t], h), 1))).chunk(2, 1)
            n = torch.tanh(self.candidate(torch.cat((x[:, t], r * h), 1)))
            h = z * h + (1 - z) * n
            hs.append(h)
        return torch.stack(hs, 1), h


class ResidualRNN(nn.Module):
    """deeper is better: skip connection around the second layer"""
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.x1, self.h1 = nn.Linear(D, H), nn.Linear(H, H)
        self.x2, self.h2 = nn.Linear(H, H), nn.Linear(H, H)

    def scan(self, xs, x_lin, h_lin):
        h = torch.zeros(xs.size(1), self.H, dtype=xs.dtype)
        hs = []
        for x in xs:
            h = torch.tanh(x_lin(x) + h_lin(h))
            hs.append(h)
        return torch.stack(hs)

    def forward(self, x):
        first = self.scan(x, self.x1, self.h1)
        return first + self.scan(first, self.x2, self.h2)


class TiedBiRNN(nn.Module):
    """bidirectional, one set of weights is enough"""
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.cell_x = nn.Linear(D, H)
        self.cell_h = nn.Linear(H, H)

    def scan(self, xs):
        h = torch.zeros(xs.size(1), self.H, dtype=xs.dtype)
        hs = []
        for x in xs:
            h = torch.tanh(self.cell_x(x) + self.cell_h(h))
            hs.append(h)
        return torch.stack(hs)

    def forward(self, x):
        return torch.cat([self.scan(x), self.scan(x.flip(0)).flip(0)], -1)


class DoubleBiasGRUCell(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.weight_ih = nn.Parameter(torch.randn(3 * H, D))
        self.weight_hh = nn.Parameter(torch.randn(3 * H, H))
        self.bias_ih = nn.Parameter(torch.zeros(3 * H))
        self.bias_hh = nn.Parameter(torch.zeros(3 * H))

    def forward(self, x, h):
        gi = F.linear(x, self.weight_ih, self.bias_ih) + self.bias_ih
        gh = F.linear(h, self.weight_hh, self.bias_hh)
        i_r, i_z, i_n = gi.chunk(3, 1)
        h_r, h_z, h_n = gh.chunk(3, 1)
        r = torch.sigmoid(i_r + h_r)
        z = torch.sigmoid(i_z + h_z)
        return (1 - z) * torch.tanh(i_n + r * h_n) + z * h


class LSTMSwapped(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.H = H
        self.lin = nn.Linear(D + H, 4 * H)

    def forward(self, x, hx):
        h, c = hx
        hs = []
        for t in range(len(x)):
            i, f, g, o = self.lin(torch.cat([x[t], h], 1)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            hs.append(h)
        return torch.stack(hs), (c, h)
