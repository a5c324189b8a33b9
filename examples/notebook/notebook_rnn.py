"""An RNN "from scratch" as a student's notebook had it, bugs and all. Do not copy it: read it.

It was meant to be the Elman RNN that `torch.nn.RNN` is:

    a_t = tanh(W_aa a_{t-1} + b_aa + W_ax x_t + b_ax)

Called as the notebook called it, nothing raises, the shapes are right and the numbers look like states. Five things are
wrong all the same; each is marked BUG where it happens. rnncheck/scratch/ has the layer as it should be.
"""

import torch
from torch import Tensor, nn


class NotebookRNN(nn.Module):
    """Reads x (T, I) and returns "all states" (T, H) and "the last state" (H)."""

    def __init__(self, input_size: int, hidden_size: int, device: str = "cpu") -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.device = device

        # BUG 1: `.to(device)` stands outside nn.Parameter. When it has to move or convert something, it returns a new,
        # plain tensor, and a plain tensor is not registered: parameters() is empty, an optimizer trains nothing and
        # state_dict() saves nothing. On the CPU, `.to("cpu")` returns the parameter itself, so a laptop hides the bug.
        # Right: nn.Parameter(torch.rand(...)), and layer.to(device) once, from outside.
        self.waa = nn.Parameter(torch.rand(hidden_size, hidden_size)).to(device)
        self.wax = nn.Parameter(torch.rand(hidden_size, input_size)).to(device)
        self.way = nn.Parameter(torch.rand(hidden_size, hidden_size)).to(device)

        # BUG 2: one number is the bias of every unit. It broadcasts, so nothing complains, and for H = 1 it is even
        # right. Right: torch.rand(hidden_size).
        self.baa = nn.Parameter(torch.rand(1)).to(device)
        self.bax = nn.Parameter(torch.rand(1)).to(device)
        self.bay = nn.Parameter(torch.rand(1)).to(device)

    def forward(self, x: Tensor, hidden: Tensor | None = None) -> tuple[Tensor, Tensor]:
        x = x.to(self.device)

        # BUG 3: `not hidden` asks a tensor for its truth. For H > 1 that raises ("Boolean value of Tensor with more
        # than one value is ambiguous"). Right: `if hidden is None`.
        if not hidden:
            hidden = torch.zeros(1, self.hidden_size).to(self.device)  # (1, H)

        # BUG 4, the one that matters: there is no loop over time. One state, all zeros, is broadcast to every row, so
        # row t never sees row t - 1, and W_aa, multiplied by zero, never enters. What comes out is
        # tanh(W_ax x_t + b_ax + b_aa): a layer without memory. Only t = 0 is right, since its state before is zero.
        h = torch.matmul(hidden, self.waa.T) + self.baa  # (1, H)
        z = torch.matmul(x, self.wax.T) + self.bax  # (T, H)
        a = torch.tanh(h + z)  # (T, H)

        # BUG 5: y is computed and thrown away, so W_ay and b_ay never receive a gradient.
        _y = nn.Softmax(dim=1)(torch.matmul(a, self.way.T) + self.bay)  # (T, H)

        return a, a[-1]
