import torch
from torch import nn


class IRNN(nn.Module):
    """ReLU RNN whose recurrent matrix starts as the identity"""

    def __init__(self, input_size, hidden_size, output_size=10):
        super().__init__()
        self.hidden_size = hidden_size
        self.i2h = nn.Linear(input_size, hidden_size)
        self.h2h = nn.Linear(hidden_size, hidden_size)
        self.h2h.weight.data = torch.eye(hidden_size)
        self.h2h.bias.data.zero_()
        self.fc = nn.Linear(hidden_size, output_size)

    def forward(self, x):
        h = torch.zeros(x.shape[0], self.hidden_size, device=x.device, dtype=x.dtype)
        hs = []
        for t in range(x.shape[1]):
            h = torch.relu(self.i2h(x[:, t]) + self.h2h(h))
            hs.append(h)
        return torch.stack(hs, 1), self.fc(h)
