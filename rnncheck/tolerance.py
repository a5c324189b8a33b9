"""How far apart two right layers may be: a fixed tolerance, torch.testing's own for the dtype or a stated one."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from rnncheck.errors import UsageError
from rnncheck.spec import Dtype

# Source: the defaults of torch.testing.assert_close.
_DEFAULTS = {
    Dtype.FLOAT64: (1e-7, 1e-7),
    Dtype.FLOAT32: (1e-5, 1.3e-6),
    Dtype.BFLOAT16: (1e-5, 1.6e-2),
    Dtype.FLOAT16: (1e-5, 1e-3),
}


@dataclass(frozen=True)
class Tolerance:
    """Allows |candidate - reference| <= atol + rtol * |reference|, element by element."""

    atol: float
    rtol: float
    stated: bool = True

    def allowed(self, reference: Tensor, out: Tensor | None = None) -> Tensor:
        """The largest difference allowed at each element, in a new tensor or written into `out`."""
        return torch.abs(reference, out=out).mul_(self.rtol).add_(self.atol)

    def least(self, dtype: torch.dtype) -> float:
        """The smallest difference that is allowed anywhere: what `allowed` gives for a reference of 0."""
        return float(torch.tensor(self.atol, dtype=dtype))


def tolerance_for(dtype: Dtype, atol: float | None = None, rtol: float | None = None) -> Tolerance:
    """The stated tolerance (what is left out of it is 0), or the dtype's default where nothing is stated.

    Raises `UsageError` for one that is negative, infinite or NaN: it would pass everything, or nothing.
    """
    for name, value in (("atol", atol), ("rtol", rtol)):
        if value is not None and not 0 <= value < math.inf:
            raise UsageError(f"{name} is {value}; it must be a finite number, at least 0")
    if atol is None and rtol is None:
        return Tolerance(*_DEFAULTS[dtype], stated=False)
    return Tolerance(atol or 0.0, rtol or 0.0)
