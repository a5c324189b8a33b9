"""What is differentiated, and how far the gradients of right sides may be apart."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rnncheck.allowance import PAIR
from rnncheck.backward.differentiate import Run, random_projection
from rnncheck.envelope import Rounding, gradient_envelope
from rnncheck.spec import Dtype
from rnncheck.tolerance import Tolerance
from rnncheck.trace import State, Trace
from rnncheck.weights import Weights

Allowances = Mapping[str, Tensor] | Tolerance  # by the name of what the gradient is of; between two sides


@dataclass(frozen=True)
class Task:
    """One run, with the weights and the projection of its results whose gradients are wanted."""

    run: Run
    weights: Weights
    projection: Trace

    @classmethod
    def of(cls, run: Run, weights: Weights, seed: int) -> "Task":
        """All of it rounded to the run's dtype, so that float64 judges the very same function at the same point."""
        dtype = getattr(torch, run.spec.dtype)

        def rounded(value: Tensor) -> Tensor:
            return value.to(dtype).double()

        c = None if run.state.c is None else rounded(run.state.c)
        run = replace(run, x=rounded(run.x), state=State(rounded(run.state.h), c))
        weights = Weights({name: rounded(value) for name, value in weights.values.items()})
        return cls(run, weights, random_projection(run, seed))

    def in_float64(self) -> "Task":
        return replace(self, run=replace(self.run, spec=replace(self.run.spec, dtype=Dtype.FLOAT64)))

    def allowances(self, held: Rounding | Tolerance) -> Allowances:
        """The stated tolerance, or for each gradient the envelope's, element by element."""
        if isinstance(held, Tolerance):
            return held
        run = self.run
        spec = replace(run.spec, head=None)  # whose y is not projected
        weights = Weights({name: self.weights.values[name] for name in spec.recurrent_shapes()})
        found = gradient_envelope(spec, weights, run.x, run.state, self.projection, run.lengths, rounding=held).allowed
        c0 = {} if found.state.c is None else {"c0": found.state.c}
        every = {"x": found.x, "h0": found.state.h, **c0, **found.weights}
        return {name: PAIR * each for name, each in every.items()}


def narrowed(allowances: Allowances, held: Rounding | Tolerance) -> Allowances | None:
    """What is allowed in float64, as far as it follows from what is allowed at the dtype; None if it does not.

    What noise does is proportional to it while it is small. In half precision it is not, and where rounding may be as
    large as the gradient neither; products whose factors are cut, as in TF32, are another arithmetic than float64's.
    """
    if isinstance(allowances, Tolerance) or isinstance(held, Tolerance):
        return allowances
    if not held.sequential or held.factors or not all(bool(each.isfinite().all()) for each in allowances.values()):
        return None
    ratio = torch.finfo(torch.float64).eps / 2 / held.unit
    return {name: each * ratio for name, each in allowances.items()}
