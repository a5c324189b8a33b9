"""Both sides, run chunk by chunk on the same data, each from its own states, and compared as they go."""

from collections.abc import Sequence

import torch
from torch import Tensor

from rnncheck.compare import Fold
from rnncheck.implementations.protocol import Layer
from rnncheck.places import in_final_state, in_head, in_output
from rnncheck.report import Comparison
from rnncheck.spec import Spec
from rnncheck.tolerance import Tolerance
from rnncheck.trace import State, Trace


class SideBySide:
    """Free running: the candidate and the reference start from one state and go on from what each made of it."""

    def __init__(
        self,
        spec: Spec,
        candidate: Layer,
        reference: Layer,
        state: State,
        lengths: Sequence[int] | None,
        tolerance: Tolerance,
        rows: int | None,
    ) -> None:
        self.steps = 0
        self._spec, self._lengths, self._tolerance = spec, lengths, tolerance
        self._candidate, self._reference = candidate, reference
        self._candidate_state, self._reference_state = cast(state, spec), cast(state, spec)
        self._output = Fold("output", tolerance, in_output(spec), rows)
        self._head = Fold("y", tolerance, in_head(spec)) if spec.head else None

    def run(self, x: Tensor) -> None:
        """The next chunk x (t, B, I), in float64 on the host; each side gets a copy of its own."""
        reference = self._reference.run(self._cast(x), self._reference_state, self._lengths)
        candidate = self._candidate.run(self._cast(x), self._candidate_state, self._lengths)
        self._candidate_state, self._reference_state = candidate.final, reference.final
        self._compare(candidate, reference)
        self.steps += len(x)

    def _compare(self, candidate: Trace, reference: Trace) -> None:
        self._output.add(candidate.output.cpu(), reference.output.cpu())
        if self._head is not None and reference.y is not None:
            self._head.add(None if candidate.y is None else candidate.y.cpu(), reference.y.cpu())

    def _cast(self, x: Tensor) -> Tensor:
        return x.to(self._spec.device, getattr(torch, self._spec.dtype), copy=True)

    def comparisons(self) -> list[Comparison]:
        """Every quantity, over all that was run."""
        locate = in_final_state(self._spec, self._lengths or [self.steps] * self._reference_state.h.shape[1])
        h_n = Fold("h_n", self._tolerance, locate)
        h_n.add(self._candidate_state.h.cpu(), self._reference_state.h.cpu())
        folds = [self._output, h_n]
        if self._reference_state.c is not None:
            c = self._candidate_state.c
            c_n = Fold("c_n", self._tolerance, locate)
            c_n.add(None if c is None else c.cpu(), self._reference_state.c.cpu())
            folds.append(c_n)
        if self._head is not None:
            folds.append(self._head)
        return [fold.result() for fold in folds]


def cast(state: State, spec: Spec) -> State:
    """A copy of the state at the spec's dtype, on its device."""
    dtype = getattr(torch, spec.dtype)
    c = None if state.c is None else state.c.to(spec.device, dtype, copy=True)
    return State(state.h.to(spec.device, dtype, copy=True), c)
