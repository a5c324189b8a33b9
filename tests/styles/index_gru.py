"""The GRUs of the corpus."""

from collections.abc import Callable

import torch
from styles.calls import layer, steps
from styles.style import Style
from torch import Tensor

SUM = "(bias_ih_l0 + bias_hh_l0)"


def paper(*, z_keeps: bool) -> Callable[..., dict[str, Tensor]]:
    """The GRU of the first paper: the reset before the matrix product, b_hn outside it; z keeps the past or the new."""

    def run(weights: dict[str, Tensor], x: Tensor, h0: Tensor, c0: Tensor) -> dict[str, Tensor]:
        W_r, W_z, W_n = weights["weight_ih_l0"].chunk(3)
        U_r, U_z, U_n = weights["weight_hh_l0"].chunk(3)
        b_r, b_z, b_n = (weights["bias_ih_l0"] + weights["bias_hh_l0"]).chunk(3)
        h, outputs = h0[0], []
        for x_t in x:
            r = torch.sigmoid(x_t @ W_r.T + h @ U_r.T + b_r)
            z = torch.sigmoid(x_t @ W_z.T + h @ U_z.T + b_z)
            n = torch.tanh(x_t @ W_n.T + (r * h) @ U_n.T + b_n)
            h = z * h + (1 - z) * n if z_keeps else (1 - z) * h + z * n
            outputs.append(h)
        return {"output": torch.stack(outputs), "h_n": h[None]}

    return run


def one_linear(weight: str, bias: str, gate: str) -> dict[str, str]:
    return {weight: f"beside(weight_ih_l0, weight_hh_l0)[{gate}]", bias: f"{SUM}[{gate}]"}


GRU = [
    Style(
        "gru_cells.py",
        "GRUCell",
        "gru",
        True,
        "cell of two fused Linears in torch's order, two biases, misleading names (inputgate is z)",
        {
            "x2h.weight": "weight_ih_l0",
            "x2h.bias": "bias_ih_l0",
            "h2h.weight": "weight_hh_l0",
            "h2h.bias": "bias_hh_l0",
        },
        steps("h_n", ("h1",)),
    ),
    Style(
        "gru_cells.py",
        "GRUCellTextbook",
        "gru",
        False,
        "cell of a Linear on [x; h] for each gate, the reset before the matmul and z the other way round",
        one_linear("lin_z.weight", "lin_z.bias", "z")
        | one_linear("lin_r.weight", "lin_r.bias", "r")
        | one_linear("lin_h.weight", "lin_h.bias", "n"),
        steps("h_n", ("h1",)),
        slug="gru-reset-before-matmul",
        fault=paper(z_keeps=False),
        notes="also gru-update-inverted: the commonest pair",
    ),
    Style(
        "gru_cells.py",
        "SplitGRU",
        "gru",
        True,
        "layer, 2H + H split, own order u (z) then r, bias on x for the gates and on both for the candidate",
        {
            "Wg.weight": "weight_ih_l0[zr]",
            "Wg.bias": f"{SUM}[zr]",
            "Ug.weight": "weight_hh_l0[zr]",
            "Wc.weight": "weight_ih_l0[n]",
            "Wc.bias": "bias_ih_l0[n]",
            "Uc.weight": "weight_hh_l0[n]",
            "Uc.bias": "bias_hh_l0[n]",
        },
        layer(("output", "h_n"), ("h1",), batch_first=True),
    ),
    Style(
        "from_scratch_book.py",
        "GRUScratch",
        "gru",
        False,
        "layer of transposed matrices for each gate, the reset before the matmul",
        {
            f"{own}_{side}{gate}": f"{weight}[{letter}].T"
            for gate, letter in (("z", "z"), ("r", "r"), ("h", "n"))
            for own, side, weight in (("W", "x", "weight_ih_l0"), ("W", "h", "weight_hh_l0"))
        }
        | {f"b_{gate}": f"{SUM}[{letter}]" for gate, letter in (("z", "z"), ("r", "r"), ("h", "n"))},
        layer(("output", "h_n"), ("h1",)),
        slug="gru-reset-before-matmul",
        fault=paper(z_keeps=True),
    ),
]
