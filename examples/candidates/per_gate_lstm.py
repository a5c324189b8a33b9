"""An LSTM as the papers print it: a matrix for each gate and side, stored (I, H) and (H, H), one bias a gate. Right."""

import torch
from torch import Tensor, nn


class PerGateLSTM(nn.Module):
    """Reads x (T, B, I) and (h, c), each (B, H); returns a list of states and the last (h, c)."""

    def __init__(self, num_inputs: int, num_hiddens: int) -> None:
        super().__init__()
        self.num_hiddens = num_hiddens
        for gate in "ifoc":
            self.register_parameter(f"W_x{gate}", nn.Parameter(torch.randn(num_inputs, num_hiddens) * 0.1))
            self.register_parameter(f"W_h{gate}", nn.Parameter(torch.randn(num_hiddens, num_hiddens) * 0.1))
            self.register_parameter(f"b_{gate}", nn.Parameter(torch.zeros(num_hiddens)))

    def _gate(self, name: str, x: Tensor, h: Tensor) -> Tensor:
        w_x, w_h = self.get_parameter(f"W_x{name}"), self.get_parameter(f"W_h{name}")
        return x @ w_x + h @ w_h + self.get_parameter(f"b_{name}")

    def forward(
        self, x: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[list[Tensor], tuple[Tensor, Tensor]]:
        zeros = x.new_zeros(x.shape[1], self.num_hiddens)
        h, c = (zeros, zeros) if state is None else state
        outputs = []
        for x_t in x:
            i = torch.sigmoid(self._gate("i", x_t, h))
            f = torch.sigmoid(self._gate("f", x_t, h))
            o = torch.sigmoid(self._gate("o", x_t, h))
            c = f * c + i * torch.tanh(self._gate("c", x_t, h))
            h = o * torch.tanh(c)
            outputs.append(h)
        return outputs, (h, c)
