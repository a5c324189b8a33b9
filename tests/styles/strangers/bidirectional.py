import torch
from torch import nn
import torch.nn.functional as F


class Cell(nn.Module):
    def __init__(self, i, h):
        super().__init__()
        self.w = nn.Linear(i, h, bias=False)
        self.u = nn.Linear(h, h)

    def forward(self, x, h):
        return torch.tanh(self.w(x) + self.u(h))


def run(cell, xs, h):
    out = []
    for x in xs:
        h = cell(x, h)
        out.append(h)
    return out


class BiRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.fw = Cell(input_size, hidden_size)
        self.bw = Cell(input_size, hidden_size)

    def forward(self, x):
        # x is B x T x D
        h0 = torch.zeros(x.size(0), self.hidden_size).type_as(x)
        xs = x.unbind(1)
        f = run(self.fw, xs, h0)
        b = run(self.bw, xs[::-1], h0)[::-1]
        return torch.stack([torch.cat(fb, -1) for fb in zip(f, b)], dim=1)


class BiRNNEncoder(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.forward_cell = Cell(input_size, hidden_size)
        self.backward_cell = Cell(input_size, hidden_size)

    def forward(self, x):
        h0 = x.new_zeros(x.size(0), self.hidden_size)
        f = torch.stack(run(self.forward_cell, x.unbind(1), h0), 1)
        b = torch.stack(run(self.backward_cell, x.flip(1).unbind(1), h0), 1)
        return torch.cat([f, b], dim=-1)


class BiLSTM(nn.Module):
    def __init__(self, input_dim, hidden_dim):
        super().__init__()
        self.hidden_dim = hidden_dim
        for d in ("l2r", "r2l"):
            setattr(self, f"{d}_W", nn.Parameter(torch.randn(4 * hidden_dim, input_dim) * 0.1))
            setattr(self, f"{d}_U", nn.Parameter(torch.randn(4 * hidden_dim, hidden_dim) * 0.1))
            setattr(self, f"{d}_b", nn.Parameter(torch.zeros(4 * hidden_dim)))

    def direction(self, d, x, h, c):
        W, U, b = (getattr(self, f"{d}_{n}") for n in "WUb")
        hs = []
        for xt in x:
            i, f, o, g = (F.linear(xt, W, b) + F.linear(h, U)).chunk(4, dim=1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            hs.append(h)
        return torch.stack(hs), h, c

    def forward(self, x, state):
        h0, c0 = state
        of, hf, cf = self.direction("l2r", x, h0[0], c0[0])
        ob, hb, cb = self.direction("r2l", x.flip(0), h0[1], c0[1])
        out = torch.cat((of, ob.flip(0)), dim=2)
        return out, (torch.stack((hf, hb)), torch.stack((cf, cb)))
