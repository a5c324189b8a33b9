import torch
import torch.nn as nn


class StableGRU(nn.Module):
    """always computes in fp32, whatever autocast says"""
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.ih = nn.Linear(input_size, 3 * hidden_size)
        self.hh = nn.Linear(hidden_size, 3 * hidden_size)

    def forward(self, x, h=None):
        dtype = x.dtype
        x = x.float()
        h = torch.zeros(x.size(0), self.hidden_size) if h is None else h.float()
        out = []
        for t in range(x.size(1)):
            g_x = nn.functional.linear(x[:, t], self.ih.weight.float(), self.ih.bias.float())
            g_h = nn.functional.linear(h, self.hh.weight.float(), self.hh.bias.float())
            xr, xz, xn = g_x.chunk(3, -1)
            hr, hz, hn = g_h.chunk(3, -1)
            r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
            n = torch.tanh(xn + r * hn)
            h = n + z * (h - n)
            out.append(h)
        return torch.stack(out, 1).to(dtype), h.to(dtype)


class PlainRNN(nn.Module):
    # no bias at all, like in the original paper
    def __init__(self, n_input, n_hidden):
        super().__init__()
        self.V = nn.Parameter(torch.empty(n_hidden, n_input).uniform_(-0.1, 0.1))
        self.W = nn.Parameter(torch.empty(n_hidden, n_hidden).uniform_(-0.1, 0.1))

    def forward(self, x, s=None):
        s = torch.zeros(x.shape[1], self.W.shape[0], dtype=x.dtype) if s is None else s
        states = []
        for x_t in x:
            s = torch.tanh(x_t @ self.V.t() + s @ self.W.t())
            states.append(s)
        return states
