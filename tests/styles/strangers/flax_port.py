# ported from the jax version so that checkpoints can be loaded
import torch
from torch import nn


class SimpleCell(nn.Module):
    def __init__(self, in_features, hidden_features):
        super().__init__()
        self.in_features = in_features
        self.hidden_features = hidden_features
        self.dense_i = nn.Linear(in_features, hidden_features, bias=True)
        self.dense_h = nn.Linear(hidden_features, hidden_features, bias=False)

    def initialize_carry(self, batch_shape):
        return torch.zeros(*batch_shape, self.hidden_features)

    def forward(self, carry, inputs):
        new_carry = torch.tanh(self.dense_i(inputs) + self.dense_h(carry))
        return new_carry, new_carry


class OptimizedLSTMCell(nn.Module):
    def __init__(self, in_features, hidden_features):
        super().__init__()
        self.hidden_features = hidden_features
        self.dense_i = nn.Linear(in_features, hidden_features * 4, bias=False)
        self.dense_h = nn.Linear(hidden_features, hidden_features * 4, bias=True)

    def initialize_carry(self, batch_shape):
        return (torch.zeros(*batch_shape, self.hidden_features), torch.zeros(*batch_shape, self.hidden_features))

    def forward(self, carry, inputs):
        c, h = carry
        y = self.dense_i(inputs) + self.dense_h(h)
        i, f, g, o = torch.tensor_split(y, 4, dim=-1)
        new_c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        new_h = torch.sigmoid(o) * torch.tanh(new_c)
        return (new_c, new_h), new_h
