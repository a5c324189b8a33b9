"""Both sides, run chunk by chunk on the same data, each from its own states, and compared as they go."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from rnncheck.allowance import Allowance, Allowed, Run
from rnncheck.compare import Fold
from rnncheck.elements import misfit
from rnncheck.implementations.protocol import Layer
from rnncheck.places import in_final_state, in_head, in_output
from rnncheck.report import Comparison
from rnncheck.spec import Cell, Spec
from rnncheck.tolerance import Tolerance
from rnncheck.trace import State, Trace


class SideBySide:
    """Free running: the candidate and the reference start from one state and go on from what each made of it.

    What is `unexposed`, of "output", "h_n" and "c_n", is left out.
    """

    def __init__(
        self,
        spec: Spec,
        candidate: Layer,
        reference: Layer,
        state: State,
        lengths: Sequence[int] | None,
        allowance: Allowance,
        rows: int | None,
        unexposed: frozenset[str] = frozenset(),
    ) -> None:
        self.steps = 0
        self._spec, self._lengths, self._allowance = spec, lengths, allowance
        self._candidate, self._reference, self._unexposed = candidate, reference, unexposed
        self._candidate_state, self._reference_state = self._cast(state), self._cast(state)
        self.allowed: Allowed | None = None  # of the last chunk
        self._output = Fold("output", in_output(spec), rows)
        self._head = Fold("y", in_head(spec)) if spec.head else None

    def run(self, x: Tensor) -> tuple[Trace, Trace]:
        """The next chunk x (t, B, I), in float64 on the host; each side gets copies of its own."""
        starts = [self._cast(state) for state in (self._candidate_state, self._reference_state)]
        reference = self._reference.run(self._given(x), self._reference_state, self._lengths)
        candidate = self._candidate.run(self._given(x), self._candidate_state, self._lengths)
        allowed = self._allowance.of(x, Run(starts[0], candidate), Run(starts[1], reference))
        if "output" not in self._unexposed:
            self._add(self._output, candidate.output, reference.output, allowed.output)
        if self._head is not None:
            self._add(self._head, candidate.y, reference.y, allowed.y)
        # Last, so that an interrupted chunk leaves the states and the number of steps those of the one before.
        self._candidate_state, self._reference_state = candidate.final, reference.final
        self.allowed = allowed
        self.steps += len(x)
        return candidate, reference

    @property
    def parted(self) -> bool:
        """Whether numbers of the outputs have differed by more than is allowed."""
        return self._output.parted

    def _add(self, fold: Fold, candidate: Tensor | None, reference: Tensor | None, allowed: Tensor | Tolerance) -> None:
        """On the host. Only a relu layer can overflow: of the others a NaN is judged beyond the horizon too."""
        a, b = on_host(candidate), on_host(reference)
        if isinstance(allowed, Tensor) and self._spec.nonlinearity != "relu" and not misfit(a, b):
            assert a is not None
            assert b is not None
            allowed = allowed.masked_fill(b.isfinite() & ~a.isfinite(), 0.0)
        fold.add(a, b, allowed)

    def _cast(self, state: State) -> State:
        return state.to(self._spec.device, getattr(torch, self._spec.dtype))

    def _given(self, x: Tensor) -> Tensor:
        return x.to(self._spec.device, getattr(torch, self._spec.dtype), copy=True)

    def comparisons(self) -> list[Comparison]:
        """Every quantity, over all that was run."""
        candidate, reference = self._candidate_state, self._reference_state
        folds = [] if "output" in self._unexposed else [self._output]
        if "h_n" not in self._unexposed:
            folds.append(self._final("h_n", candidate.h, reference.h))
        if self._spec.cell is Cell.LSTM and "c_n" not in self._unexposed:
            folds.append(self._final("c_n", candidate.c, reference.c))
        if self._head is not None:
            folds.append(self._head)
        return [fold.result() for fold in folds]

    def _final(self, quantity: Literal["h_n", "c_n"], candidate: Tensor | None, reference: Tensor | None) -> Fold:
        """The states after the last step so far; before the first they are the initial ones, and nothing to compare."""
        ends = self._lengths or [self.steps] * self._reference_state.h.shape[1]
        fold = Fold(quantity, in_final_state(self._spec, ends))
        if self.allowed is not None:
            self._add(fold, candidate, reference, getattr(self.allowed, quantity))
        return fold


def on_host(value: Tensor | None) -> Tensor | None:
    return None if value is None else value.cpu()
