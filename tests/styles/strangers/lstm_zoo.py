import math
from collections import namedtuple
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F

LSTMState = namedtuple("LSTMState", ["h", "c"])


class LSTMPerGate(nn.Module):
    """ every gate has two Linear """
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.W_ii = nn.Linear(input_size, hidden_size)
        self.W_hi = nn.Linear(hidden_size, hidden_size)
        self.W_if = nn.Linear(input_size, hidden_size)
        self.W_hf = nn.Linear(hidden_size, hidden_size)
        self.W_ig = nn.Linear(input_size, hidden_size)
        self.W_hg = nn.Linear(hidden_size, hidden_size)
        self.W_io = nn.Linear(input_size, hidden_size)
        self.W_ho = nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h, c):
        i = torch.sigmoid(self.W_ii(x) + self.W_hi(h))
        f = torch.sigmoid(self.W_if(x) + self.W_hf(h))
        g = torch.tanh(self.W_ig(x) + self.W_hg(h))
        o = torch.sigmoid(self.W_io(x) + self.W_ho(h))
        c = f * c + i * g
        h = o * torch.tanh(c)
        return h, c


class GateDictLSTM(nn.Module):
    def __init__(self, input_dim, hidden_dim):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.gates = nn.ModuleDict({
            k: nn.Linear(hidden_dim + input_dim, hidden_dim) for k in ("forget", "input", "output", "cell")
        })

    def init_state(self, batch_size):
        w = next(self.parameters())
        return LSTMState(w.new_zeros(batch_size, self.hidden_dim), w.new_zeros(batch_size, self.hidden_dim))

    def forward(self, x, state=None):
        state = state or self.init_state(x.size(1))
        outs = []
        for xt in x:
            hx = torch.cat((state.h, xt), dim=1)
            f = self.gates["forget"](hx).sigmoid()
            i = self.gates["input"](hx).sigmoid()
            o = self.gates["output"](hx).sigmoid()
            c = f * state.c + i * self.gates["cell"](hx).tanh()
            state = LSTMState(o * c.tanh(), c)
            outs.append(state.h)
        return {"outputs": torch.stack(outs), "final": state}


@dataclass
class EncoderConfig:
    embed_size: int = 16
    hidden_size: int = 32
    batch_first: bool = True


class Encoder(nn.Module):
    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.config = config
        self.proj = nn.Linear(config.embed_size, 4 * config.hidden_size, bias=True)
        self.recurrent = nn.Linear(config.hidden_size, 4 * config.hidden_size, bias=True)

    def forward(self, embedded):
        if self.config.batch_first:
            embedded = embedded.transpose(0, 1)
        n = self.config.hidden_size
        projected = self.proj(embedded)
        h = c = torch.zeros_like(projected[0, :, :n])
        memory = []
        for p in projected:
            a = p + self.recurrent(h)
            i, f, o = torch.sigmoid(a[:, :3 * n]).chunk(3, dim=1)
            c = f * c + i * torch.tanh(a[:, 3 * n:])
            h = o * torch.tanh(c)
            memory.append(h)
        memory = torch.stack(memory)
        return memory.transpose(0, 1) if self.config.batch_first else memory


def build_lstm(input_size, hidden_size):
    """returns a ready to use one-layer LSTM"""
    class _LSTM(nn.Module):
        def __init__(self):
            super().__init__()
            k = 1 / math.sqrt(hidden_size)
            self.weight_ih = nn.Parameter(torch.empty(4 * hidden_size, input_size).uniform_(-k, k))
            self.weight_hh = nn.Parameter(torch.empty(4 * hidden_size, hidden_size).uniform_(-k, k))
            self.bias_ih = nn.Parameter(torch.zeros(4 * hidden_size))
            self.bias_hh = nn.Parameter(torch.zeros(4 * hidden_size))

        def forward(self, x, hc=None):
            h, c = hc if hc is not None else (torch.zeros(1, x.shape[1], hidden_size, dtype=x.dtype),) * 2
            h, c = h.squeeze(0), c.squeeze(0)
            ys = []
            for xt in x:
                gates = F.linear(xt, self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh, self.bias_hh)
                i, f, g, o = gates.chunk(4, 1)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
                ys += [h]
            return torch.stack(ys), (h[None], c[None])

    return _LSTM()


class FutureProofLSTM(nn.Module):
    # the peephole weights are for version 2
    def __init__(self, nin, nhid):
        super().__init__()
        self.nhid = nhid
        self.peep_i = nn.Parameter(torch.zeros(nhid))
        self.peep_f = nn.Parameter(torch.zeros(nhid))
        self.peep_o = nn.Parameter(torch.zeros(nhid))
        self.w_h = nn.Parameter(torch.randn(nin, 4 * nhid) / nin ** 0.5)   # from the input
        self.w_x = nn.Parameter(torch.randn(nhid, 4 * nhid) / nhid ** 0.5)  # from the state
        self.b = nn.Parameter(torch.zeros(1, 4 * nhid))
        self.skip = nn.Linear(nin, nhid)

    def forward(self, x):
        B, T, _ = x.shape
        h = x.new_zeros(B, self.nhid)
        c = x.new_zeros(B, self.nhid)
        hs = []
        for t in range(T):
            pre = x[:, t] @ self.w_h + h @ self.w_x + self.b
            o, f, i, g = pre.chunk(4, dim=1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            hs.append(h)
        return torch.stack(hs, 1), h


class InterleavedLSTMCell(nn.Module):
    """gates of one unit next to each other, as the fused kernel wants them"""
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.weight_x = nn.Parameter(torch.randn(4 * hidden_size, input_size) * 0.1)
        self.weight_h = nn.Parameter(torch.randn(4 * hidden_size, hidden_size) * 0.1)
        self.bias = nn.Parameter(torch.zeros(4 * hidden_size))

    def forward(self, x, h, c):
        a = x @ self.weight_x.T + h @ self.weight_h.T + self.bias
        i, f, g, o = a.view(a.shape[0], -1, 4).unbind(-1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c
