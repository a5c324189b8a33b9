"""One assignment, handed in wrong in seven ways."""

from typing import Any

from styles.calls import layer, steps
from styles.faults import paper, residual, scalar_bias, stale_cell, states_swapped
from styles.style import Style

SUM = "(bias_ih_l0 + bias_hh_l0)"
NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def handed_in(name: str, cell: str, variant: str, slug: str, mapping: Any, call: Any, **more: Any) -> Style:
    return Style("homework.py", name, cell, False, variant, mapping, call, slug=slug, **more)


def two_linears(x: str, h: str, suffix: str = "_l0") -> dict[str, str]:
    paths = (f"{x}.weight", f"{h}.weight", f"{x}.bias", f"{h}.bias")
    return {path: name + suffix for path, name in zip(paths, NAMES, strict=True)}


def linear(path: str, order: str, columns: str = "weight_ih_l0, weight_hh_l0") -> dict[str, str]:
    """One Linear on x and h side by side."""
    return {f"{path}.weight": f"beside({columns})[{order}]", f"{path}.bias": f"{SUM}[{order}]"}


HOMEWORK = [
    handed_in(
        "LSTM",
        "lstm",
        "a Linear on [h; x] for each gate, the output from the cell as it was before the step",
        "stale-cell-state",
        {
            key: value
            for own, gate in zip("fico", "figo", strict=True)
            for key, value in linear(f"W_{own}", gate, "weight_hh_l0, weight_ih_l0").items()
        },
        layer(("output", ("h_n", "c_n")), batch_first=True),
        takes_state=False,
        fault=stale_cell,
    ),
    handed_in(
        "RNN",
        "rnn",
        "transposed matrices, one number as the bias of every unit, a loop over time",
        "scalar-bias",
        {"Wxh": "weight_ih_l0.T", "Whh": "weight_hh_l0.T", "bias": f"{SUM}[0:1]"},
        layer("output", batch_first=True),
        takes_state=False,
        fault=scalar_bias,
    ),
    handed_in(
        "GRU",
        "gru",
        "2H + H split, each a Linear on [x; h], the reset before the matmul, h required",
        "gru-reset-before-matmul",
        linear("gates", "rz") | linear("candidate", "n"),
        layer(("output", "h_n"), ("h1",), batch_first=True),
        fault=paper(z_keeps=True),
    ),
    handed_in(
        "ResidualRNN",
        "rnn",
        "two layers, the first one's output added to the second's",
        "residual-connection",
        two_linears("x1", "h1") | two_linears("x2", "h2", "_l1"),
        layer("output"),
        num_layers=2,
        takes_state=False,
        fault=residual,
    ),
    handed_in(
        "TiedBiRNN",
        "rnn",
        "both directions with one set of weights",
        "reverse-shares-weights",
        two_linears("cell_x", "cell_h"),
        layer("output"),
        bidirectional=True,
        takes_state=False,
        fault={f"{name}_l0_reverse": f"{name}_l0" for name in NAMES},
    ),
    handed_in(
        "DoubleBiasGRUCell",
        "gru",
        "torch's names, b_ih added twice",
        "bias-counted-twice",
        {name: f"{name}_l0" for name in NAMES},
        steps("h_n", ("h1",)),
        fault={"bias_ih_l0": "2 * bias_ih_l0"},
    ),
    handed_in(
        "LSTMSwapped",
        "lstm",
        "one Linear on [x; h], takes (h, c) and returns (c, h)",
        "final-state-swapped",
        linear("lin", "ifgo"),
        layer(("output", ("h_n", "c_n")), (("h1", "c1"),)),
        fault=states_swapped,
        notes="a convention of its own, were it not that it takes them the other way round",
    ),
]
