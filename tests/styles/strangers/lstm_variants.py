import torch
import torch.nn as nn


class LSTMBase(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.wx = nn.Linear(input_size, 4 * hidden_size)
        self.wh = nn.Linear(hidden_size, 4 * hidden_size, bias=False)

    def zero_state(self, x):
        return x.new_zeros(x.size(0), self.hidden_size), x.new_zeros(x.size(0), self.hidden_size)

    def forward(self, x, state=None):
        h, c = self.zero_state(x) if state is None else state
        out = []
        for t in range(x.size(1)):
            h, c = self.step(x[:, t], h, c)
            out.append(h)
        return torch.stack(out, 1), (h, c)


class PeepholeLSTM(LSTMBase):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.wc = nn.Parameter(torch.randn(3, hidden_size) * 0.5)

    def step(self, x, h, c):
        i, f, g, o = (self.wx(x) + self.wh(h)).chunk(4, 1)
        i = torch.sigmoid(i + self.wc[0] * c)
        f = torch.sigmoid(f + self.wc[1] * c)
        c = f * c + i * torch.tanh(g)
        o = torch.sigmoid(o + self.wc[2] * c)
        return o * torch.tanh(c), c


class CoupledLSTM(LSTMBase):
    """ one gate decides what to forget and what to write """
    def step(self, x, h, c):
        _, f, g, o = (self.wx(x) + self.wh(h)).chunk(4, 1)
        f = torch.sigmoid(f)
        c = f * c + (1 - f) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


class LinearOutLSTM(LSTMBase):
    def step(self, x, h, c):
        i, f, g, o = (self.wx(x) + self.wh(h)).chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * c, c


class ShortMemoryLSTM(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.ih = nn.Linear(input_size, 4 * hidden_size)
        self.hh = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x):
        h = torch.zeros(x.shape[1], self.hidden_size, dtype=x.dtype)
        outputs = []
        for x_t in x:
            c = torch.zeros_like(h)
            i, f, g, o = (self.ih(x_t) + self.hh(h)).chunk(4, dim=1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outputs.append(h)
        return torch.stack(outputs), (h, c)


class LSTMHalf(nn.Module):
    """ saves memory: the matrix products run in bfloat16 """
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.W = nn.Parameter(torch.randn(4 * hidden_size, input_size + hidden_size) * 0.1)
        self.b = nn.Parameter(torch.zeros(4 * hidden_size))

    def forward(self, x):
        h = torch.zeros(x.shape[1], self.hidden_size)
        c = torch.zeros(x.shape[1], self.hidden_size)
        W = self.W.bfloat16()
        ys = []
        for x_t in x:
            z = torch.cat([x_t, h], 1).bfloat16() @ W.t()
            i, f, g, o = (z.float() + self.b.float()).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            ys.append(h)
        return torch.stack(ys)
