"""The GRU of its first paper, as textbooks print it. Not torch's: see the two comments."""

import torch
from torch import Tensor, nn


class TextbookGRUCell(nn.Module):
    """One step: x (B, I) and h (B, H) to the next h (B, H)."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.update = nn.Linear(input_size + hidden_size, hidden_size)
        self.reset = nn.Linear(input_size + hidden_size, hidden_size)
        self.proposal = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        z = torch.sigmoid(self.update(torch.cat([x, h], dim=1)))
        r = torch.sigmoid(self.reset(torch.cat([x, h], dim=1)))
        n = torch.tanh(self.proposal(torch.cat([x, r * h], dim=1)))  # torch resets the product: r * (W h + b)
        return (1 - z) * h + z * n  # torch keeps h where z is 1: (1 - z) * n + z * h
