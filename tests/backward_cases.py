"""A candidate's gradients held against a reference's, on a small run."""

import torch

from rnncheck.data.random import initial_state
from rnncheck.envelope import rounding_of
from rnncheck.evidence.gradients import Backward, backward_comparisons
from rnncheck.implementations import load
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.weights import draw
from rnncheck.report import Comparison
from tests.differentiable import (
    Differentiable,
)

T, B = 9, 3
LENGTHS = (9, 4, 6)
RIGHT = Differentiable()


def given(spec, seq_len=T, batch_size=B):
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(seq_len, batch_size, spec.input_size, generator=generator, dtype=torch.float64)
    return x, initial_state(spec, batch_size)


def backward(candidate, spec=None, lengths=None, *, held=None, in_float64=False, shape=(T, B), against="torch"):
    spec = spec or Spec(Cell.GRU)
    candidate, reference = (load(each) if isinstance(each, str) else each for each in (candidate, against))
    weights = draw(spec, 0)
    return backward_comparisons(
        spec,
        weights,
        candidate.build(spec, weights),
        reference.build(spec, weights),
        *given(spec, *shape),
        lengths,
        held=held or rounding_of(spec),
        in_float64=(candidate, reference) if in_float64 else None,
    )


def wrong(found: Backward, mode: str = "backward") -> list[str]:
    return [each.quantity for each in found.comparisons if each.mode == mode and not each.agrees]


def slugs(found: Backward) -> list[str]:
    return [each.slug for each in found.findings]


def of(found: Backward, quantity: str) -> Comparison:
    return next(each for each in found.comparisons if each.quantity == quantity)
