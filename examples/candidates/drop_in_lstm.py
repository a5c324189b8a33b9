"""A stand-in for `torch.nn.LSTM` that loads its state_dict. Wrong: torch's rows are i, f, g, o; it reads i, f, o, g."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import linear


class DropInLSTM(nn.Module):
    """Reads x (T, B, I) and (h0, c0), each (1, B, H); returns all states (T, B, H) and the last (h, c), as given."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.weight_ih_l0 = nn.Parameter(torch.empty(4 * hidden_size, input_size))
        self.weight_hh_l0 = nn.Parameter(torch.empty(4 * hidden_size, hidden_size))
        self.bias_ih_l0 = nn.Parameter(torch.empty(4 * hidden_size))
        self.bias_hh_l0 = nn.Parameter(torch.empty(4 * hidden_size))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -1 / math.sqrt(hidden_size), 1 / math.sqrt(hidden_size))

    def forward(self, x: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        zeros = x.new_zeros(1, x.shape[1], self.hidden_size)
        h, c = (state[0] for state in hx or (zeros, zeros))
        outputs = []
        for p in linear(x, self.weight_ih_l0, self.bias_ih_l0):
            i, f, o, g = (p + linear(h, self.weight_hh_l0, self.bias_hh_l0)).chunk(4, dim=1)  # should be i, f, g, o
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            outputs.append(h)
        return torch.stack(outputs), (h[None], c[None])
