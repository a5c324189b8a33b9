"""How much each operation of a right implementation may round, and the random numbers that model it.

All quantities are standard deviations. u is the unit roundoff, half the distance between 1 and the next number.
"""

import math
import random
from dataclasses import dataclass

import torch
from torch import Tensor

from rnncheck.model.spec import Dtype, Spec
from rnncheck.model.trace import dtype_of

SIGMOID_OFF = 0.5
"""Units of roundoff that a sigmoid may be off by however small it is: (1 + tanh(a / 2)) / 2 is right, too."""

TANH_OFF, TANH_SHARE = 1.0, 1 / 128
"""As many for a tanh, which may be 2 sigmoid(2a) - 1; but no more than this share of its own size."""

SMALLEST_SQUARED = 2.0**-500

TF32_UNIT = 2.0**-11  # ten stored digits: what tensor cores keep of each factor of a float32 product


@dataclass(frozen=True)
class Rounding:
    """How a run in `dtype` rounds: by `unit` each result, by `factors` each factor before a product.

    `sequential` says that sums may be accumulated in `dtype` term by term. In half precisions they may not: hardware
    sums their products in float32, and other code in pairs or blocks, with log2(n) roundings.
    `approximate` is the error of tanh and sigmoid, in units of 1, of a library whose formulas are off by as much,
    however small the result is.
    """

    dtype: torch.dtype
    unit: float
    factors: float = 0.0
    sequential: bool = True
    approximate: float = 0.0

    @property
    def largest(self) -> float:
        """The largest number of the dtype."""
        return torch.finfo(self.dtype).max

    @property
    def smallest(self) -> float:
        """The smallest error: below this number a result may lose all its digits.

        float16 is never flushed to zero, the others may be. For float64 it is the number below which the squares in the
        envelope lose precision.
        """
        limits = torch.finfo(self.dtype)
        if self.dtype == torch.float64:
            return SMALLEST_SQUARED
        return limits.tiny * limits.eps if self.dtype == torch.float16 else limits.tiny

    def additions(self, terms: int) -> float:
        """The largest number of roundings of one term in a sum of so many terms."""
        return float(terms) if self.sequential else 1 + math.log2(terms)

    def of_sum(self, terms: int, squares: Tensor, *partial: Tensor) -> Tensor:
        """The standard deviation of a sum of products, rounded in any order of its terms and any grouping.

        sigma^2 = u^2 (S2 + m (P^2 / 3 + S2 / 6)) + 2 f^2 S2, with S2 = `squares` the sum of the squared products,
        m = `additions`, P^2 the sum of squares of `partial`: the total and the parts that may be summed by
        themselves. With one part it is the mean over all orders of the squared partial sums; see docs/envelope.md.
        """
        u2, walk = self.unit**2, self.unit**2 * self.additions(terms)
        variance = squares * (u2 + walk / 6 + 2 * self.factors**2)
        for part in partial:
            variance.addcmul_(part, part, value=walk / 3)
        return variance.sqrt_().add_(math.sqrt(terms) * self.smallest)

    def flushed(self, one: Tensor, other: Tensor) -> Tensor:
        """What products of these matrices lose where a factor below `smallest` is taken for zero, as XLA does."""
        low_one, low_other = (each.abs().masked_fill(each.abs() >= self.smallest, 0.0) for each in (one, other))
        if not bool(low_one.any()) and not bool(low_other.any()):
            return one.new_zeros(())
        return low_one @ other.abs() + one.abs() @ low_other

    @property
    def off_sigmoid(self) -> float:
        """The error of a sigmoid, in units, however small it is."""
        return max(SIGMOID_OFF, self.approximate)

    def off_tanh(self, value: Tensor) -> Tensor:
        """The error of a tanh of this value that is computed with exponentials, in units. It is zero in half precision,
        where activations are computed in float32.
        """
        if self.approximate:
            return torch.full_like(value, self.approximate)
        if not self.sequential:
            return torch.zeros_like(value)
        return value.abs().mul_(TANH_SHARE / self.unit).clamp_max_(TANH_OFF)

    def of_results(self, *results: Tensor) -> Tensor:
        """The standard deviation of an elementwise formula whose intermediate results are `results`."""
        variance = torch.zeros_like(results[0])
        for result in results:
            variance.addcmul_(result, result)
        return variance.sqrt_().mul_(self.unit).add_(self.smallest)


def rounding_of(spec: Spec, *, tf32: bool = False, approximate: float = 0.0) -> Rounding:
    """The rounding of a run of this spec. `tf32` applies only to float32 on a CUDA device."""
    dtype = dtype_of(spec)
    unit = torch.finfo(dtype).eps / 2
    if spec.dtype is Dtype.FLOAT32 and tf32 and spec.device.startswith("cuda"):
        return Rounding(dtype, unit, factors=TF32_UNIT, approximate=approximate)
    return Rounding(dtype, unit, sequential=spec.dtype in (Dtype.FLOAT64, Dtype.FLOAT32), approximate=approximate)


class Noise:
    """Random numbers for K samples of B rows of at most `width` roundings, read from one pool at random places.

    A new random number for every rounding would cost more than the run itself.
    """

    def __init__(self, samples: int, batch: int, width: int, dtype: torch.dtype, device: torch.device, seed: int):
        self.samples = samples
        self._places = random.Random(seed)
        read = samples * batch * width // 2
        self._spare = max(read, 1024)
        generator = torch.Generator(device).manual_seed(seed)
        self._pool = torch.randn(self._spare + read, generator=generator, dtype=dtype, device=device)
        self._generator = generator

    def site(self, alike: Tensor | None = None) -> "Site":
        """One place in the code that rounds. `alike` (W) gives for each unit the first unit with the same weights."""
        return Site(self, self.place(), self.samples, alike)

    def place(self) -> int:
        return self._places.randrange(self._spare)

    def halves(self, count: int) -> Tensor:
        """For each of `count` choices a new random half of the samples, (K, count)."""
        order = torch.rand(self.samples, count, generator=self._generator, device=self._pool.device).argsort(0)
        return order < self.samples // 2

    def read(self, place: int, samples: int, scale: Tensor) -> Tensor:
        return self._pool[place : place + samples * scale.numel()].view(samples, *scale.shape)


class Site:
    """The noise of one rounding, step after step.

    Half of the samples draw new noise at every step: independent roundings. The other half keep their first noise: at a
    fixed point the same rounding happens at every step, and the errors add up.

    Units with the same weights sum the same products and round alike. In every other sample they get the same noise,
    which does not average out in the layer above. In the rest each gets its own, because a kernel may sum them
    differently.
    """

    def __init__(self, noise: Noise, lasting: int, samples: int, alike: Tensor | None = None) -> None:
        self._noise, self._lasting, self._samples, self._alike = noise, lasting, samples, alike

    def __call__(self, scale: Tensor) -> Tensor:
        """Noise (K, B, W) with the standard deviations `scale` (B, W)."""
        noise = scale.new_empty(self._samples, *scale.shape)
        kept, drawn = self._samples // 2, self._samples - self._samples // 2
        torch.mul(scale, self._drawn(self._lasting, kept, scale), out=noise[:kept])
        torch.mul(scale, self._drawn(self._noise.place(), drawn, scale), out=noise[kept:])
        return noise

    def _drawn(self, place: int, samples: int, scale: Tensor) -> Tensor:
        numbers = self._noise.read(place, samples, scale)
        if self._alike is None:
            return numbers
        numbers = numbers.clone()
        numbers[::2] = numbers[::2, ..., self._alike]
        return numbers
