"""Elman networks with `torch.nn.RNN`'s names: one mistake each, or none."""

from typing import Any

import torch
from styles.calls import layer
from styles.faults import forgotten_state, one_late
from styles.style import Style
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

FILE = "torch_clones.py"
TORCH = {name: name for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")}
LAYER = layer(("output", "h_n"), ("h",))


def packed(made: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    output, h_n = made(pack_padded_sequence(x, [len(x)] * x.shape[1]))
    return pad_packed_sequence(output)[0], h_n


def with_lengths(made: Any, x: Tensor) -> Any:
    return made(x, torch.full((len(x),), x.shape[1]))


def wrong(name: str, variant: str, slug: str, **more: Any) -> Style:
    return Style(FILE, name, "rnn", False, f"torch's names and signature; {variant}", TORCH, LAYER, slug=slug, **more)


TORCH_CLONES = [
    wrong(
        "TransposedRNN",
        "multiplies by W_hh, not by its transpose",
        "recurrent-weight-transposed",
        fault={"weight_hh_l0": "weight_hh_l0.T"},
    ),
    wrong("ForgetfulRNN", "starts at zero whatever it is given", "initial-state-ignored", fault=forgotten_state),
    wrong("LateRNN", "keeps each state before it is updated", "output-off-by-one", fault=one_late),
    wrong(
        "HalfBiasedRNN",
        "never adds b_hh, which stays registered",
        "missing-recurrent-bias",
        fault={"bias_hh_l0": "zeros_like(bias_hh_l0)"},
    ),
    wrong("NoisyRNN", "dropout on its outputs, in evaluation too", "dropout-in-eval"),
    wrong("DetachedRNN", "detaches the state at every step", "gradient-detached", backward=True),
    wrong("FrozenRNN", "forward under no_grad", "gradient-missing", backward=True),
    Style(
        FILE,
        "PackedRNN",
        "rnn",
        True,
        "torch's names; takes and returns a PackedSequence alone, no initial state",
        TORCH,
        layer(("output", "h_n"), invoke=packed),
        takes_state=False,
    ),
    Style(
        FILE,
        "TaggerRNN",
        "rnn",
        True,
        "layer, one Linear on [h; x], batch first, lengths required, masked outputs, (output, h)",
        {"lin.weight": "beside(weight_hh_l0, weight_ih_l0)", "lin.bias": "bias_ih_l0 + bias_hh_l0"},
        layer(("output", "h_n"), batch_first=True, invoke=with_lengths),
        takes_state=False,
    ),
]
