import math

import torch
from torch import nn, Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence


class MyRNNBase(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.weight_ih_l0 = nn.Parameter(torch.empty(hidden_size, input_size))
        self.weight_hh_l0 = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.bias_ih_l0 = nn.Parameter(torch.empty(hidden_size))
        self.bias_hh_l0 = nn.Parameter(torch.empty(hidden_size))
        self.reset_parameters()

    def reset_parameters(self):
        stdv = 1 / math.sqrt(self.hidden_size)
        for p in self.parameters():
            nn.init.uniform_(p, -stdv, stdv)


class TransposedRNN(MyRNNBase):
    def forward(self, x: Tensor, h_0=None):
        h_t = x.new_zeros(x.size(1), self.hidden_size) if h_0 is None else h_0[0]
        output = []
        for x_t in x:
            h_t = torch.tanh(x_t @ self.weight_ih_l0.T + self.bias_ih_l0 + h_t @ self.weight_hh_l0 + self.bias_hh_l0)
            output.append(h_t)
        return torch.stack(output), h_t.unsqueeze(0)


class ForgetfulRNN(MyRNNBase):
    def forward(self, x: Tensor, h_0=None):
        h_t = torch.zeros(x.size(1), self.hidden_size, dtype=x.dtype)
        output = []
        for x_t in x:
            h_t = torch.tanh(x_t @ self.weight_ih_l0.T + self.bias_ih_l0 + h_t @ self.weight_hh_l0.T + self.bias_hh_l0)
            output.append(h_t)
        return torch.stack(output), h_t.unsqueeze(0)


class LateRNN(MyRNNBase):
    def forward(self, x: Tensor, h_0=None):
        h_t = x.new_zeros(x.size(1), self.hidden_size) if h_0 is None else h_0[0]
        output = []
        for t in range(x.size(0)):
            output.append(h_t)
            h_t = torch.tanh(x[t] @ self.weight_ih_l0.T + self.bias_ih_l0 + h_t @ self.weight_hh_l0.T + self.bias_hh_l0)
        return torch.stack(output), h_t.unsqueeze(0)


class HalfBiasedRNN(MyRNNBase):
    def forward(self, x: Tensor, h_0=None):
        h_t = x.new_zeros(x.size(1), self.hidden_size) if h_0 is None else h_0[0]
        output = []
        for x_t in x:
            h_t = torch.tanh(x_t @ self.weight_ih_l0.T + h_t @ self.weight_hh_l0.T + self.bias_ih_l0)
            output.append(h_t)
        return torch.stack(output), h_t.unsqueeze(0)


class DetachedRNN(MyRNNBase):
    """truncated bptt to save memory"""
    def forward(self, x: Tensor, h_0=None):
        h_t = x.new_zeros(x.size(1), self.hidden_size) if h_0 is None else h_0[0]
        output = []
        for x_t in x:
            pre = x_t @ self.weight_ih_l0.T + self.bias_ih_l0 + h_t.detach() @ self.weight_hh_l0.T + self.bias_hh_l0
            h_t = torch.tanh(pre)
            output.append(h_t)
        return torch.stack(output), h_t.unsqueeze(0)


class FrozenRNN(MyRNNBase):
    @torch.no_grad()
    def forward(self, x: Tensor, h_0=None):
        h_t = x.new_zeros(x.size(1), self.hidden_size) if h_0 is None else h_0[0]
        output = torch.empty(x.size(0), x.size(1), self.hidden_size, dtype=x.dtype)
        for t in range(x.size(0)):
            h_t = torch.tanh(x[t] @ self.weight_ih_l0.T + self.bias_ih_l0 + h_t @ self.weight_hh_l0.T + self.bias_hh_l0)
            output[t] = h_t
        return output, h_t.unsqueeze(0)


class NoisyRNN(MyRNNBase):
    def forward(self, x: Tensor, h_0=None):
        h_t = x.new_zeros(x.size(1), self.hidden_size) if h_0 is None else h_0[0]
        output = []
        for x_t in x:
            h_t = torch.tanh(x_t @ self.weight_ih_l0.T + self.bias_ih_l0 + h_t @ self.weight_hh_l0.T + self.bias_hh_l0)
            output.append(nn.functional.dropout(h_t, 0.2))
        return torch.stack(output), h_t.unsqueeze(0)


class PackedRNN(MyRNNBase):
    def forward(self, packed: PackedSequence):
        x, lengths = pad_packed_sequence(packed)
        h = torch.zeros(x.size(1), self.hidden_size, dtype=x.dtype)
        last = h
        ys = []
        for t in range(x.size(0)):
            h = torch.tanh(nn.functional.linear(x[t], self.weight_ih_l0, self.bias_ih_l0)
                           + nn.functional.linear(h, self.weight_hh_l0, self.bias_hh_l0))
            last = torch.where((lengths == t + 1).unsqueeze(1), h, last)
            ys.append(h)
        return pack_padded_sequence(torch.stack(ys), lengths, enforce_sorted=False), last


class TaggerRNN(nn.Module):
    def __init__(self, emb_dim, hidden_dim):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.lin = nn.Linear(hidden_dim + emb_dim, hidden_dim, bias=True)

    def forward(self, emb, lengths):
        B, T, _ = emb.shape
        mask = torch.arange(T)[None, :] < lengths[:, None]
        h = emb.new_zeros(B, self.hidden_dim)
        out = emb.new_zeros(B, T, self.hidden_dim)
        for t in range(T):
            new = torch.tanh(self.lin(torch.cat([h, emb[:, t]], -1)))
            m = mask[:, t, None]
            h = torch.where(m, new, h)
            out[:, t] = new * m
        return out, h
