"""`RNN`, `LSTM` and `GRU`, to be used wherever `torch.nn`'s are: same constructor, call, results and state_dict."""

import torch

from rnncheck.scratch.layer import RecurrentLayer
from rnncheck.spec import Cell, Nonlinearity


class RNN(RecurrentLayer):
    """Elman's network, h_t = f(W_ih x_t + b_ih + W_hh h_(t-1) + b_hh) with f tanh or relu, in layers.

    input (T, B, I) and h0 (L*D, B, H) to output (T, B, D*H) and h_n (L*D, B, H); `RecurrentLayer.forward` has the other
    layouts. Raises `ValueError` for an unknown nonlinearity or an impossible size, `TypeError` for one that is no int.
    Source: Elman 1990; `torch.nn.RNN`.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: Nonlinearity = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"nonlinearity is {nonlinearity!r}; it must be 'tanh' or 'relu'")
        super().__init__(
            Cell.RNN, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            nonlinearity=nonlinearity, device=device, dtype=dtype,
        )  # fmt: skip
        self.nonlinearity = nonlinearity


class LSTM(RecurrentLayer):
    """Long short-term memory, in layers: `cells.lstm` has the equations.

    input (T, B, I) and (h0 (L*D, B, R), c0 (L*D, B, H)) to output (T, B, D*R) and (h_n, c_n), where R is proj_size if
    there is one and else H; `RecurrentLayer.forward` has the other layouts. Raises `ValueError` for an impossible size,
    `TypeError` for one that is no int.
    Source: Hochreiter & Schmidhuber 1997, Gers et al. 2000, Sak et al. 2014 for the projection; `torch.nn.LSTM`.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(
            Cell.LSTM, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size,
            device=device, dtype=dtype,
        )  # fmt: skip


class GRU(RecurrentLayer):
    """Gated recurrent units, in layers: `cells.gru` has the equations.

    input (T, B, I) and h0 (L*D, B, H) to output (T, B, D*H) and h_n (L*D, B, H); `RecurrentLayer.forward` has the other
    layouts. Raises `ValueError` for an impossible size, `TypeError` for one that is no int.
    Source: Cho et al. 2014, reset after the matrix product; `torch.nn.GRU`.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(
            Cell.GRU, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            device=device, dtype=dtype,
        )  # fmt: skip
