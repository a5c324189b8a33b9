"""Strangers that wrap `torch.nn`'s cells, and one with its parameters in a list."""

import torch
from styles.calls import layer
from styles.style import Style
from torch import Tensor, nn

NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def stepped(made: nn.Module, x: Tensor, h0: Tensor, c0: Tensor) -> dict[str, Tensor]:
    """A step of all layers at once, whose states have the layer axis."""
    state, outputs = (h0, c0), []
    for x_t in x:
        output, state = made(x_t, state)
        outputs.append(output)
    return {"output": torch.stack(outputs), "h_n": state[0], "c_n": state[1]}


WRAPPERS = [
    Style(
        "cell_wrappers.py",
        "StackedLSTM",
        "lstm",
        True,
        "a step of two of torch's LSTMCells in a ModuleList, (output, (h, c)) with the layer axis, num_layers first",
        {f"layers.{k}.{name}": f"{name}_l{k}" for k in (0, 1) for name in NAMES},
        stepped,
        num_layers=2,
        make=lambda made, style: made(style.num_layers, style.input_size, style.hidden_size),
        notes="a cell of more than one layer",
    ),
    Style(
        "cell_wrappers.py",
        "GRUDecoder",
        "gru",
        True,
        "torch's GRUCell in a loop, one size for input and state, h required, (a normalised head, states)",
        {
            **{f"gru.{name}": f"{name}_l0" for name in NAMES},
            **dict.fromkeys(("norm.weight", "norm.bias", "out.weight", "out.bias"), "free"),
        },
        layer(("other", "output"), ("h1",)),
        make=lambda made, style: made(style.hidden_size),
        input_size=4,
    ),
    Style(
        "cell_wrappers.py",
        "ListedRNN",
        "rnn",
        True,
        "a ParameterList, so that names are numbers; time first, output alone",
        {f"all_weights.{k}": f"{name}_l0" for k, name in enumerate(NAMES)},
        layer("output", ("h1",)),
    ),
]
