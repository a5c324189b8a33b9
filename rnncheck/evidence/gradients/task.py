"""What is differentiated, on which part of a run, and the allowed difference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from torch import Tensor

from rnncheck.envelope import Rounding, gradient_envelope, rounding_of
from rnncheck.evidence.allowance import PAIR
from rnncheck.evidence.gradients.differentiate import BackwardRun, random_projection
from rnncheck.evidence.tolerance import Tolerance
from rnncheck.model.spec import Dtype, Spec
from rnncheck.model.trace import State, Trace, dtype_of, rounded
from rnncheck.model.weights import Weights

SAMPLES = 8  # perturbed runs that an allowance is made of, at least

Allowances = Mapping[str, Tensor] | Tolerance  # by the name of what the gradient is of; between two sides


@dataclass(frozen=True)
class Task:
    """One run, with the weights and the projection of its results whose gradients are wanted."""

    run: BackwardRun
    weights: Weights
    projection: Trace

    @classmethod
    def of(cls, run: BackwardRun, weights: Weights, seed: int) -> "Task":
        """All of it rounded to the run's dtype, so that float64 judges the very same function at the same point."""
        dtype = dtype_of(run.spec)
        run = replace(run, x=rounded(run.x, dtype), state=run.state.rounded(dtype))
        return cls(run, weights.rounded(run.spec), random_projection(run, seed))

    def in_float64(self) -> "Task":
        return replace(self, run=replace(self.run, spec=replace(self.run.spec, dtype=Dtype.FLOAT64)))

    def shortened(self, steps: int) -> "Task":
        """The same task, on its first timesteps alone."""
        run, ends = self.run, self.run.lengths
        lengths = None if ends is None else tuple(min(end, steps) for end in ends)
        projection = replace(self.projection, output=self.projection.output[:steps])
        return replace(self, run=replace(run, x=run.x[:steps], lengths=lengths), projection=projection)

    def judged_by(self, by: Rounding | Tolerance, samples: int = SAMPLES) -> "JudgedTask":
        """The task and what is allowed: the stated tolerance, or for each gradient the envelope's, by element.

        Rounding that grows from step to step reaches a size at which gradients, which grow with it, do not follow in
        proportion, and no sample of them tells how far they may move. The task is shortened to the steps before.
        """
        if isinstance(by, Tolerance):
            return JudgedTask(self, by)
        allowances, steady = self._enveloped(by, samples)
        steps = len(self.run.x)
        if steady < steps and steps > 1:
            return self.shortened(max(1, min(steady, steps // 2))).judged_by(by, samples)
        return JudgedTask(self, allowances)

    def _enveloped(self, held: Rounding, samples: int) -> tuple[Allowances, int]:
        run = self.run
        spec = replace(run.spec, head=None)  # whose y is not projected
        weights = Weights({name: self.weights.values[name] for name in spec.recurrent_shapes()})
        found = gradient_envelope(
            spec, weights, run.x, run.state, self.projection, run.lengths, rounding=held, samples=samples
        )
        allowed = found.allowed
        c0 = {} if allowed.state.c is None else {"c0": allowed.state.c}
        every = {"x": allowed.x, "h0": allowed.state.h, **c0, **allowed.weights}
        return {name: PAIR * each for name, each in every.items()}, found.steady


class JudgedTask(NamedTuple):
    """A task, as long as it can be judged, and what is allowed there between two sides."""

    task: Task
    allowances: Allowances


def held_in_float64(task: Task, by: Rounding | Tolerance, at_dtype: JudgedTask, samples: int = SAMPLES) -> JudgedTask:
    """A task in float64, and what is allowed there, as far as it follows from what is allowed at the dtype.

    The effect of small noise is proportional to it. This fails in half precision, at the kink of relu, and where
    rounding is as large as the gradient; products whose factors are cut, as in TF32, are another arithmetic. There the
    allowed difference is computed in float64.
    """
    allowances = at_dtype.allowances
    if isinstance(allowances, Tolerance) or isinstance(by, Tolerance):
        return task.judged_by(by)
    rounding = rounding_of(task.run.spec)
    whole = len(at_dtype.task.run.x) == len(task.run.x) and all(
        bool(each.isfinite().all()) for each in allowances.values()
    )
    if not whole or not by.sequential or by.factors or task.run.spec.nonlinearity == "relu":
        return task.judged_by(rounding, samples)
    return JudgedTask(task, {name: each * (rounding.unit / by.unit) for name, each in allowances.items()})


# What a short run's gradients cost, together with their envelope, is what a long, wide or large one's may.
LONGEST = 24  # timesteps
SHORTEST = 8
FEWEST_ROWS = 2  # in a single one, neither rows that are mixed nor a gradient divided by the batch size show
GRADIENT_BUDGET = 1.2e6  # weights times timesteps times rows
MOST_WHOLE = 8 * GRADIENT_BUDGET  # of a run that can be done whole alone
MOST_WEIGHTS = 4_000_000  # more take seconds, in float64 and in all samples, even as the least of runs


class FirstPart(NamedTuple):
    """The first `rows` rows of the batch, each up to its first `steps` timesteps."""

    steps: int
    rows: int

    def cut(
        self, x: Tensor, state: State, lengths: Sequence[int] | None
    ) -> tuple[Tensor, State, tuple[int, ...] | None]:
        """x (T, B, I), the states (L*D, B, ·) and the lengths, as far as they are within reach."""
        ends = None if lengths is None else tuple(min(end, self.steps) for end in lengths[: self.rows])
        return x[: self.steps, : self.rows], state.map(lambda each: each[:, : self.rows]), ends

    def note(self, seq_len: int, batch_size: int) -> str | None:
        """What was left out, if anything."""
        parts = []
        if self.rows < batch_size:
            parts.append(f"{self.rows:,} of {batch_size:,} batch rows")
        if self.steps < seq_len:
            parts.append(f"the first {self.steps:,} of {seq_len:,} timesteps")
        return "gradients were compared on " + " and ".join(parts) if parts else None


def within_reach(spec: Spec, seq_len: int, batch_size: int) -> FirstPart | None:
    """What can be afforded; None where even the least is too much."""
    weights = spec.recurrent_count
    if weights > MOST_WEIGHTS:
        return None
    steps = min(seq_len, LONGEST, max(SHORTEST, int(GRADIENT_BUDGET / weights)))
    return FirstPart(steps, min(batch_size, max(FEWEST_ROWS, int(GRADIENT_BUDGET / weights / steps))))


def whole(spec: Spec, seq_len: int, batch_size: int) -> FirstPart | None:
    """All of a run that can be done whole alone; None where that is too much."""
    affordable = spec.recurrent_count * seq_len * batch_size <= MOST_WHOLE
    return FirstPart(seq_len, batch_size) if affordable else None
