"""Faults of the recurrence: a state that does not reach the next step."""

from collections.abc import Iterator

import torch
from torch import Tensor

from rnncheck.faults.fault import Fault, family
from rnncheck.faults.overridable import C, CutNetwork, H
from rnncheck.faults.scene import Scene
from rnncheck.faults.shared import equal_starts, more_steps, one_step, zero_state
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import State
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, Network


@family(reported=5)
def of_recurrence(spec: Spec) -> Iterator[Fault]:
    parts = range(2 if spec.cell is Cell.LSTM else 1)
    yield Fault("no-recurrence", "", from_zero(*parts), hidden=one_step_from_zero)
    yield Fault("initial-state-ignored", "", ignoring(*parts), hidden=zero_state)
    yield Fault("initial-state-ignored", "ones in its place", ignoring(*parts, ones=True), rare=True)
    yield Fault("no-recurrence", "every step from the initial state", from_first(*parts), hidden=one_step)
    yield from resets(spec)
    if spec.cell is not Cell.LSTM:
        return
    yield Fault("no-recurrence", "h alone", from_zero(H), hidden=one_step_from_zero)
    yield Fault("cell-state-not-carried", "", from_zero(C), hidden=one_step_from_zero_cell)
    yield Fault("cell-state-not-carried", "every step from c0", from_first(C), hidden=one_step)
    for part, name in ((H, "h0"), (C, "c0")):
        mixin = ignoring(part)
        yield Fault("initial-state-ignored", name, mixin, hidden=equal_starts(mixin, f"{name} is zero"))
        yield Fault("initial-state-ignored", f"{name}, ones in its place", ignoring(part, ones=True), rare=True)
    if not spec.proj_size:
        for variant, order in (("", (H, H)), ("c0 for both", (C, C))):
            mixin = starting(*order)
            yield Fault("cell-shares-initial-state", variant, mixin, hidden=equal_starts(mixin, "h0 equals c0"))
        mixin = starting(C, H)
        yield Fault("initial-state-swapped", "", mixin, hidden=equal_starts(mixin, "h0 equals c0"))
        yield Fault("initial-state-swapped", "at every step", EveryStateSwapped)
        yield Fault("cell-state-not-carried", "h in its place", HiddenForCell)
        yield Fault("gates-read-cell-state", "", CellForHidden)


def resets(spec: Spec) -> Iterator[Fault]:
    """The state set to zero on the way: after every few steps, or once."""
    parts = {"": (H, C), ", c alone": (C,), ", h alone": (H,)} if spec.cell is Cell.LSTM else {"": (H,)}
    for name, which in parts.items():
        for steps in RESETS:
            rare = steps > RESETS[0] or bool(name)
            yield Fault(
                "state-reset", f"every {steps} steps{name}", resetting(which, steps), hidden=one_step, rare=rare
            )
        for t in range(1, MOST_RESETS):
            once = resetting(which, t, once=True)
            yield Fault("state-reset", f"before t = {t}{name}", once, hidden=more_steps(t), rare=True)


RESETS = (4, 2, 3)
MOST_RESETS = 12  # timesteps of a short run


def resetting(parts: tuple[int, ...], steps: int, *, once: bool = False) -> type[Network]:
    """Sets these parts of the state to zero after so many steps, and again after as many."""

    class Resetting(CutNetwork):
        def scan(self, w: LayerWeights, p: Tensor, carry: Carry, active: Tensor | None) -> list[Carry]:
            history = list[Carry]()
            for start in (0, *range(steps, len(p), len(p) if once else steps)):
                end = len(p) if once and start else start + steps
                carry = zeroed(carry, parts) if start else carry
                history += super().scan(w, p[start:end], carry, None if active is None else active[start:end])
                carry = history[-1]
            return history

    return Resetting


def zeroed(carry: Carry, parts: tuple[int, ...]) -> Carry:
    return tuple(torch.zeros_like(each) if k in parts else each for k, each in enumerate(carry))


def from_zero(*parts: int) -> type[Network]:
    """Computes every step from a zero state, or from a zero h or c."""

    class FromZero(CutNetwork):
        def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
            return super().step(w, p, zeroed(carry, parts))

    return FromZero


def from_first(*parts: int) -> type[Network]:
    """Computes every step from the initial state, or from the initial h or c."""

    class FromFirst(CutNetwork):
        def scan(self, w: LayerWeights, p: Tensor, carry: Carry, active: Tensor | None) -> list[Carry]:
            self.first = carry
            return super().scan(w, p, carry, active)

        def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
            mixed = (self.first[k] if k in parts else each for k, each in enumerate(carry))
            return super().step(w, p, tuple(mixed))

    return FromFirst


class HiddenForCell(CutNetwork):
    """c' = f h + i g: the forget gate multiplies h instead of c."""

    def lstm_step(self, w: LayerWeights, p: Tensor, h: Tensor, c: Tensor) -> Carry:
        return super().lstm_step(w, p, h, h)


class CellForHidden(CutNetwork):
    """The gates read c instead of h: [i f g o] = x W_ih + b_ih + c W_hh + b_hh."""

    def lstm_step(self, w: LayerWeights, p: Tensor, h: Tensor, c: Tensor) -> Carry:
        return super().lstm_step(w, p, c, c)


class EveryStateSwapped(CutNetwork):
    """Swaps h and c in every step."""

    def lstm_step(self, w: LayerWeights, p: Tensor, h: Tensor, c: Tensor) -> Carry:
        return super().lstm_step(w, p, c, h)


def ignoring(*parts: int, ones: bool = False) -> type[Network]:
    """Replaces these parts of the initial state by zeros, or by ones."""

    class StateIgnored(CutNetwork):
        def start(self, state: State, layer: int, direction: int) -> Carry:
            given = super().start(state, layer, direction)
            return tuple(torch.full_like(each, float(ones)) if k in parts else each for k, each in enumerate(given))

    return StateIgnored


def starting(h: int, c: int) -> type[Network]:
    """The LSTM takes h0 and c0 from these parts of the initial state."""

    class Starting(CutNetwork):
        def start(self, state: State, layer: int, direction: int) -> Carry:
            given = super().start(state, layer, direction)
            return given[h], given[c]

    return Starting


def one_step_from_zero(scene: Scene) -> str | None:
    if scene.seq_len == 1 and (reason := zero_state(scene)):
        return f"T is 1 and {reason}: there is nothing to carry"
    return None


def one_step_from_zero_cell(scene: Scene) -> str | None:
    if scene.seq_len == 1 and scene.state.c is not None and not scene.state.c.any():
        return "T is 1 and c0 is zero: there is nothing to carry"
    return None
