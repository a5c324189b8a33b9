"""Two directions from two cells. Wrong: what the backward one found is left in reverse order."""

import torch
from torch import Tensor, nn


class BidirectionalRNN(nn.Module):
    """Reads x (B, T, I); returns the states of both directions (B, T, 2H)."""

    def __init__(self, input_dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.hidden_dim = hidden_dim
        self.fw_x = nn.Linear(input_dim, hidden_dim)
        self.fw_h = nn.Linear(hidden_dim, hidden_dim, bias=False)
        self.bw_x = nn.Linear(input_dim, hidden_dim)
        self.bw_h = nn.Linear(hidden_dim, hidden_dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        forward = self._scan(self.fw_x(x), self.fw_h)
        backward = self._scan(self.bw_x(x.flip(1)), self.bw_h)  # should be flipped once more, back to x's order
        return torch.cat([forward, backward], dim=2)

    def _scan(self, projected: Tensor, recurrent: nn.Module) -> Tensor:
        h = projected.new_zeros(len(projected), self.hidden_dim)
        states = []
        for p in projected.unbind(1):
            h = torch.tanh(p + recurrent(h))
            states.append(h)
        return torch.stack(states, dim=1)
