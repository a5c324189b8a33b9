"""The GRUs of the corpus."""

from types import SimpleNamespace
from typing import Any

import torch
from styles.calls import layer, steps
from styles.faults import bottom_state_for_all, paper
from styles.style import Style
from torch import Tensor

SUM = "(bias_ih_l0 + bias_hh_l0)"


TORCH = {name: name for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")}
TORCH_LAYER = layer(("output", "h_n"), ("h",))


def functional(made: Any, x: Tensor, h: Tensor) -> Any:
    return made.function({name: torch.from_numpy(value) for name, value in made.params.items()}, h, x)


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
    Style(
        "gru_zoo.py",
        "TorchLikeGRU",
        "gru",
        True,
        "torch's names and signature, all of the input projected first",
        TORCH,
        TORCH_LAYER,
    ),
    Style(
        "gru_zoo.py",
        "TorchLikeGRUv2",
        "gru",
        False,
        "torch's names and signature, z takes the new state instead of keeping the old one",
        TORCH,
        TORCH_LAYER,
        slug="gru-update-inverted",
        fault={name: f"cat({name}[r], -{name}[z], {name}[n])" for name in TORCH},
    ),
    Style(
        "gru_zoo.py",
        "TorchLikeGRUv3",
        "gru",
        False,
        "torch's names and signature, read in the order z, r, n",
        TORCH,
        TORCH_LAYER,
        slug="gate-order",
        fault={name: f"{name}[zrn]" for name in TORCH},
    ),
    Style(
        "gru_zoo.py",
        "MetalGRU",
        "gru",
        True,
        "mlx's layout, one bias and b_hn apart, batch first or unbatched, output alone",
        {
            "Wx": "weight_ih_l0",
            "Wh": "weight_hh_l0",
            "b": f"cat({SUM}[rz], bias_ih_l0[n])",
            "bhn": "bias_hh_l0[n]",
        },
        layer("output", ("h1",), batch_first=True),
    ),
    Style(
        "gru_zoo.py",
        "OneBiasGRUCell",
        "gru",
        True,
        "cell of two fused Linears, one bias: it has no place for b_hn",
        {"W.weight": "weight_ih_l0", "W.bias": SUM, "U.weight": "weight_hh_l0"},
        steps("h_n", ("h1",)),
        without=("bias_hh_l0", "n"),
    ),
    Style(
        "gru_zoo.py",
        "gru_step",
        "gru",
        True,
        "function (params, h, x) to h, a dict of transposed tensors for each gate and side",
        {
            f"params.{own}{side}{gate}": f"{weight}[{letter}]{turned}"
            for gate, letter in (("z", "z"), ("r", "r"), ("h", "n"))
            for own, side, weight, turned in (
                ("w", "x", "weight_ih_l0", ".T"),
                ("w", "h", "weight_hh_l0", ".T"),
                ("b", "x", "bias_ih_l0", ""),
                ("b", "h", "bias_hh_l0", ""),
            )
        },
        steps("h_n", ("h1",), invoke=functional),
        make=lambda made, style: SimpleNamespace(
            function=made, params=dict.fromkeys(own + side + gate for own in "wb" for side in "xh" for gate in "zrh")
        ),
    ),
    Style(
        "einsum_rnn.py",
        "EinsumGRU",
        "gru",
        True,
        "cell of einsums, gates on an axis of their own (3, H, I) in its own order z, r, n, biases (3, H)",
        {
            "Wi": "stack(weight_ih_l0[z], weight_ih_l0[r], weight_ih_l0[n])",
            "Wh": "stack(weight_hh_l0[z], weight_hh_l0[r], weight_hh_l0[n])",
            "bi": "stack(bias_ih_l0[z], bias_ih_l0[r], bias_ih_l0[n])",
            "bh": "stack(bias_hh_l0[z], bias_hh_l0[r], bias_hh_l0[n])",
        },
        steps("h_n", ("h1",)),
    ),
    Style(
        "keras_port.py",
        "KerasGRU",
        "gru",
        True,
        "keras's kernel, recurrent_kernel and bias (2, 3H) in the order z, r, h, batch first, (output, h)",
        {
            "kernel": "weight_ih_l0[zrn].T",
            "recurrent_kernel": "weight_hh_l0[zrn].T",
            "bias": "stack(bias_ih_l0[zrn], bias_hh_l0[zrn])",
        },
        layer(("output", "h_n"), ("h1",), batch_first=True),
        make=lambda made, style: made(style.hidden_size, style.input_size),
    ),
    Style(
        "stacked.py",
        "TwoLayerGRU",
        "gru",
        False,
        "ModuleLists of Linears, two layers, time first, the first layer's final state for both",
        {
            f"{own}.{k}.{kind}": f"{kind}_{side}_l{k}"
            for own, side in (("i2h", "ih"), ("h2h", "hh"))
            for k in (0, 1)
            for kind in ("weight", "bias")
        },
        TORCH_LAYER,
        slug="final-state-wrong",
        num_layers=2,
        fault=bottom_state_for_all,
    ),
    Style(
        "numpy_course.py",
        "NumpyGRU",
        "gru",
        True,
        "numpy class, a dict of transposed arrays and two biases for each gate, batch first, (output, h)",
        {
            f"params.{own}{gate}": f"{source}[{letter}]{turned}"
            for gate, letter in (("z", "z"), ("r", "r"), ("h", "n"))
            for own, source, turned in (
                ("W", "weight_ih_l0", ".T"),
                ("U", "weight_hh_l0", ".T"),
                ("b", "bias_ih_l0", ""),
                ("c", "bias_hh_l0", ""),
            )
        },
        layer(("output", "h_n"), ("h1",), batch_first=True, numpy=True),
        framework="numpy",
    ),
    Style(
        "precision.py",
        "StableGRU",
        "gru",
        True,
        "layer of two fused Linears that computes in float32 whatever it is given, batch first, (output, h)",
        {
            "ih.weight": "weight_ih_l0",
            "ih.bias": "bias_ih_l0",
            "hh.weight": "weight_hh_l0",
            "hh.bias": "bias_hh_l0",
        },
        layer(("output", "h_n"), ("h1",), batch_first=True),
        dtype="float32",
        notes="right at float32; a check in float64 must not take its rounding for a fault",
    ),
]
