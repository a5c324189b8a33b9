"""More LSTMs: a gate at a time, ported, configured, in numpy, and with a variant's equations."""

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
from styles.calls import layer, steps
from styles.faults import lstm
from styles.style import Style

SUM = "(bias_ih_l0 + bias_hh_l0)"
NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
BOTH = "beside(weight_ih_l0, weight_hh_l0)"


def linears(x: str, h: str, suffix: str = "_l0", order: str = "ifgo") -> dict[str, str]:
    """A fused Linear on x and one on h, each with its own bias."""
    paths = (f"{x}.weight", f"{h}.weight", f"{x}.bias", f"{h}.bias")
    return {path: f"{name}{suffix}[{order}]" for path, name in zip(paths, NAMES, strict=True)}


def each_gate(path: str, letters: str, expression: str) -> dict[str, str]:
    """A tensor for each of the gates i, f, g, o; `letters` are their own names and @ stands for the gate."""
    own = letters.split()
    return {path.replace("@", name): expression.replace("@", gate) for name, gate in zip(own, "ifgo", strict=True)}


def keras(made: Any, style: Style) -> Any:
    return made(style.hidden_size, style.input_size)


def configured(made: Any, style: Style) -> Any:
    config = sys.modules[made.__module__].EncoderConfig
    return made(config(embed_size=style.input_size, hidden_size=style.hidden_size))


def course_cell(made: Any, x: Any, h: Any, c: Any) -> Any:
    """A step on columns."""
    h_next, c_next = made.function(x.T, h.T, c.T, made.parameters)
    return np.ascontiguousarray(h_next.T), np.ascontiguousarray(c_next.T)


def course_parameters(made: Any, style: Style) -> Any:
    return SimpleNamespace(function=made, parameters=dict.fromkeys(f"{kind}{gate}" for kind in "Wb" for gate in "fico"))


def layers_of_states(made: Any, x: Any) -> Any:
    """A list of (h, c) for each layer, as two lists."""
    output, states = made(x)
    return output, tuple(zip(*states, strict=True))


def variant(name: str, told: str, slug: str, **more: Any) -> Style:
    """One of the classes that share a base: two Linears, the bias on x alone, batch first."""
    own = {"wx.weight": "weight_ih_l0", "wx.bias": SUM, "wh.weight": "weight_hh_l0"}
    mapping = own | more.pop("extra", {})
    call = layer(("output", ("h_n", "c_n")), (("h1", "c1"),), batch_first=True)
    return Style("lstm_variants.py", name, "lstm", False, told, mapping, call, slug=slug, **more)


MORE_LSTM = [
    Style(
        "lstm_zoo.py",
        "LSTMPerGate",
        "lstm",
        True,
        "cell of two Linears for each gate, (x, h, c) to (h, c), three arguments",
        {
            **each_gate("W_i@.weight", "i f g o", "weight_ih_l0[@]"),
            **each_gate("W_h@.weight", "i f g o", "weight_hh_l0[@]"),
            **each_gate("W_i@.bias", "i f g o", "bias_ih_l0[@]"),
            **each_gate("W_h@.bias", "i f g o", "bias_hh_l0[@]"),
        },
        steps(("h_n", "c_n"), ("h1", "c1")),
    ),
    Style(
        "lstm_zoo.py",
        "GateDictLSTM",
        "lstm",
        True,
        "ModuleDict of a Linear on [h; x] for each gate, time first, a dict with a namedtuple, init_state(batch)",
        {
            **each_gate("gates.@.weight", "input forget cell output", "beside(weight_hh_l0, weight_ih_l0)[@]"),
            **each_gate("gates.@.bias", "input forget cell output", f"{SUM}[@]"),
        },
        layer({"outputs": "output", "final": ("h_n", "c_n")}),
        takes_state=False,
        notes="its state is its own namedtuple, so a plain tuple cannot be given",
    ),
    Style(
        "lstm_zoo.py",
        "Encoder",
        "lstm",
        True,
        "configured by its own dataclass, fused Linears in its own order i, f, o, g, batch first, output alone",
        linears("proj", "recurrent", order="ifog"),
        layer("output", batch_first=True),
        make=configured,
        takes_state=False,
        notes="the annotation names the dataclass, whose fields have sizes as defaults",
    ),
    Style(
        "lstm_zoo.py",
        "build_lstm",
        "lstm",
        True,
        "a factory function, torch's names without a suffix, time first, torch's signature",
        {name: f"{name}_l0" for name in NAMES},
        layer(("output", ("h_n", "c_n")), (("h", "c"),)),
    ),
    Style(
        "lstm_zoo.py",
        "FutureProofLSTM",
        "lstm",
        True,
        "decoys that nothing reads, w_h multiplies x and w_x the state, own order o, f, i, g, batch first, (output, h)",
        {
            "w_h": "weight_ih_l0[ofig].T",
            "w_x": "weight_hh_l0[ofig].T",
            "b": f"row({SUM}[ofig])",
            **dict.fromkeys(("peep_i", "peep_f", "peep_o", "skip.weight", "skip.bias"), "unused"),
        },
        layer(("output", "h_n"), batch_first=True),
        takes_state=False,
    ),
    Style(
        "lstm_zoo.py",
        "InterleavedLSTMCell",
        "lstm",
        True,
        "cell, fused with the four gates of one unit next to each other",
        {
            "weight_x": "interleaved(weight_ih_l0)",
            "weight_h": "interleaved(weight_hh_l0)",
            "bias": f"interleaved({SUM})",
        },
        steps(("h_n", "c_n"), ("h1", "c1")),
    ),
    Style(
        "keras_port.py",
        "KerasLSTM",
        "lstm",
        True,
        "keras's kernel, recurrent_kernel and bias (i, f, c, o), units before input_dim, batch first, (output, h, c)",
        {"kernel": "weight_ih_l0.T", "recurrent_kernel": "weight_hh_l0.T", "bias": SUM},
        layer(("output", "h_n", "c_n"), (("h1", "c1"),), batch_first=True),
        make=keras,
    ),
    Style(
        "keras_port.py",
        "BasicLSTMCell",
        "lstm",
        False,
        "an old tensorflow cell, one kernel on [x; h] in the order i, j, f, o, adds 1 to the forget gate, state (c, h)",
        {"kernel": f"{BOTH}[igfo].T", "bias": f"{SUM}[igfo]"},
        steps(("other", ("c_n", "h_n")), (("c1", "h1"),)),
        slug="forget-bias-added",
        make=keras,
        fault={"bias_ih_l0": "cat(bias_ih_l0[i], bias_ih_l0[f] + 1, bias_ih_l0[go])"},
        notes="the 1 can also be taken off its bias, so a mapping may call it a convention: as given, it is a fault",
    ),
    Style(
        "flax_port.py",
        "OptimizedLSTMCell",
        "lstm",
        True,
        "flax's cell: dense_i, dense_h with the bias, ((c, h), inputs) to ((c, h), output)",
        {"dense_i.weight": "weight_ih_l0", "dense_h.weight": "weight_hh_l0", "dense_h.bias": SUM},
        steps((("c_n", "h_n"), "other"), (("c1", "h1"),), invoke=lambda made, x, carry: made(carry, x)),
    ),
    Style(
        "stacked.py",
        "TwoLayerLSTM",
        "lstm",
        True,
        "ModuleDict of two cells, batch first, (output, a list of (h, c) for each layer), embed_size",
        linears("net.bottom.ih", "net.bottom.hh") | linears("net.top.ih", "net.top.hh", "_l1"),
        layer(("output", ("h_n", "c_n")), batch_first=True, invoke=layers_of_states),
        num_layers=2,
        takes_state=False,
    ),
    Style(
        "bidirectional.py",
        "BiLSTM",
        "lstm",
        True,
        "both directions in one module, own order i, f, o, g, time first, torch's states required",
        {
            f"{own}_{letter}": expression.replace("@", suffix)
            for own, suffix in (("l2r", "_l0"), ("r2l", "_l0_reverse"))
            for letter, expression in (
                ("W", "weight_ih@[ifog]"),
                ("U", "weight_hh@[ifog]"),
                ("b", "(bias_ih@ + bias_hh@)[ifog]"),
            )
        },
        layer(("output", ("h_n", "c_n")), (("h", "c"),)),
        bidirectional=True,
    ),
    Style(
        "forecasting.py",
        "Forecaster",
        "lstm",
        True,
        "configured by a dict, fused Linears in its own order i, f, g, o, batch first, (a head on the last state, h)",
        linears("gates_x", "gates_h") | {"dense.weight": "free", "dense.bias": "free"},
        layer(("other", "h_n"), batch_first=True),
        make=lambda made, style: made({"n_features": style.input_size, "n_units": style.hidden_size, "horizon": 1}),
        takes_state=False,
        options={"arg": {"cfg": {"n_features": 3, "n_units": 4, "horizon": 1}}},
    ),
    Style(
        "numpy_course.py",
        "lstm_cell_forward",
        "lstm",
        True,
        "numpy function on columns, a dict of a matrix on [h; x] for each gate, biases (H, 1)",
        {
            **each_gate("parameters.W@", "i f c o", "beside(weight_hh_l0, weight_ih_l0)[@]"),
            **each_gate("parameters.b@", "i f c o", f"column({SUM}[@])"),
        },
        steps(("h_n", "c_n"), ("h1", "c1"), numpy=True, invoke=course_cell),
        make=course_parameters,
        framework="numpy",
    ),
    Style(
        "numpy_course.py",
        "LSTMNetwork",
        "lstm",
        True,
        "numpy class, a matrix on [x; h; 1] for each gate so that the last row is the bias, unbatched, predict()",
        each_gate("W_@", "i f g o", f"cat(weight_ih_l0[@].T, weight_hh_l0[@].T, row({SUM}[@]))"),
        layer("output", numpy=True, single=True, invoke=lambda made, x: made.predict(x)),
        takes_state=False,
        framework="numpy",
    ),
    variant("PeepholeLSTM", "its gates see the cell", "peephole", extra={"wc": "free"}),
    variant(
        "CoupledLSTM",
        "what is forgotten is what is written",
        "coupled-gates",
        fault={f"{name}_l0": f"cat(-{name}_l0[f], {name}_l0[fgo])" for name in NAMES},
    ),
    variant("LinearOutLSTM", "its output has no tanh", "missing-cell-activation", fault=lstm(activates_cell=False)),
    Style(
        "lstm_variants.py",
        "ShortMemoryLSTM",
        "lstm",
        False,
        "two fused Linears, time first, a cell made anew at every step",
        linears("ih", "hh"),
        layer(("output", ("h_n", "c_n"))),
        slug="cell-state-not-carried",
        takes_state=False,
        fault=lstm(keeps_cell=False),
    ),
    Style(
        "lstm_variants.py",
        "LSTMHalf",
        "lstm",
        False,
        "one matrix on [x; h], products in bfloat16, time first, output alone",
        {"W": BOTH, "b": SUM},
        layer("output"),
        slug="low-precision-compute",
        takes_state=False,
        dtype="float32",
    ),
]
