"""The LSTMs of the corpus."""

from types import SimpleNamespace

from styles.calls import layer, steps
from styles.style import Style

SUM = "(bias_ih_l0 + bias_hh_l0)"
TORCH = {name: name for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")}


def per_gate(own: str, x: str, h: str, b: str, transposed: bool = True) -> dict[str, str]:
    """A matrix for x, one for h and a bias for each gate; `own` names the gates i, f, g, o, as in `x` with `*`."""
    turned = ".T" if transposed else ""
    mapping = {}
    for gate, letter in zip("ifgo", own, strict=True):
        mapping[x.replace("*", letter)] = f"weight_ih_l0[{gate}]{turned}"
        mapping[h.replace("*", letter)] = f"weight_hh_l0[{gate}]{turned}"
        mapping[b.replace("*", letter)] = f"{SUM}[{gate}]"
    return mapping


LSTM = [
    Style(
        "fused_lstm.py",
        "CustomLSTM",
        "lstm",
        True,
        "layer, fused and transposed in torch's order, one bias, batch first, (output, (h, c)) without the layer axis",
        {"W": "weight_ih_l0.T", "U": "weight_hh_l0.T", "bias": SUM},
        layer(("output", ("h_n", "c_n")), (("h1", "c1"),), batch_first=True),
    ),
    Style(
        "fused_lstm.py",
        "NaiveLSTMCell",
        "lstm",
        True,
        "cell, one Linear on [h; x] for all gates, its own order f, i, o, g",
        {"gates.weight": "beside(weight_hh_l0, weight_ih_l0)[fiog]", "gates.bias": f"{SUM}[fiog]"},
        steps(("h_n", "c_n"), (("h1", "c1"),)),
    ),
    Style(
        "fused_lstm.py",
        "MyLSTM",
        "lstm",
        False,
        "layer with torch's names and signature that reads them in the order i, f, o, g",
        TORCH,
        layer(("output", ("h_n", "c_n")), (("h", "c"),)),
        slug="gate-order",
        fault={name: f"{name}[ifog]" for name in TORCH},
    ),
    Style(
        "from_scratch_book.py",
        "LSTMScratch",
        "lstm",
        True,
        "layer of transposed matrices for each gate, time first, a list of states and (H, C)",
        per_gate("ifco", "W_x*", "W_h*", "b_*"),
        layer(("output", ("h_n", "c_n")), (("h1", "c1"),)),
    ),
    Style(
        "numpy_rnn_layers.py",
        "lstm_forward",
        "lstm",
        True,
        "numpy function with its weights as arguments in its own order i, f, o, g, h0 and no c0, output alone",
        {"Wx": "weight_ih_l0[ifog].T", "Wh": "weight_hh_l0[ifog].T", "b": f"{SUM}[ifog]"},
        layer(
            "output",
            ("h1",),
            batch_first=True,
            numpy=True,
            invoke=lambda made, x, h: made.function(x, h, made.Wx, made.Wh, made.b),
        ),
        make=lambda made, style: SimpleNamespace(function=made, Wx=None, Wh=None, b=None),
        takes_cell_state=False,
        framework="numpy",
    ),
]
