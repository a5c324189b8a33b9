"""The Elman cell: h' = tanh(a) or relu(a), a = W_ih x + b_ih + W_hh h + b_hh. Source: `torch.nn.RNN`."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from rnncheck.envelope.gates import EXACTLY, Frame, Gates, Operations, States, Steps
from rnncheck.envelope.noise import Site
from rnncheck.envelope.rounding import Rounding
from rnncheck.envelope.squash import moved_relu, moved_squash, squash


class TanhCell:
    def __init__(self, parameters: Mapping[str, Tensor], rounding: Rounding, work: torch.dtype) -> None:
        self.gates = Gates(parameters, rounding, work)

    def step(self, from_x: Tensor, from_h: Tensor, before: States, by: Operations = EXACTLY) -> States:
        return (by.tanh(from_x + from_h),)

    def frame(self, steps: Steps) -> Frame:
        a_scale = self.gates.sum_scale(steps, steps.from_x + steps.from_h)
        (h,) = steps.after
        rounding = self.gates.rounding
        h_scale = rounding.of_results(h, rounding.off_tanh(h), h)  # tanh, and how it is stored
        return a_scale, h_scale, *squash(h.to(self.gates.work))

    def move(self, frame: Frame, dx: Tensor | None, before: States, sites: Sequence[Site]) -> States:
        a_scale, h_scale, *at = frame
        da = self.gates.moved_by_h(before, self.gates.moved_by_x(dx, sites[0](a_scale)))
        return (moved_squash(at, da).add_(sites[1](h_scale)),)


class ReluCell:
    def __init__(self, parameters: Mapping[str, Tensor], rounding: Rounding, work: torch.dtype) -> None:
        self.gates = Gates(parameters, rounding, work)

    def step(self, from_x: Tensor, from_h: Tensor, before: States, by: Operations = EXACTLY) -> States:
        return (torch.relu(from_x + from_h),)

    def frame(self, steps: Steps) -> Frame:
        a = steps.from_x + steps.from_h
        return self.gates.sum_scale(steps, a), a

    def move(self, frame: Frame, dx: Tensor | None, before: States, sites: Sequence[Site]) -> States:
        a_scale, a = frame
        da = self.gates.moved_by_h(before, self.gates.moved_by_x(dx, sites[0](a_scale)))
        return (moved_relu(a, da),)
