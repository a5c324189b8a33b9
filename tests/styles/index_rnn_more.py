"""More Elman networks: stacked, in both directions, as einsums, ported, with a backward pass of their own."""

from typing import Any

from styles.calls import layer, steps
from styles.faults import backward_left_reversed, second_call
from styles.style import Style

SUM = "bias_ih_l0 + bias_hh_l0"


def two_linears(x: str, h: str, suffix: str = "_l0") -> dict[str, str]:
    """A Linear on x and one on h, each with its own bias."""
    return {
        f"{x}.weight": f"weight_ih{suffix}",
        f"{x}.bias": f"bias_ih{suffix}",
        f"{h}.weight": f"weight_hh{suffix}",
        f"{h}.bias": f"bias_hh{suffix}",
    }


def both_directions(forward: str, backward: str) -> dict[str, str]:
    """A cell for each direction, with its bias on the state's side alone."""
    mapping = {}
    for cell, suffix in ((forward, "_l0"), (backward, "_l0_reverse")):
        mapping[f"{cell}.w.weight"] = f"weight_ih{suffix}"
        mapping[f"{cell}.u.weight"] = f"weight_hh{suffix}"
        mapping[f"{cell}.u.bias"] = f"bias_ih{suffix} + bias_hh{suffix}"
    return mapping


def sized(made: Any, style: Style) -> Any:
    return made(style.hidden_size)


def kept_between(made: Any, x: Any) -> Any:
    made(x)
    return made(x)


MORE_RNN = [
    Style(
        "stacked.py",
        "DeepRNN",
        "rnn",
        True,
        "ModuleList of cells, two layers stepped together, time first, (output, h) with the layer axis",
        two_linears("cells.0.Wx", "cells.0.Wh") | two_linears("cells.1.Wx", "cells.1.Wh", "_l1"),
        layer(("output", "h_n"), ("h",)),
        num_layers=2,
    ),
    Style(
        "stacked.py",
        "StackedRNN",
        "rnn",
        False,
        "ModuleList that holds one cell twice, input as wide as the state, batch first, output alone",
        two_linears("layers.0.Wx", "layers.0.Wh"),
        layer("output", batch_first=True),
        slug="layers-share-weights",
        make=sized,
        input_size=4,
        num_layers=2,
        takes_state=False,
        fault={f"{name}_l1": f"{name}_l0" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")},
    ),
    Style(
        "bidirectional.py",
        "BiRNN",
        "rnn",
        True,
        "a cell for each direction, batch first, output alone",
        both_directions("fw", "bw"),
        layer("output", batch_first=True),
        bidirectional=True,
        takes_state=False,
    ),
    Style(
        "bidirectional.py",
        "BiRNNEncoder",
        "rnn",
        False,
        "a cell for each direction, the backward outputs left in reverse, batch first, output alone",
        both_directions("forward_cell", "backward_cell"),
        layer("output", batch_first=True),
        slug="reverse-not-flipped",
        bidirectional=True,
        takes_state=False,
        fault=backward_left_reversed,
    ),
    Style(
        "einsum_rnn.py",
        "EinsumRNN",
        "rnn",
        True,
        "einsum, transposed in a ParameterDict, batch first, the initial state required, (h, output)",
        {"weights.in": "weight_ih_l0.T", "weights.rec": "weight_hh_l0.T", "weights.bias": SUM},
        layer(("h_n", "output"), ("h1",), batch_first=True),
    ),
    Style(
        "irnn.py",
        "IRNN",
        "rnn",
        True,
        "relu, two Linears, batch first, (output, a head on the last state)",
        two_linears("i2h", "h2h") | {"fc.weight": "free", "fc.bias": "free"},
        layer(("output", "other"), batch_first=True),
        nonlinearity="relu",
        takes_state=False,
        options={"nonlinearity": "relu"},
    ),
    Style(
        "flax_port.py",
        "SimpleCell",
        "rnn",
        True,
        "flax's cell: dense_i with the bias, dense_h, (carry, inputs) to (carry, output), initialize_carry",
        {"dense_i.weight": "weight_ih_l0", "dense_i.bias": SUM, "dense_h.weight": "weight_hh_l0"},
        steps(("h_n", "other"), ("h1",), invoke=lambda made, x, carry: made(carry, x)),
    ),
    Style(
        "forecasting.py",
        "SeriesRNN",
        "rnn",
        True,
        "one number per timestep (B, T), a head per step, (predictions, h), hidden_size alone",
        two_linears("inp", "rec") | {"out.weight": "free", "out.bias": "free"},
        layer(("other", "h_n"), batch_first=True, invoke=lambda made, x: made(x[..., 0])),
        make=sized,
        input_size=1,
        takes_state=False,
    ),
    Style(
        "forecasting.py",
        "StatefulRNN",
        "rnn",
        False,
        "transposed matrices, bias (1, H), batch first, output alone, its state kept from call to call",
        {"Wx": "weight_ih_l0.T", "Wy": "weight_hh_l0.T", "b": f"row({SUM})"},
        layer("output", batch_first=True, invoke=kept_between),
        slug="state-leaks-between-calls",
        takes_state=False,
        fault=second_call,
        notes="the first call after construction is right",
    ),
    Style(
        "autograd_rnn.py",
        "FunctionRNN",
        "rnn",
        True,
        "autograd.Function with a backward pass of its own, time first, the initial state required, (output, h)",
        {"W": "weight_ih_l0", "U": "weight_hh_l0", "b": SUM},
        layer(("output", "h_n"), ("h1",)),
    ),
    Style(
        "autograd_rnn.py",
        "FastFunctionRNN",
        "rnn",
        False,
        "autograd.Function whose backward pass never goes back through the state",
        {"W": "weight_ih_l0", "U": "weight_hh_l0", "b": SUM},
        layer(("output", "h_n"), ("h1",)),
        slug="gradient-detached",
        backward=True,
    ),
    Style(
        "precision.py",
        "PlainRNN",
        "rnn",
        True,
        "no bias at all, V and W, time first, a list of states alone, n_input and n_hidden",
        {"V": "weight_ih_l0", "W": "weight_hh_l0"},
        layer("output", ("h1",)),
        bias=False,
        notes="equal to torch's layer without bias: the comparison has to be restricted to that",
    ),
]
