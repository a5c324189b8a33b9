"""RNNs as einsums. b: batch, t: time, i: input, h/k: hidden, g: gate."""
import torch
from torch import nn, einsum


class EinsumRNN(nn.Module):
    def __init__(self, dim_in, dim_hidden):
        super().__init__()
        self.weights = nn.ParameterDict({
            'in': nn.Parameter(torch.randn(dim_in, dim_hidden)),
            'rec': nn.Parameter(torch.randn(dim_hidden, dim_hidden)),
            'bias': nn.Parameter(torch.zeros(dim_hidden)),
        })

    def forward(self, x, h):
        u = einsum('bti,ih->bth', x, self.weights['in']) + self.weights['bias']
        hs = []
        for t in range(u.shape[1]):
            h = torch.tanh(u[:, t] + einsum('bh,hk->bk', h, self.weights['rec']))
            hs.append(h)
        return h, torch.stack(hs, 1)


class EinsumGRU(nn.Module):
    def __init__(self, dim_in, dim_hidden):
        super().__init__()
        self.Wi = nn.Parameter(torch.randn(3, dim_hidden, dim_in) * dim_in ** -0.5)
        self.Wh = nn.Parameter(torch.randn(3, dim_hidden, dim_hidden) * dim_hidden ** -0.5)
        self.bi = nn.Parameter(torch.zeros(3, dim_hidden))
        self.bh = nn.Parameter(torch.zeros(3, dim_hidden))

    def forward(self, x, h):
        a = einsum('ghi,bi->gbh', self.Wi, x) + self.bi[:, None]
        b = einsum('ghk,bk->gbh', self.Wh, h) + self.bh[:, None]
        z = torch.sigmoid(a[0] + b[0])
        r = torch.sigmoid(a[1] + b[1])
        n = torch.tanh(a[2] + r * b[2])
        return torch.lerp(n, h, z)
