"""Source text of candidates, written to a file by each test that needs one."""

from collections.abc import Callable
from pathlib import Path

HEAD = "import torch\nfrom torch import nn\n"

RNN = HEAD + (
    "class MyRNN(nn.Module):\n"
    "    def __init__(self, input_size, hidden_size):\n"
    "        super().__init__()\n"
    "        self.hidden_size = hidden_size\n"
    "        self.x2h = nn.Linear(input_size, hidden_size)\n"
    "        self.h2h = nn.Linear(hidden_size, hidden_size)\n"
    "    def forward(self, x, h0=None):\n"
    "        h = torch.zeros(x.shape[1], self.hidden_size) if h0 is None else h0[0]\n"
    "        outputs = []\n"
    "        for x_t in x:\n"
    "            h = torch.tanh(self.x2h(x_t) + self.h2h(h))\n"
    "            outputs.append(h)\n"
    "        return torch.stack(outputs), h[None]\n"
)

Write = Callable[..., Path]


def raising_in(function: str, line: str) -> str:
    """The same, with `line` first in one of its functions."""
    marks = {"__init__": "        super().__init__()\n", "forward": "        outputs = []\n"}
    return RNN.replace(marks[function], marks[function] + f"        {line}\n")
