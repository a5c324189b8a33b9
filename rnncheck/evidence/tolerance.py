"""A stated tolerance, which replaces the rounding envelope."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from rnncheck.errors import UsageError


@dataclass(frozen=True)
class Tolerance:
    """Allows |candidate - reference| <= atol + rtol * |reference|, element by element.

    Raises `UsageError` for one that is negative, infinite or NaN: it would pass everything, or nothing.
    """

    atol: float = 0.0
    rtol: float = 0.0

    def __post_init__(self) -> None:
        for name, value in (("atol", self.atol), ("rtol", self.rtol)):
            if not 0 <= value < math.inf:
                raise UsageError(f"{name} is {value}; it must be a finite number, at least 0")

    def allowed(self, reference: Tensor, out: Tensor | None = None) -> Tensor:
        """The largest difference allowed at each element, in a new tensor or written into `out`."""
        sizes = torch.abs(reference, out=out)
        return torch.add(sizes.new_tensor(self.atol), sizes, alpha=self.rtol, out=sizes)

    def least(self, dtype: torch.dtype) -> float:
        """The smallest difference that is allowed anywhere: what `allowed` gives for a reference of 0."""
        return float(torch.tensor(self.atol, dtype=dtype))


def stated(atol: float | None, rtol: float | None) -> Tolerance | None:
    """The tolerance that was stated (what is left out of it is 0), or None: the envelope judges."""
    return None if atol is None and rtol is None else Tolerance(atol or 0.0, rtol or 0.0)
