"""How far apart two right layers may be: a fixed tolerance, torch.testing's own for the dtype or a stated one."""

from dataclasses import dataclass

from torch import Tensor

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

    def allowed(self, reference: Tensor) -> Tensor:
        """The largest difference allowed at each element; a new tensor of the same shape."""
        return reference.abs().mul_(self.rtol).add_(self.atol)


def tolerance_for(dtype: Dtype, atol: float | None = None, rtol: float | None = None) -> Tolerance:
    """The stated tolerance (what is left out of it is 0), or the dtype's default where nothing is stated."""
    if atol is None and rtol is None:
        return Tolerance(*_DEFAULTS[dtype], stated=False)
    return Tolerance(atol or 0.0, rtol or 0.0)
