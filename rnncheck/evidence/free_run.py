"""The normal run: both sides run chunk by chunk on the same data, each from its own states."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from rnncheck.data.sequences import Sequences
from rnncheck.errors import DataError
from rnncheck.evidence.allowance import Allowance, Allowed, SideRun
from rnncheck.evidence.differences import Fold, misfit
from rnncheck.evidence.places import in_final_state, in_head, in_output
from rnncheck.evidence.tolerance import Tolerance
from rnncheck.implementations.protocol import Layer
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import State, Trace, dtype_of
from rnncheck.report import Comparison
from rnncheck.text import printable


class SideBySide:
    """The normal run: the candidate and the reference start from one state and continue from their own states.

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
        allowed = self._allowance.of(x, SideRun(starts[0], candidate), SideRun(starts[1], reference))
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
        """On the host. For bounded cells, a NaN of the candidate alone is a difference even after the horizon."""
        a, b = on_host(candidate), on_host(reference)
        if isinstance(allowed, Tensor) and self._spec.nonlinearity != "relu" and not misfit(a, b):
            assert a is not None
            assert b is not None
            allowed = allowed.masked_fill(b.isfinite() & ~a.isfinite(), 0.0)
        fold.add(a, b, allowed)

    def _cast(self, state: State) -> State:
        return state.to(self._spec.device, dtype_of(self._spec))

    def _given(self, x: Tensor) -> Tensor:
        return x.to(self._spec.device, dtype_of(self._spec), copy=True)

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


LONGEST = 4096  # timesteps: longer chunks gain no speed
CONTAINER = Path("/sys/fs/cgroup/memory.max")
WIDEST = 8 * 1024 * 1024  # elements of the widest thing a chunk holds


def tensors(sequences: Sequences, spec: Spec, *, whole: bool = False) -> Iterator[Tensor]:
    """x (t, B, I) in float64, chunk by chunk; in one piece for both directions or lengths, which read to the end, and
    `whole` for layers that cannot go on from a state.

    Raises `DataError` rather than fill more than half of the memory with that one piece.
    """
    if whole or spec.bidirectional or sequences.lengths is not None:
        x = gather(sequences, spec)
        if len(x):
            yield fitting(x, 0, sequences, spec)
        return
    start = 0
    for chunk in sequences.chunks(chunk_length(sequences.batch_size, spec)):
        yield fitting(torch.from_numpy(chunk), start, sequences, spec)
        start += len(chunk)


def fitting(x: Tensor, start: int, sequences: Sequences, spec: Spec) -> Tensor:
    """x (t, B, I), whose first timestep is `start`. Raises `DataError` for a finite number too large for the dtype."""
    dtype = dtype_of(spec)
    too_large = x.isfinite() & x.to(dtype).isinf() if x.numel() and dtype != torch.float64 else None
    if too_large is None or not bool(too_large.any()):
        return x
    t, row, column = (int(each) for each in too_large.nonzero()[0])
    names = sequences.source.get("columns")
    name = f" ('{printable(names[column])}')" if isinstance(names, list) else ""
    raise DataError(
        f"timestep {start + t}, batch row {row}: column {column + 1}{name} is {float(x[t, row, column]):.6g}, and the "
        f"largest number of {spec.dtype} is {torch.finfo(dtype).max:.6g}; scale the column down, or use --dtype float64"
    )


def chunk_length(batch_size: int, spec: Spec) -> int:
    """A multiple of 16, where torch.nn's chunks are bit for bit what one long run gives."""
    per_step = max(1, batch_size) * max(spec.input_size, spec.cell.gates * spec.hidden_size)
    return min(LONGEST, max(16, WIDEST // per_step // 16 * 16))


def gather(sequences: Sequences, spec: Spec) -> Tensor:
    """All of x at once."""
    per_step = 8 * sequences.batch_size * (2 * sequences.input_size + 2 * spec.directions * rows_per_step(spec))
    chunks, steps = [], 0
    for chunk in sequences.chunks(LONGEST):
        steps += len(chunk)
        needed = per_step * max(steps, sequences.seq_len or 0)
        if needed > physical_memory() / 2:
            why = (
                "lengths" if sequences.lengths else "both directions" if spec.bidirectional else "layers without states"
            )
            raise DataError(
                f"{why} need all timesteps at once: more than {needed / 2**30:.1f} GiB, and half of the "
                f"{physical_memory() / 2**30:.1f} GiB here may be used; cut the data with --window N"
            )
        chunks.append(torch.from_numpy(chunk))
    if not chunks:
        return torch.empty(0, sequences.batch_size, sequences.input_size, dtype=torch.float64)
    return torch.cat(chunks) if len(chunks) > 1 else chunks[0]


def rows_per_step(spec: Spec) -> int:
    return spec.cell.gates * spec.hidden_size + spec.state_size


def physical_memory() -> float:
    """Bytes, as many as a container may use; without a limit where the system does not tell."""
    try:
        here = float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return float("inf")
    try:
        return min(here, float(CONTAINER.read_text()))
    except (OSError, ValueError):  # no such limit, or "max"
        return here
