"""Its outputs are right, its gradients are not: the state is detached at every step, so no loss reaches the past."""

import torch
from torch import Tensor, nn


class TruncatedRNN(nn.Module):
    """Reads x (T, B, I) and h0 (B, H); returns all states (T, B, H) and the last (B, H)."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.x2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)

    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h = x.new_zeros(x.shape[1], self.hidden_size) if h0 is None else h0
        states = []
        for x_t in x:
            h = torch.tanh(self.x2h(x_t) + self.h2h(h.detach()))  # should be h itself
            states.append(h)
        return torch.stack(states), h
