"""A GRU with one bias in all: it has no place for torch's b_hn, which r resets too. Right where b_hn is zero."""

import torch
from torch import Tensor, nn


class OneBiasGRU(nn.Module):
    """Reads x (T, B, I) and h0 (B, H); returns all states (T, B, H) and the last (B, H)."""

    def __init__(self, in_dim: int, hid_dim: int) -> None:
        super().__init__()
        self.hid_dim = hid_dim
        self.W = nn.Linear(in_dim, 3 * hid_dim)
        self.U = nn.Linear(hid_dim, 3 * hid_dim, bias=False)  # the candidate's rows need a bias of their own

    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h = x.new_zeros(x.shape[1], self.hid_dim) if h0 is None else h0
        states = []
        for x_t in x:
            x_r, x_z, x_n = self.W(x_t).chunk(3, dim=1)
            h_r, h_z, h_n = self.U(h).chunk(3, dim=1)
            r = torch.sigmoid(x_r + h_r)
            z = torch.sigmoid(x_z + h_z)
            h = (1 - z) * torch.tanh(x_n + r * h_n) + z * h
            states.append(h)
        return torch.stack(states), h
