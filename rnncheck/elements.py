"""Differences between single elements: what counts as comparable, as exceeding, and as one unit in the last place."""

import math

import torch
from torch import Tensor


def misfit(candidate: Tensor | None, reference: Tensor | None) -> str | None:
    """Why two tensors cannot be compared element by element, or None if they can. Nothing is broadcast."""
    if reference is None:
        return "the reference has none"
    if candidate is None:
        return f"the candidate has none; the reference's has shape {tuple(reference.shape)}"
    if candidate.shape != reference.shape:
        return f"the candidate's shape is {tuple(candidate.shape)}, the reference's {tuple(reference.shape)}"
    if candidate.dtype != reference.dtype:
        return f"the candidate's dtype is {name(candidate.dtype)}, the reference's {name(reference.dtype)}"
    return None


def exceeds(candidate: Tensor | None, reference: Tensor | None, allowed: Tensor) -> bool:
    """Whether some number differs by more than is `allowed`. A NaN, another shape or dtype is no number."""
    if candidate is None or reference is None or misfit(candidate, reference):
        return False
    return bool(((comparable(candidate) - comparable(reference)).abs_().cpu() > allowed).any())


def name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def comparable(side: Tensor) -> Tensor:
    """Itself, or for half precision its exact widening, so that a difference is not rounded to 8 or 11 bits."""
    return side.float() if side.dtype in (torch.bfloat16, torch.float16) else side


def settle_nonfinite(difference: Tensor, a: Tensor, b: Tensor) -> int:
    """Puts 0 into `difference` where both sides are the same NaN or infinity, infinity where only one is not finite.

    Returns how many elements agree in that way.
    """
    agree = (a.isnan() & b.isnan()) | (a.isinf() & (a == b))
    difference[~(a.isfinite() & b.isfinite())] = math.inf
    difference[agree] = 0.0
    return int(agree.sum())


def budget_used(difference: Tensor, allowed: Tensor) -> Tensor:
    """|difference| / allowed, written over `allowed`; above 1 exactly where the difference is the larger.

    What division leaves open is decided: no difference uses nothing, even where nothing is allowed, and a difference
    without bound uses more than there is, even beside an infinite or NaN reference, which allows without bound.
    """
    budget = torch.div(difference, allowed, out=allowed)
    if budget.amax().isnan():
        undecided = budget.isnan()
        budget.masked_fill_(undecided, math.inf).masked_fill_(undecided & (difference == 0), 0.0)
    return budget


def spacing(value: float, dtype: torch.dtype) -> float:
    """One unit in the last place of `value` in this dtype: the distance to the next larger magnitude."""
    info = torch.finfo(dtype)
    if not math.isfinite(value):
        return math.nan
    exponent = math.frexp(max(abs(value), info.tiny))[1]
    return math.ldexp(info.eps, exponent - 1)
