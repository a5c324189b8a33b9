"""A layer that remembers its last state. Wrong: the next call, on another sequence, starts from it."""

import torch
from torch import Tensor, nn


class StatefulRNN(nn.Module):
    """Reads x (B, T, I); returns all states (B, T, H)."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.W_x = nn.Parameter(torch.randn(input_size, hidden_size) * 0.1)
        self.W_h = nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.1)
        self.b = nn.Parameter(torch.zeros(hidden_size))
        self.h: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.h is None:  # should start from zeros at every call
            self.h = x.new_zeros(len(x), self.hidden_size)
        states = []
        for x_t in x.unbind(1):
            self.h = torch.tanh(x_t @ self.W_x + self.h @ self.W_h + self.b)
            states.append(self.h)
        return torch.stack(states, dim=1)
