"""What `torch.nn` makes of a style's weights and data: the truth that labels are held against."""

from collections.abc import Mapping

import torch
from styles.style import Style
from torch import Tensor, nn

T, B = 6, 3


def reference(style: Style) -> nn.RNNBase:
    sizes = (style.input_size, style.hidden_size, style.num_layers)
    options = {"bidirectional": style.bidirectional, "bias": style.bias, "dtype": torch.float64}
    if style.cell == "rnn":
        return nn.RNN(*sizes, nonlinearity=style.nonlinearity, **options)
    return {"lstm": nn.LSTM, "gru": nn.GRU}[style.cell](*sizes, **options)


def weights_of(style: Style) -> dict[str, Tensor]:
    """Large enough that every gate bends and every bias shows, each drawn anew."""
    drawn = torch.Generator().manual_seed(7)
    shapes = {name: value.shape for name, value in reference(style).state_dict().items()}
    drawn_weights = {
        name: torch.rand(shape, generator=drawn, dtype=torch.float64) * 1.6 - 0.8 for name, shape in shapes.items()
    }
    if style.without:
        name, gate = style.without
        gates = {"lstm": "ifgo", "gru": "rzn"}[style.cell]
        drawn_weights[name].chunk(len(gates))[gates.index(gate)].zero_()
    return drawn_weights


def data_of(style: Style) -> tuple[Tensor, Tensor, Tensor]:
    drawn = torch.Generator().manual_seed(8)
    states = style.num_layers * (2 if style.bidirectional else 1)
    x = torch.randn(T, B, style.input_size, generator=drawn, dtype=torch.float64)
    h0, c0 = torch.randn(2, states, B, style.hidden_size, generator=drawn, dtype=torch.float64).unbind()
    if not style.takes_state:
        h0 = torch.zeros_like(h0)
    if not style.takes_state or not style.takes_cell_state:
        c0 = torch.zeros_like(c0)
    return tuple(each.to(getattr(torch, style.dtype)) for each in (x, h0, c0))


def torch_runs(style: Style, weights: Mapping[str, Tensor], x: Tensor, h0: Tensor, c0: Tensor) -> dict[str, Tensor]:
    layer = reference(style)
    layer.load_state_dict(dict(weights))
    x, h0, c0 = x.double(), h0.double(), c0.double()
    output, state = layer(x, (h0, c0)) if style.cell == "lstm" else layer(x, h0)
    h_n, c_n = state if style.cell == "lstm" else (state, c0)
    return {"output": output, "h_n": h_n, "c_n": c_n, "last": h_n[-1]}
