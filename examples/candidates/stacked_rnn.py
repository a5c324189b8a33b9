"""Layers on top of each other in a ModuleList, all stepped together. Right."""

import torch
from torch import Tensor, nn


class Cell(nn.Module):
    def __init__(self, n_in: int, n_hidden: int) -> None:
        super().__init__()
        self.wx = nn.Linear(n_in, n_hidden)
        self.wh = nn.Linear(n_hidden, n_hidden, bias=False)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.wx(x) + self.wh(h))


class StackedRNN(nn.Module):
    """Reads x (T, B, I) and h0 (L, B, H); returns the top layer's states (T, B, H) and every layer's last (L, B, H)."""

    def __init__(self, n_in: int, n_hidden: int, num_layers: int = 2) -> None:
        super().__init__()
        self.n_hidden = n_hidden
        self.cells = nn.ModuleList(Cell(n_in if layer == 0 else n_hidden, n_hidden) for layer in range(num_layers))

    def forward(self, x: Tensor, h0: Tensor | None = None) -> tuple[Tensor, Tensor]:
        if h0 is None:
            h0 = x.new_zeros(len(self.cells), x.shape[1], self.n_hidden)
        states = list(h0)
        outputs = []
        for x_t in x:
            below = x_t
            for layer, cell in enumerate(self.cells):
                below = states[layer] = cell(below, states[layer])
            outputs.append(below)
        return torch.stack(outputs), torch.stack(states)
