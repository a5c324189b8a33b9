"""A quick comparison: both sides run, forwards and for some also back, and how far they are apart in units of rounding.

It decides nothing. What is far apart, or cannot be run, is a suspect, which the full judge looks at.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor

from rnncheck.data.random import initial_state, random_sequences
from rnncheck.errors import CannotRun, UsageError
from rnncheck.evidence.common_ground import Ground, ground
from rnncheck.evidence.gradients.differentiate import BackwardRun, differentiate, random_projection
from rnncheck.implementations.protocol import Implementation, Layer
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace, dtype_of
from rnncheck.model.weights import Weights, draw
from rnncheck.sweep.configuration import Configuration
from rnncheck.sweep.sides import anew

NEARLY = 8.0  # units of rounding: the states of right layers are so far apart in 1 configuration of 1,000
NEAR = 24.0  # and hardly ever so far, as their gradients often are
CLEAR = 500.0  # and never so far, unless their numbers grow without bound
GRADIENT_STEPS = 24  # of longer runs, gradients are not compared here
KNOWN = Spec(input_size=3, hidden_size=4)  # sizes at which a user's own class is read


class Quick(NamedTuple):
    """What came of one configuration: how far apart the sides are, or why one of them cannot run it.

    `apart` is the largest difference in units of rounding, eps times the largest number there; infinite for another
    shape, a NaN on one side, a gradient that does not arrive. `forward` is that of the states alone.
    """

    apart: float = 0.0
    backward: bool = False  # whether the gradients alone are far apart
    forward: float = 0.0
    refused: str | None = None
    raised: str | None = None

    @property
    def suspect(self) -> bool:
        return self.raised is not None or not self.apart <= NEAR or self.forward > NEARLY

    @property
    def clear(self) -> bool:
        return self.raised is not None or not self.apart <= CLEAR


@runtime_checkable
class BuildsAlike(Protocol):
    """An implementation that had to be read first, and is taken to be the same at other sizes."""

    def build_like(self, known: Spec, spec: Spec, weights: Weights) -> Layer: ...


@dataclass(frozen=True)
class SpecFacts:
    """What is the same at all sizes: what a candidate refuses, takes and exposes."""

    known: Spec
    refused: str | None
    short: Ground | None = None
    long: Ground | None = None
    longest_output: int | None = None


class Comparer:
    """Both sides, and what is known of them."""

    def __init__(self, candidate: Implementation, reference: Implementation) -> None:
        self.sides = candidate, reference
        self._kinds: dict[tuple[Spec, bool], SpecFacts] = {}

    def group(self, configurations: Sequence[Configuration], *, back: bool) -> list[Quick]:
        """Of configurations with one layer between them; `back` compares the gradients of the first."""
        found = list[Quick]()
        if not configurations:
            return found
        spec = configurations[0].spec
        small = replace(
            spec, input_size=KNOWN.input_size, hidden_size=KNOWN.hidden_size, proj_size=2 * bool(spec.proj_size)
        )
        layers: tuple[Layer, Layer] | None = None
        for place, each in enumerate(configurations):
            try:
                kind = self._kind(small, each.lengths != "none")
                if kind.refused is not None:
                    found.append(Quick(refused=kind.refused))
                    continue
                if layers is None:
                    layers = self._built(spec, each, kind)
                found.append(compared(spec, each, layers, kind, back=back and place == 0))
            except (CannotRun, RuntimeError, ValueError, IndexError, ArithmeticError, AssertionError) as problem:
                found.append(Quick(math.inf, raised=said(problem)))
        return found

    def one(self, configuration: Configuration, *, back: bool) -> Quick:
        return self.group([configuration], back=back)[0]

    def _kind(self, spec: Spec, lengths: bool) -> SpecFacts:
        """Found out once for a spec at small sizes."""
        if (spec, lengths) not in self._kinds:
            self._kinds[spec, lengths] = self._found(spec, lengths)
        return self._kinds[spec, lengths]

    def _found(self, spec: Spec, lengths: bool) -> SpecFacts:
        for side in map(anew, self.sides):
            try:
                refused = side.refuses(spec, lengths=lengths)
            except (CannotRun, UsageError) as problem:
                refused = said(problem)
            if refused is not None:
                return SpecFacts(spec, f"{side.name}: {refused.splitlines()[0]}")
        try:
            short, long = (
                ground(spec, *self.sides, seq_len=steps, lengths=(2, 1) if lengths else None) for steps in (1, 10**9)
            )
        except CannotRun as problem:
            return SpecFacts(spec, said(problem))
        readings = [side.read(spec) for side in self.sides if hasattr(side, "read")]
        longest = min((each.longest_output for each in readings if each.longest_output), default=None)
        return SpecFacts(spec, None, short, long, longest)

    def _built(self, spec: Spec, each: Configuration, kind: SpecFacts) -> tuple[Layer, Layer]:
        weights = draw(spec, each.seed).scaled(each.weight_scale)
        assert kind.short is not None
        weights = kind.short.restrict(weights)
        candidate, reference = (
            side.build_like(kind.known, spec, weights) if isinstance(side, BuildsAlike) else side.build(spec, weights)
            for side in map(anew, self.sides)
        )
        return candidate, reference


def said(problem: Exception) -> str:
    return (str(problem) or type(problem).__name__).splitlines()[0]


def compared(spec: Spec, each: Configuration, layers: tuple[Layer, Layer], kind: SpecFacts, *, back: bool) -> Quick:
    """One configuration; `back` also compares gradients, of short runs."""
    lengths, longest = each.row_lengths, kind.longest_output
    common = kind.short if longest is None or each.seq_len <= longest else kind.long
    assert common is not None
    if common.problems:
        return Quick(math.inf)
    data = random_sequences(
        each.input_size, each.seq_len, each.batch_size, lengths=lengths, seed=each.seed, init=each.init
    )
    x = torch.from_numpy(next(data.chunks(each.seq_len)))
    state = initial_state(spec, each.batch_size, seed=each.seed, kind=each.h0 if common.takes_state else "zeros")
    if state.c is not None and not common.takes_cell_state:
        state = State(state.h, torch.zeros_like(state.c))
    dtype = dtype_of(spec)

    def trace(layer: Layer) -> Trace:
        return layer.run(x.to(spec.device, dtype, copy=True), state.to(spec.device, dtype), lengths)

    with torch.inference_mode():
        candidate = trace(layers[0])
        with without_preparation():
            reference = trace(layers[1])
        far = max(
            apart(quantity(candidate, name), quantity(reference, name))
            for name in ("output", "h_n", "c_n")
            if name not in common.unexposed
        )
    if back and far <= NEAR and each.seq_len <= GRADIENT_STEPS:
        run = BackwardRun(spec, x, state, lengths, common.unexposed, common.withheld)
        back_far = gradients_apart(layers, run, each.seed)
        return Quick(max(far, back_far), back_far > NEAR, far)
    return Quick(far, forward=far)


@contextmanager
def without_preparation() -> Iterator[None]:
    """oneDNN prepares a kernel for each new shape, which takes longer than a short run of the reference itself."""
    onednn: Any = torch.backends.mkldnn
    before = onednn.enabled
    onednn.enabled = False
    try:
        yield
    finally:
        onednn.enabled = before


def quantity(trace: Trace, name: str) -> Tensor | None:
    return trace.output if name == "output" else trace.final.h if name == "h_n" else trace.final.c


def apart(candidate: Tensor | None, reference: Tensor | None) -> float:
    """The largest difference in units of rounding: eps times the largest number of the reference, or 1."""
    if reference is None or not reference.numel():
        return 0.0
    if candidate is None or candidate.shape != reference.shape or candidate.dtype != reference.dtype:
        return math.inf
    units = float(torch.linalg.vector_norm(candidate - reference, math.inf)) / torch.finfo(reference.dtype).eps
    if units > NEAR:  # only then is it worth knowing how large the numbers are
        units /= max(float(reference.abs().amax()), 1.0)
    return units if math.isfinite(units) else math.inf


def gradients_apart(layers: tuple[Layer, Layer], run: BackwardRun, seed: int) -> float:
    """The same of the gradients of a random projection, against the largest of each; 0 where there are none."""
    if any(layer.leaves() is None for layer in layers):
        return 0.0
    projection = random_projection(run, seed)
    candidate = differentiate(layers[0], run, projection)
    with without_preparation():
        reference = differentiate(layers[1], run, projection)
    if candidate.problem:
        return math.inf
    mine = candidate.gradients
    return max((apart(mine.get(name), right) for name, right in reference.gradients.items()), default=0.0)
