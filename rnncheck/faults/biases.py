"""Biases lost, doubled, or added along the wrong axis."""

from collections.abc import Iterator

import torch

from rnncheck.faults.altered import altered
from rnncheck.faults.fault import Fault
from rnncheck.scratch.cells import LayerWeights
from rnncheck.spec import Spec


def faults(spec: Spec) -> Iterator[Fault]:
    if not spec.bias:
        return
    yield altered("missing-input-bias", "", without_input_bias, "every b_ih is zero")
    yield altered("missing-recurrent-bias", "", without_recurrent_bias, "every b_hh is zero")
    yield altered("missing-bias", "", without_bias, "all biases are zero")
    yield altered("bias-counted-twice", "", twice, "all biases are zero")


def without_input_bias(w: LayerWeights) -> LayerWeights:
    return w._replace(b_ih=torch.zeros_like(w.b_ih))


def without_recurrent_bias(w: LayerWeights) -> LayerWeights:
    return w._replace(b_hh=torch.zeros_like(w.b_hh))


def without_bias(w: LayerWeights) -> LayerWeights:
    return without_input_bias(without_recurrent_bias(w))


def twice(w: LayerWeights) -> LayerWeights:
    return w._replace(b_ih=2 * w.b_ih, b_hh=2 * w.b_hh)
