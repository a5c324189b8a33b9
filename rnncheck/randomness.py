"""Seeded random numbers, the same on every machine, without touching torch's global generator."""

from collections.abc import Sequence
from enum import IntEnum

import torch
from torch import Tensor


class Stream(IntEnum):
    """What is drawn from one seed; each draws from a generator of its own, so a longer x leaves the weights alone."""

    SEQUENCES = 0  # first, so that x is what torch.rand gives after torch.manual_seed(seed)
    WEIGHTS = 1
    INITIAL_STATE = 2


class Draws:
    """torch's own float32 draws after `torch.manual_seed(seed + stream)`, in float64 with digits beyond float32's.

    The extra digits are random and too small to change the float32: a seed means the same numbers in every dtype
    and in plain torch, while a float64 run still notices a layer that cuts its weights or its input to float32.
    """

    def __init__(self, seed: int, stream: Stream) -> None:
        self._float32 = torch.Generator().manual_seed(seed + stream)
        self._digits = torch.Generator().manual_seed(seed + stream + len(Stream))

    def uniform(self, shape: Sequence[int], low: float = 0.0, high: float = 1.0) -> Tensor:
        return self._beyond_float32(torch.empty(shape).uniform_(low, high, generator=self._float32))

    def normal(self, shape: Sequence[int]) -> Tensor:
        return self._beyond_float32(torch.empty(shape).normal_(generator=self._float32))

    def _beyond_float32(self, drawn: Tensor) -> Tensor:
        digits = torch.rand(drawn.shape, generator=self._digits, dtype=torch.float64) * 2 - 1
        return drawn.double() * (1 + digits * 2.0**-26)
