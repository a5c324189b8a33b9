"""Whether each unit of a layer's state sees itself alone of the state before, which no layer of torch.nn does."""

import torch

from rnncheck.mapping.agreement import inputs
from rnncheck.mapping.native import Native
from rnncheck.model.spec import Dtype
from rnncheck.model.trace import State

MOVE = 0.5
NEAR = {Dtype.FLOAT64: 1e-9}


def unit_by_unit(native: Native) -> str | None:
    """A sentence that says so, and what kind of layer that is; None for any other, or where it cannot be seen."""
    facts, spec = native.facts, native.spec
    if not facts.takes_state or facts.fixed or spec.num_layers * spec.directions > 1 or spec.hidden_size < 2:
        return None
    x, start = inputs(native)

    def after(times: float, x: torch.Tensor = x) -> torch.Tensor:
        h = start.h.clone()
        h[0, :, 0] += times * MOVE
        with torch.no_grad():
            return native.run(x[:1], State(h, start.c)).final.h[0].double()

    try:
        still, once, twice, other = after(0), after(1), after(2), after(0, x.flip(0))
    except Exception:  # of the user's code
        return None
    near = NEAR.get(spec.dtype, 1e-4)
    own, others = (once - still)[:, 0], (once - still)[:, 1:]
    if not bool(own.abs().max() > near) or bool(others.abs().max() > near) or torch.equal(still, other):
        return None
    if bool(((twice - still)[:, 0] - 2 * own).abs().max() < near):
        return (
            "each unit of its next state is a h + b of the same unit h of the last state, where a and b come from x "
            "alone, as in minGRU, minLSTM, QRNN and SRU; torch.nn has no such layer"
        )
    return (
        "each unit of its next state sees the same unit of the last state and no other, as in an IndRNN; torch.nn has "
        "no such layer"
    )
