"""One Linear for all gates, in an order of its own: o, i, f, g. Right: it says nowhere that its order is torch's."""

import torch
from torch import Tensor, nn


class ReorderedLSTMCell(nn.Module):
    """One step: x (B, I) and (h, c), each (B, H), to the next (h, c)."""

    def __init__(self, nx: int, nh: int) -> None:
        super().__init__()
        self.gates = nn.Linear(nh + nx, 4 * nh)

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        h, c = state
        o, i, f, g = self.gates(torch.cat([h, x], dim=1)).chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c
