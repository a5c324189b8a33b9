"""The candidates that users are shown, in `examples/candidates/`."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from styles.calls import layer, steps
from styles.faults import backward_left_reversed, paper, second_call
from styles.style import Style

CANDIDATES = Path(__file__).parents[2] / "examples" / "candidates"
NAMES = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
SUM = "(bias_ih_l0 + bias_hh_l0)"
BESIDE = "beside(weight_ih_l0, weight_hh_l0)"


def example(file: str, name: str, cell: str, right: bool, variant: str, mapping: Any, call: Any, **more: Any) -> Style:
    return Style(file, name, cell, right, variant, mapping, call, folder=CANDIDATES, **more)


def twice(made: Any, x: Any) -> Any:
    made(x)
    return made(x)


EXAMPLES = [
    example(
        "classifier_rnn.py",
        "ClassifierRNN",
        "rnn",
        True,
        "cell, one Linear on [x; h], a head",
        {"i2h.weight": BESIDE, "i2h.bias": SUM, "h2o.weight": "free", "h2o.bias": "free"},
        steps(("other", "h_n"), ("h1",)),
    ),
    example(
        "numpy_rnn.py",
        "rnn_forward",
        "rnn",
        True,
        "numpy function with its weights as arguments",
        {"Wx": "weight_ih_l0.T", "Wh": "weight_hh_l0.T", "b": SUM},
        layer(
            "output",
            ("h1",),
            batch_first=True,
            numpy=True,
            invoke=lambda made, x, h: made.function(x, h, made.Wx, made.Wh, made.b),
        ),
        make=lambda made, style: SimpleNamespace(function=made, Wx=None, Wh=None, b=None),
        framework="numpy",
    ),
    example(
        "stacked_rnn.py",
        "StackedRNN",
        "rnn",
        True,
        "ModuleList of cells, two layers",
        {
            f"cells.{k}.{own}": expression.replace("@", f"_l{k}")
            for k in (0, 1)
            for own, expression in (
                ("wx.weight", "weight_ih@"),
                ("wx.bias", "bias_ih@ + bias_hh@"),
                ("wh.weight", "weight_hh@"),
            )
        },
        layer(("output", "h_n"), ("h",)),
        num_layers=2,
    ),
    example(
        "bidirectional_rnn.py",
        "BidirectionalRNN",
        "rnn",
        False,
        "two Linears for each direction, the backward outputs left in reverse",
        {
            f"{own}_{part}": expression.replace("@", suffix)
            for own, suffix in (("fw", "_l0"), ("bw", "_l0_reverse"))
            for part, expression in (
                ("x.weight", "weight_ih@"),
                ("x.bias", "bias_ih@ + bias_hh@"),
                ("h.weight", "weight_hh@"),
            )
        },
        layer("output", batch_first=True),
        slug="reverse-not-flipped",
        bidirectional=True,
        takes_state=False,
        fault=backward_left_reversed,
    ),
    example(
        "stateful_rnn.py",
        "StatefulRNN",
        "rnn",
        False,
        "keeps its state from call to call",
        {"W_x": "weight_ih_l0.T", "W_h": "weight_hh_l0.T", "b": SUM},
        layer("output", batch_first=True, invoke=twice),
        slug="state-leaks-between-calls",
        takes_state=False,
        fault=second_call,
    ),
    example(
        "truncated_rnn.py",
        "TruncatedRNN",
        "rnn",
        False,
        "detaches the state at every step",
        {"x2h.weight": NAMES[0], "h2h.weight": NAMES[1], "x2h.bias": NAMES[2], "h2h.bias": NAMES[3]},
        layer(("output", "h_n"), ("h1",)),
        slug="gradient-detached",
        backward=True,
    ),
    example(
        "per_gate_lstm.py",
        "PerGateLSTM",
        "lstm",
        True,
        "transposed matrices for each gate",
        {
            own + gate: f"{source}[{letter}]{turned}"
            for gate, letter in zip("ifco", "ifgo", strict=True)
            for own, source, turned in (("W_x", NAMES[0], ".T"), ("W_h", NAMES[1], ".T"), ("b_", SUM, ""))
        },
        layer(("output", ("h_n", "c_n")), (("h1", "c1"),)),
    ),
    example(
        "reordered_lstm.py",
        "ReorderedLSTMCell",
        "lstm",
        True,
        "cell, one Linear on [h; x] in its own order o, i, f, g",
        {"gates.weight": "beside(weight_hh_l0, weight_ih_l0)[oifg]", "gates.bias": f"{SUM}[oifg]"},
        steps(("h_n", "c_n"), (("h1", "c1"),)),
    ),
    example(
        "drop_in_lstm.py",
        "DropInLSTM",
        "lstm",
        False,
        "torch's names, read in the order i, f, o, g",
        {name: name for name in NAMES},
        layer(("output", ("h_n", "c_n")), (("h", "c"),)),
        slug="gate-order",
        fault={name: f"{name}[ifog]" for name in NAMES},
    ),
    example(
        "keras_gru.py",
        "KerasGRU",
        "gru",
        True,
        "keras's names, order z, r, h and bias (2, 3H)",
        {
            "kernel": "weight_ih_l0[zrn].T",
            "recurrent_kernel": "weight_hh_l0[zrn].T",
            "bias": "stack(bias_ih_l0[zrn], bias_hh_l0[zrn])",
        },
        layer(("output", "h_n"), ("h1",), batch_first=True),
        make=lambda made, style: made(style.hidden_size, style.input_size),
    ),
    example(
        "textbook_gru.py",
        "TextbookGRUCell",
        "gru",
        False,
        "the reset before the matmul and z the other way round",
        {
            f"{own}.{kind}": f"{source}[{gate}]"
            for own, gate in (("update", "z"), ("reset", "r"), ("proposal", "n"))
            for kind, source in (("weight", BESIDE), ("bias", SUM))
        },
        steps("h_n", ("h1",)),
        slug="gru-reset-before-matmul",
        fault=paper(z_keeps=False),
        notes="also gru-update-inverted",
    ),
    example(
        "one_bias_gru.py",
        "OneBiasGRU",
        "gru",
        True,
        "one bias in all: it has no place for b_hn",
        {"W.weight": NAMES[0], "W.bias": SUM, "U.weight": NAMES[1]},
        layer(("output", "h_n"), ("h1",)),
        without=("bias_hh_l0", "n"),
    ),
]
