"""A cell given only by the equations of its step: all samples run it, with operations that round at random.

The cells of `torch.nn` compute moves by themselves, which is faster and keeps all digits of small moves. Here a move is
the difference of two runs in float64, and their rounding adds to it: in a float64 run the envelope is that much wider.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from rnncheck.envelope.gate_sums import ExactSteps, Gates, StepInputs
from rnncheck.envelope.noisy_operations import NoisyOperations
from rnncheck.envelope.rounding import Noise, Rounding, Site
from rnncheck.model.variant import EXACTLY, Operations, Semantics, States, exactly


class VariantCell:
    """One layer in one direction, with the parameters of the cell whose weights the variant uses."""

    kinks = True  # a variant may have a relu

    def __init__(self, parameters: Mapping[str, Tensor], rounding: Rounding, variant: Semantics) -> None:
        self.gates = Gates(parameters, rounding, torch.float64)
        self._variant, self._parameters = variant, parameters
        self._own = {name: each for name, each in parameters.items() if name in variant.own}
        self._noisy: NoisyOperations | None = None

    def begin(self, noise: Noise) -> list[Site]:
        self._noisy = NoisyOperations(self.gates.rounding, noise)
        return []

    def step(self, from_x: Tensor, from_h: Tensor, before: States, by: Operations = EXACTLY) -> States:
        without_rounding = exactly(self.gates.from_h, self._own) if by is EXACTLY else by
        return self._variant.step(from_x, from_h, before, without_rounding)

    def step_inputs(self, steps: ExactSteps) -> StepInputs:
        return steps.x, *steps.before

    def move(self, inputs: StepInputs, dx: Tensor | None, before: States, sites: Sequence[Site]) -> States:
        assert self._noisy is not None
        noisy, (x, *states) = self._noisy, inputs
        samples = noisy.samples
        moved = tuple(sampled(each, by, samples) for each, by in zip(states, before or (None, None), strict=False))
        by = Operations(
            noisy.tanh,
            noisy.sigmoid,
            self._product,
            lambda values: self._sum("_hh", values),
            torch.relu,
            lambda name, values: noisy.scaled(name, values, self._own[name]),
            lambda name, values: noisy.shifted(name, values, self._own[name]),
            noisy.normalised,
        )
        after = self._variant.step(self._sum("_ih", sampled(x, dx, samples)), self._sum("_hh", moved[0]), moved, by)
        return tuple(noisy.of_step(each) for each in after)

    def _sum(self, part: str, values: Tensor) -> Tensor:
        assert self._noisy is not None
        weight, bias = self._parameters["weight" + part], self._parameters.get("bias" + part)
        return self._noisy.product(part, values, weight, bias)

    def _product(self, values: Tensor, weight: Tensor) -> Tensor:
        assert self._noisy is not None
        return self._noisy.product("_hr", values, weight, None)


def sampled(exact: Tensor, moved: Tensor | None, samples: int) -> Tensor:
    """(1 + K, B, ·): the exact values, and those of the samples, which have moved."""
    every = exact.expand(1 + samples, *exact.shape).clone()
    if moved is not None:
        every[1:] += moved
    return every
