"""One short run of a candidate for differentiation: its inputs, and the states that it returns.

With an initial state it is a single step, so that the gradient of a weight is delta (outer) what the weight multiplies:
x, h0, or both side by side. Without one it is two steps of which the second reads zeros: then an input weight still
meets x alone, and a recurrent one the state after the first step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rnncheck.mapping.gradients import Gradients, gradients
from rnncheck.mapping.native import Native
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import State, Trace, dtype_of

ROWS = 3  # rnncheck reads only the first row, but a batch of one breaks layers that squeeze
_SEED = 20


@dataclass(frozen=True)
class GradientProbe:
    """x (T, ROWS, I) and the initial state; `exposes` names the results that the candidate returns."""

    spec: Spec
    x: Tensor
    state: State
    exposes: frozenset[str]

    @property
    def takes_state(self) -> bool:
        return len(self.x) == 1

    @property
    def sources(self) -> list[str]:
        """The result that each of what is `seen` of one place is read from."""
        c = ["c_n"] if self.state.c is not None else []
        order = ["h_n", *["output"] * min(2, len(self.x)), *c]
        return [each for each in order if each in self.exposes]

    @property
    def run(self) -> tuple[object, ...]:
        """What tells its run from others for the same spec."""
        given = [bool(each.any()) for each in self.state.tensors()]
        return (*self.x.shape, *given, self.exposes)

    @property
    def places(self) -> range:
        """Layers and directions, k = layer * D + direction."""
        return range(self.spec.num_layers * self.spec.directions)

    def seen(self, trace: Trace) -> list[tuple[int, str, Tensor]]:
        """What can be seen of each place's states in the first row: k, "h" or "c", and the
        state; the last step's first."""
        spec, found = self.spec, list[tuple[int, str, Tensor]]()
        for k in self.places:
            if "h_n" in self.exposes:
                found.append((k, "h", trace.final.h[k, 0]))
            if k >= len(self.places) - spec.directions and "output" in self.exposes:
                steps = (0, -1) if k % spec.directions else (-1, 0)
                for t in steps[: len(self.x)]:  # without a loop over time, the first step shows what the last does not
                    side = trace.output[t, 0].chunk(spec.directions)[k % spec.directions]
                    found.append((k, "h", side))
            if trace.final.c is not None and "c_n" in self.exposes:
                found.append((k, "c", trace.final.c[k, 0]))
        return found

    def gradients(self, native: Native) -> list[tuple[int, Gradients]]:
        """For each of what is `seen`, the gradient of a weighted sum of it by every tensor, as float64."""
        ks: list[int] = []

        def losses(trace: Trace) -> Sequence[Tensor]:
            seen = self.seen(trace)
            ks[:] = [k for k, _, _ in seen]
            return [weighted(value) for _, _, value in seen]

        found = gradients(native, self.x, self.state, losses)
        doubled = ({name: value.double() for name, value in each.items()} for each in found)
        return list(zip(ks, doubled, strict=True))


def prepared(native: Native, *, takes_state: bool = True) -> GradientProbe:
    """The probe for this candidate, at its dtype; with `takes_state` False, without an initial state."""
    spec = native.spec
    draw = torch.Generator().manual_seed(_SEED)
    fixed = native.facts.fixed
    takes_state = takes_state and native.facts.takes_state and fixed is None
    steps = fixed[0] if fixed else 1 if takes_state else 2
    rows = fixed[1] if fixed else 1 if native.facts.by_row else ROWS
    x = torch.randn(steps, rows, spec.input_size, generator=draw, dtype=torch.float64)
    x[1:] = 0
    state = zeros(spec, rows)
    if takes_state:
        state = State(torch.randn(state.h.shape, generator=draw, dtype=torch.float64), state.c)
    if state.c is not None and takes_state and native.facts.takes_cell_state:
        state = State(state.h, torch.randn(state.c.shape, generator=draw, dtype=torch.float64))
    dtype = dtype_of(spec)
    return GradientProbe(spec, x.to(spec.device, dtype), state.to(spec.device, dtype), native.facts.exposes)


def read(native: Native, probe: GradientProbe) -> dict[tuple[str, int], Tensor]:
    """What the weights of each place multiply in the probe's run, ("x" or "h", k), as far as it can be seen."""
    spec = probe.spec
    found = {("x", d): probe.x[0, 0] for d in range(spec.directions)}
    if probe.takes_state:
        found |= {("h", k): probe.state.h[k, 0] for k in probe.places}
        after = _states(native, probe, probe.x)
        for k in probe.places:
            below = [after.get((k // spec.directions - 1) * spec.directions + d) for d in range(spec.directions)]
            if k >= spec.directions and all(each is not None for each in below):
                found["x", k] = torch.cat([each for each in below if each is not None])
        return found
    if native.facts.fixed:
        return found
    for direction in range(spec.directions):  # the forward one reads x first, the backward one the zeros
        first = _states(native, probe, probe.x[-1:] if direction else probe.x[:1])
        found |= {("h", k): h for k, h in first.items() if k % spec.directions == direction}
    return found


def _states(native: Native, probe: GradientProbe, x: Tensor) -> dict[int, Tensor]:
    """h of each place after the step that reads x, if the candidate returns it."""
    with torch.no_grad():
        trace = native.run(x, probe.state)
    return {k: value.detach().clone() for k, which, value in reversed(probe.seen(trace)) if which == "h"}


def zeros(spec: Spec, rows: int = ROWS) -> State:
    """A zero state in float64."""
    count = spec.num_layers * spec.directions
    c = torch.zeros(count, rows, spec.hidden_size, dtype=torch.float64) if spec.cell is Cell.LSTM else None
    return State(torch.zeros(count, rows, spec.state_size, dtype=torch.float64), c)


def weighted(value: Tensor) -> Tensor:
    """A weighted sum of the units, with a different weight near 1 for each."""
    return (value * torch.linspace(0.7, 1.3, len(value), dtype=value.dtype, device=value.device)).sum()


def scattered(shape: Sequence[int], draw: torch.Generator) -> Tensor:
    """Distinct values of both signs."""
    return 0.6 * torch.randn(tuple(shape), generator=draw, dtype=torch.float64)


def put(native: Native, values: Mapping[str, Tensor]) -> None:
    """Writes values into the candidate's tensors."""
    held = native.tensors()
    with torch.no_grad():
        for name, value in values.items():
            held[name].copy_(value)
