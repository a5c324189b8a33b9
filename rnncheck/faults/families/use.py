"""Faults of a layer that is right in the normal run and wrong for other inputs, other sizes, or in a copy."""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from rnncheck.faults.fault import Fault, family
from rnncheck.faults.overridable import CutNetwork
from rnncheck.faults.scene import Scene
from rnncheck.faults.shared import shown_by
from rnncheck.model.spec import Dtype, Spec
from rnncheck.model.trace import State, Trace, dtype_of
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, Given, Network

Starts = Callable[[State], State]


@family(reported=18)
def of_use(spec: Spec) -> Iterator[Fault]:
    def coarse(scene: Scene) -> str | None:
        return f"small inputs are not small in {scene.spec.dtype}" if scene.spec.dtype in HALF else None

    yield shown_by("no-state", "default-state-not-zero", "ones", starting(ones))
    yield shown_by("no-state", "default-state-not-zero", "noise", starting(noise))
    yield shown_by("no-state", "state-leaks-between-calls", "without a state", LastStateKept)
    yield shown_by("strides", "memory-layout-assumed", "x", InputTakenForContiguous)
    yield shown_by("strides", "memory-layout-assumed", "h0", StateTakenForContiguous)
    yield shown_by("another-call", "results-share-memory", "outputs", OutputBuffer)
    yield shown_by("another-call", "results-share-memory", "final states", StateBuffer)
    yield shown_by("other-sizes", "wrong-at-other-sizes", "one row", OneRowSqueezed)
    yield shown_by("other-sizes", "wrong-at-other-sizes", "one timestep", OneStepSkipped)
    yield shown_by("other-sizes", "wrong-at-other-sizes", "128 timesteps", LoopCut)
    yield shown_by("other-sizes", "wrong-at-other-sizes", "16 rows", TileTail)
    yield shown_by("rows-alone", "nan-spreads", "", ZeroTimesOthers)
    yield shown_by("ranges", "wrong-at-extremes", "overflow", OverflowingSum)
    yield replace(shown_by("ranges", "wrong-at-extremes", "flushed", Flushed), hidden=coarse)
    yield shown_by("options", "option-half-done", "batch_first", OutputNotTurned)
    yield shown_by("copies", "copy-differs", "state_dict", Unregistered)
    yield shown_by("copies", "copy-differs", "deepcopy", CopiedInPart)
    yield shown_by("copies", "dtype-written-in", "", BuiltForOneDtype)


HALF = (Dtype.BFLOAT16, Dtype.FLOAT16)
TOO_LARGE, FLUSHED_BELOW = 100.0, 1e-3
MOST_STEPS, MOST_ROWS, FEW_ROWS = 128, 16, 5


def starting(change: Callable[[Tensor], Tensor]) -> type[Network]:
    """Without an initial state, starts from values other than zeros."""

    class Starting(CutNetwork):
        def initial_state(self, x: Tensor, state: State | None) -> State:
            found = super().initial_state(x, state)
            return found if state is not None else found.map(change)

    return Starting


def ones(value: Tensor) -> Tensor:
    return torch.ones_like(value)


def noise(value: Tensor) -> Tensor:
    drawn = torch.rand(value.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return drawn.to(value)


class LastStateKept(CutNetwork):
    """Without an initial state, starts from the final state of the previous call, if its shape fits."""

    kept: State | None = None

    def initial_state(self, x: Tensor, state: State | None) -> State:
        given = super().initial_state(x, state)
        fits = state is None and self.kept is not None and self.kept.h.shape == given.h.shape
        return self.kept if fits and self.kept is not None else given

    def final_state(self, sweeps: Sequence[Any]) -> State:
        found = super().final_state(sweeps)
        self.kept = found.map(torch.Tensor.detach)
        return found


class InputTakenForContiguous(CutNetwork):
    """Reads the memory of x without its strides."""

    def trace(self, given: Given) -> Trace:
        return super().trace(given._replace(x=packed(given.x)))


class StateTakenForContiguous(CutNetwork):
    """Reads the memory of h0 without its strides."""

    def trace(self, given: Given) -> Trace:
        state = given.state
        return super().trace(given._replace(state=None if state is None else State(packed(state.h), state.c)))


def packed(value: Tensor) -> Tensor:
    """The numbers that follow the first one in memory, as many as fit."""
    if value.is_contiguous() or value.untyped_storage().nbytes() < value.numel() * value.element_size():
        return value
    return value.as_strided(value.shape, torch.empty(value.shape, device="meta").stride())


class OutputBuffer(CutNetwork):
    """Without gradients, every call writes its output to the same memory, if the shape is the same."""

    buffer: Tensor | None = None

    def trace(self, given: Given) -> Trace:
        trace = super().trace(given)
        if torch.is_grad_enabled():
            return trace
        self.buffer = reused(self.buffer, trace.output)
        return replace(trace, output=self.buffer)


class StateBuffer(CutNetwork):
    """Without gradients, every call writes its final states to the same memory, if the shapes are the same."""

    buffer: Tensor | None = None

    def trace(self, given: Given) -> Trace:
        trace = super().trace(given)
        if torch.is_grad_enabled():
            return trace
        self.buffer = reused(self.buffer, trace.final.h)
        return replace(trace, final=State(self.buffer, trace.final.c))


def reused(buffer: Tensor | None, value: Tensor) -> Tensor:
    if buffer is None or buffer.shape != value.shape or buffer.dtype != value.dtype or buffer.is_inference():
        return value.clone()
    return buffer.copy_(value)


class OneRowSqueezed(CutNetwork):
    """With a batch of one row, uses the first timestep for all timesteps."""

    def layer_input(self, layer: int, x: Tensor, below: Tensor, dropout: float) -> Tensor:
        read = super().layer_input(layer, x, below, dropout)
        return read[:1].expand_as(read) if read.shape[1] == 1 and len(read) > 1 else read


class OneStepSkipped(CutNetwork):
    """Reads a single timestep of few rows as zeros."""

    def layer_input(self, layer: int, x: Tensor, below: Tensor, dropout: float) -> Tensor:
        read = super().layer_input(layer, x, below, dropout)
        return torch.zeros_like(read) if len(read) == 1 and read.shape[1] < FEW_ROWS else read


class LoopCut(CutNetwork):
    """After 128 timesteps the output is zero."""

    def trace(self, given: Given) -> Trace:
        trace = super().trace(given)
        if len(given.x) <= MOST_STEPS:
            return trace
        within = torch.arange(len(given.x), device=given.x.device)[:, None, None] < MOST_STEPS
        return replace(trace, output=trace.output.where(within, 0))


class TileTail(CutNetwork):
    """Does not write the rows after the last full tile, if there is a full tile."""

    def trace(self, given: Given) -> Trace:
        trace = super().trace(given)
        steps, rows = given.x.shape[:2]
        if rows <= MOST_ROWS or rows % MOST_ROWS == 0 or steps == 1:
            return trace
        full = torch.arange(rows, device=given.x.device)[:, None] < rows // MOST_ROWS * MOST_ROWS
        return replace(trace, output=trace.output.where(full, 0))


class ZeroTimesOthers(CutNetwork):
    """Every step adds zero times the sum over the batch."""

    def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
        return super().step(w, p + 0.0 * p.sum(0, keepdim=True), carry)


class OverflowingSum(CutNetwork):
    """The input's share of a sum is NaN where it is large, like inf / inf in a formula with exponentials."""

    def project(self, w: LayerWeights, x: Tensor) -> Tensor:
        found = super().project(w, x)
        return found.where(found.abs() < TOO_LARGE, torch.nan)


class Flushed(CutNetwork):
    """Replaces the inputs by zeros if all of them are small."""

    def layer_input(self, layer: int, x: Tensor, below: Tensor, dropout: float) -> Tensor:
        read = super().layer_input(layer, x, below, dropout)
        small = bool(read.numel()) and bool((read.abs() < FLUSHED_BELOW).all())
        return torch.zeros_like(read) if layer == 0 and small else read


class OutputNotTurned(CutNetwork):
    """After a change of batch_first, reshapes the output instead of transposing it."""

    def trace(self, given: Given) -> Trace:
        trace = super().trace(given)
        if not self.spec.batch_first:
            return trace
        steps, rows = trace.output.shape[:2]
        return replace(trace, output=trace.output.reshape(rows, steps, -1).transpose(0, 1))


class Unregistered(CutNetwork):
    """The state_dict does not contain the recurrent weights of the first layer."""

    unregistered = frozenset({"weight_hh_l0"})


class CopiedInPart(CutNetwork):
    """A copy of the layer halves the input's share, x W + b, of every sum."""

    is_copy = False

    def __deepcopy__(self, memo: dict[int, Any]) -> "CopiedInPart":
        other = copy.copy(self)
        other.is_copy = True
        return other

    def project(self, w: LayerWeights, x: Tensor) -> Tensor:
        found = super().project(w, x)
        return found * 0.5 if self.is_copy else found


class BuiltForOneDtype(CutNetwork):
    """In a dtype other than the one it was built for, the layer halves the input's share, x W + b, of every sum."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self.built_for = dtype_of(spec)

    def project(self, w: LayerWeights, x: Tensor) -> Tensor:
        found = super().project(w, x)
        return found if found.dtype == self.built_for else found * 0.5
