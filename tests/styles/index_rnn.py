"""The Elman networks of the corpus."""

from types import SimpleNamespace
from typing import Any

from styles.calls import layer, steps
from styles.faults import no_activation, no_recurrence
from styles.style import Style

SUM = "bias_ih_l0 + bias_hh_l0"
TORCH = {name: name for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")}


def apart(*arguments: str) -> Any:
    """A function whose weights are its own arguments: held beside it until it is called."""
    return lambda made, style: SimpleNamespace(function=made, **dict.fromkeys(arguments))


def classified(made: Any, style: Style) -> Any:
    return made(style.input_size, style.hidden_size, 5)


RNN = [
    Style(
        "name_classifier.py",
        "RNN",
        "rnn",
        True,
        "cell, one Linear on [x; h], a head per step, (head, hidden), initHidden(batch)",
        {"i2h.weight": "beside(weight_ih_l0, weight_hh_l0)", "i2h.bias": SUM, "h2o.weight": "free", "h2o.bias": "free"},
        steps(("other", "h_n"), ("h1",)),
        notes="the head's size has a default",
    ),
    Style(
        "name_classifier.py",
        "RNNNoActivation",
        "rnn",
        False,
        "cell, one Linear on [x; h] without a nonlinearity, the head reads [x; h] too",
        {"i2h.weight": "beside(weight_ih_l0, weight_hh_l0)", "i2h.bias": SUM, "i2o.weight": "free", "i2o.bias": "free"},
        steps(("other", "h_n"), ("h1",)),
        slug="wrong-nonlinearity",
        make=classified,
        fault=no_activation,
        notes="output_size, the head's, has no default",
    ),
    Style(
        "elman.py",
        "ElmanRNN",
        "rnn",
        True,
        "layer of two Linears, bias on x alone, batch first, output alone, no initial state, in_dim and hid_dim",
        {"x2h.weight": "weight_ih_l0", "x2h.bias": SUM, "h2h.weight": "weight_hh_l0"},
        layer("output", batch_first=True),
        takes_state=False,
    ),
    Style(
        "elman.py",
        "LastStateRNN",
        "rnn",
        True,
        "layer, bias on h alone, batch first, only the last state, init_hidden(batch_size), n_in and n_hidden",
        {"inp.weight": "weight_ih_l0", "rec.weight": "weight_hh_l0", "rec.bias": SUM},
        layer("last", batch_first=True),
        takes_state=False,
    ),
    Style(
        "numpy_rnn_layers.py",
        "rnn_forward",
        "rnn",
        True,
        "numpy function with its weights as arguments, transposed, batch first, (output, cache)",
        {"Wx": "weight_ih_l0.T", "Wh": "weight_hh_l0.T", "b": SUM},
        layer(
            ("output", "other"),
            ("h1",),
            batch_first=True,
            numpy=True,
            invoke=lambda made, x, h: made.function(x, h, made.Wx, made.Wh, made.b),
        ),
        make=apart("Wx", "Wh", "b"),
        framework="numpy",
    ),
    Style(
        "char_rnn_numpy.py",
        "CharRNN",
        "rnn",
        True,
        "numpy class on columns, arrays as attributes, a list of inputs, dicts of heads and of states",
        {"Wxh": "weight_ih_l0", "Whh": "weight_hh_l0", "bh": f"column({SUM})", "Why": "free", "by": "free"},
        layer(
            ("output", "h_n"),
            ("h1",),
            numpy=True,
            single=True,
            invoke=lambda made, x, h: states_of(made.forward(list(x), h.reshape(-1, 1))[1]),
        ),
        framework="numpy",
        notes="states are a dict from t to a column, with the initial one at -1",
    ),
    Style(
        "from_scratch_book.py",
        "RNNScratch",
        "rnn",
        True,
        "layer of transposed matrices, time first, a list of states and the last, num_inputs and num_hiddens",
        {"W_xh": "weight_ih_l0.T", "W_hh": "weight_hh_l0.T", "b_h": SUM},
        layer(("output", "h_n"), ("h1",)),
    ),
    Style(
        "notebook_cells.py",
        "MyRNN",
        "rnn",
        False,
        "a notebook's layer: plain tensors, scalar biases, no loop over time, unbatched, (all, last)",
        {"wx": "weight_ih_l0", "wh": "weight_hh_l0", "bx": "bias_ih_l0[0:1]", "bh": "bias_hh_l0[0:1]"},
        layer(("output", "h_n"), single=True),
        slug="no-recurrence",
        takes_state=False,
        fault=no_recurrence,
        notes="also scalar-bias and parameter-not-registered",
    ),
    Style(
        "notebook_cells.py",
        "MyRNNLoop",
        "rnn",
        False,
        "the same with the loop and vectors as biases: plain tensors, unbatched, (all, last)",
        {"wx": "weight_ih_l0", "wh": "weight_hh_l0", "bx": "bias_ih_l0", "bh": "bias_hh_l0"},
        layer(("output", "h_n"), (), single=True),
        takes_state=False,
        slug="parameter-not-registered",
        trains=False,
    ),
]


def states_of(hs: dict[int, Any]) -> tuple[list[Any], Any]:
    """The states of columns in a dict, in order, and the last."""
    ordered = [hs[t][:, 0] for t in range(len(hs) - 1)]
    return ordered, ordered[-1]
