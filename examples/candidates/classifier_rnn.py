"""The cell of many first tutorials: one Linear on the input and the state side by side, a head on top. Right."""

import torch
from torch import Tensor, nn


class ClassifierRNN(nn.Module):
    """One step: x (B, I) and h (B, H) to log-probabilities (B, O) and the next h (B, H)."""

    def __init__(self, input_size: int, hidden_size: int, output_size: int = 18) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size + hidden_size, hidden_size)
        self.h2o = nn.Linear(hidden_size, output_size)

    def forward(self, x: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        hidden = torch.tanh(self.i2h(torch.cat((x, hidden), dim=1)))
        return torch.log_softmax(self.h2o(hidden), dim=1), hidden

    def init_hidden(self, batch_size: int = 1) -> Tensor:
        return torch.zeros(batch_size, self.hidden_size)
