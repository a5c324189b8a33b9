"""Keras's GRU in torch: its names, its gate order z, r, h, its two biases in one tensor (2, 3H). Right."""

import torch
from torch import Tensor, nn


class KerasGRU(nn.Module):
    """Reads inputs (B, T, I) and initial_state (B, H); returns all states (B, T, H) and the last (B, H)."""

    def __init__(self, units: int, input_dim: int) -> None:
        super().__init__()
        self.units = units
        self.kernel = nn.Parameter(torch.randn(input_dim, 3 * units) * 0.1)
        self.recurrent_kernel = nn.Parameter(torch.randn(units, 3 * units) * 0.1)
        self.bias = nn.Parameter(torch.zeros(2, 3 * units))

    def forward(self, inputs: Tensor, initial_state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h = inputs.new_zeros(len(inputs), self.units) if initial_state is None else initial_state
        states = []
        for x in inputs.unbind(1):
            x_z, x_r, x_h = (x @ self.kernel + self.bias[0]).chunk(3, dim=1)
            h_z, h_r, h_h = (h @ self.recurrent_kernel + self.bias[1]).chunk(3, dim=1)
            z = torch.sigmoid(x_z + h_z)
            r = torch.sigmoid(x_r + h_r)
            h = z * h + (1 - z) * torch.tanh(x_h + r * h_h)
            states.append(h)
        return torch.stack(states, dim=1), h
