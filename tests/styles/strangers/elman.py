import torch
from torch import nn


class ElmanRNN(nn.Module):
    def __init__(self, in_dim, hid_dim):
        super().__init__()
        self.hid_dim = hid_dim
        self.x2h = nn.Linear(in_dim, hid_dim)
        self.h2h = nn.Linear(hid_dim, hid_dim, bias=False)

    def forward(self, x):
        # x: (batch, seq, feature)
        B, T, _ = x.size()
        h = x.new_zeros(B, self.hid_dim)
        outs = []
        for t in range(T):
            h = torch.tanh(self.x2h(x[:, t, :]) + self.h2h(h))
            outs.append(h.unsqueeze(1))
        return torch.cat(outs, dim=1)


class LastStateRNN(nn.Module):
    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.n_hidden = n_hidden
        self.inp = nn.Linear(n_in, n_hidden, bias=False)
        self.rec = nn.Linear(n_hidden, n_hidden)

    def init_hidden(self, batch_size):
        return torch.zeros(batch_size, self.n_hidden, dtype=self.rec.weight.dtype)

    def forward(self, seq):
        h = self.init_hidden(seq.shape[0])
        for step in seq.transpose(0, 1):
            h = (self.inp(step) + self.rec(h)).tanh()
        return h
