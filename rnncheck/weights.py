"""Canonical weights: `torch.nn`'s names and gate order, two biases, one float64 master copy on the host.

Sources: `torch.nn.RNN`, `LSTM` and `GRU` draw every parameter from U(-1/sqrt(H), 1/sqrt(H)) in the order of their
state_dict; `torch.nn.Linear`, the head, from U(-1/sqrt(n), 1/sqrt(n)) with n its inputs.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from rnncheck.randomness import Draws, Stream
from rnncheck.spec import Spec


@dataclass(frozen=True)
class Weights:
    """Every parameter of a spec by name, float64 on the host. Read-only: both sides get copies."""

    values: Mapping[str, Tensor]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))

    def cast(self, spec: Spec) -> dict[str, Tensor]:
        """Fresh copies at the spec's dtype, on its device: what every implementation is given."""
        dtype = getattr(torch, spec.dtype)
        return {name: value.to(spec.device, dtype, copy=True) for name, value in self.values.items()}

    def scaled(self, factor: float) -> "Weights":
        """The same weights with the recurrent ones, W_hh, multiplied by `factor`."""
        if factor == 1:
            return self
        recurrent = {name: value * factor for name, value in self.values.items() if name.startswith("weight_hh")}
        return Weights({**self.values, **recurrent})

    def nonfinite(self) -> list[str]:
        """The names of parameters that hold a NaN or an infinity."""
        return [name for name, value in self.values.items() if not bool(torch.isfinite(value).all())]


def draw(spec: Spec, seed: int) -> Weights:
    """Weights as torch initialises them: in float32, bit for bit what `torch.nn` draws after
    `torch.manual_seed(seed + 1)` (the sequences take `seed` itself), with random digits beyond float32's last one.
    """
    draws = Draws(seed, Stream.WEIGHTS)
    values = {}
    for name, shape in spec.parameter_shapes().items():
        fan_in = spec.output_size if name in spec.head_shapes() else spec.hidden_size
        bound = 1 / math.sqrt(fan_in)
        values[name] = draws.uniform(shape, -bound, bound)
    return Weights(values)
