"""The state that should go from one step to the next, and does not."""

from collections.abc import Iterator

import torch
from torch import Tensor

from rnncheck.faults.cut import CutNetwork
from rnncheck.faults.fault import Fault
from rnncheck.faults.scene import Scene
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry
from rnncheck.spec import Spec
from rnncheck.trace import State


def faults(spec: Spec) -> Iterator[Fault]:
    yield Fault("no-recurrence", "", FromZero, hidden=one_step_from_zero)
    yield Fault("no-recurrence", "every step from h0", FromFirst, in_one_step=False, hidden=one_step)
    yield Fault("initial-state-ignored", "", StateIgnored, hidden=zero_state)


class FromZero(CutNetwork):
    """Every step is computed from a zero state."""

    def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
        return super().step(w, p, tuple(torch.zeros_like(each) for each in carry))


class FromFirst(CutNetwork):
    """Every step is computed from the initial state."""

    def scan(self, w: LayerWeights, p: Tensor, carry: Carry, active: Tensor | None) -> list[Carry]:
        self.first = carry
        return super().scan(w, p, carry, active)

    def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
        return super().step(w, p, self.first)


class StateIgnored(CutNetwork):
    """The initial state is zero, whatever was given."""

    def start(self, state: State, layer: int, direction: int) -> Carry:
        return tuple(torch.zeros_like(each) for each in super().start(state, layer, direction))


def one_step(scene: Scene) -> str | None:
    return "T is 1: there is no second step" if scene.seq_len == 1 else None


def zero_state(scene: Scene) -> str | None:
    if scene.state.c is None:
        return None if scene.state.h.any() else "h0 is zero"
    return None if scene.state.h.any() or scene.state.c.any() else "h0 and c0 are zero"


def one_step_from_zero(scene: Scene) -> str | None:
    if scene.seq_len == 1 and (reason := zero_state(scene)):
        return f"T is 1 and {reason}: there is nothing to carry"
    return None
