"""How much each operation of a right implementation may round, and the random numbers that model it.

Everything is a standard deviation. u is the unit roundoff, half the distance between 1 and the next number.
"""

import math
import random
from dataclasses import dataclass

import torch
from torch import Tensor

from rnncheck.model.spec import Dtype, Spec

SIGMOID_OFF = 0.5
"""Units of roundoff that a sigmoid may be off by however small it is: (1 + tanh(a / 2)) / 2 is right, too."""

TANH_OFF, TANH_SHARE = 1.0, 1 / 128
"""As many for a tanh, which may be 2 sigmoid(2a) - 1; but no more than this share of its own size."""

SMALLEST_SQUARED = 2.0**-500

TF32_UNIT = 2.0**-11  # ten stored digits: what tensor cores keep of each factor of a float32 product


@dataclass(frozen=True)
class Rounding:
    """How a run in `dtype` rounds: `unit` each result, `factors` each factor of a product before it is multiplied.

    `sequential` says that sums may be carried in `dtype` one term after another. Half precisions are not held to
    that: hardware sums their products in float32, and honest loops in pairs or blocks, log2(n) roundings deep.
    """

    dtype: torch.dtype
    unit: float
    factors: float = 0.0
    sequential: bool = True

    @property
    def largest(self) -> float:
        """Beyond it a number overflows."""
        return torch.finfo(self.dtype).max

    @property
    def smallest(self) -> float:
        """Below it digits are lost: the error of a result is never smaller than this share of it.

        float16 is never flushed to zero, the others may be. Of float64 it is where the squares that the envelope is
        made of lose theirs.
        """
        limits = torch.finfo(self.dtype)
        if self.dtype == torch.float64:
            return SMALLEST_SQUARED
        return limits.tiny * limits.eps if self.dtype == torch.float16 else limits.tiny

    def additions(self, terms: int) -> float:
        """How many times one term of a sum of so many is rounded, at most."""
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

    def off_tanh(self, value: Tensor) -> Tensor:
        """How many units a tanh of this value may be off, made of exponentials. In half precision it is none: those are
        taken in float32.
        """
        if not self.sequential:
            return torch.zeros_like(value)
        return value.abs().mul_(TANH_SHARE / self.unit).clamp_max_(TANH_OFF)

    def of_results(self, *results: Tensor) -> Tensor:
        """The standard deviation of an elementwise formula whose intermediate results are `results`."""
        variance = torch.zeros_like(results[0])
        for result in results:
            variance.addcmul_(result, result)
        return variance.sqrt_().mul_(self.unit).add_(self.smallest)


def rounding_of(spec: Spec, *, tf32: bool = False) -> Rounding:
    """The arithmetic of a run of this spec. `tf32` counts for float32 on a CUDA device alone."""
    dtype = getattr(torch, spec.dtype)
    unit = torch.finfo(dtype).eps / 2
    if spec.dtype is Dtype.FLOAT32 and tf32 and spec.device.startswith("cuda"):
        return Rounding(dtype, unit, factors=TF32_UNIT)
    return Rounding(dtype, unit, sequential=spec.dtype in (Dtype.FLOAT64, Dtype.FLOAT32))


class Noise:
    """Numbers for K samples of B rows of at most `width` roundings, from one pool that is read from random places.

    Drawing a new number for every rounding would cost more than the run itself.
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
        """One place in the code that rounds. `alike` (W) says for each unit which one it rounds alike with."""
        return Site(self, self.place(), self.samples, alike)

    def place(self) -> int:
        return self._places.randrange(self._spare)

    def halves(self, count: int) -> Tensor:
        """Which half of the samples each of so many choices is true in, (K, count), drawn anew."""
        order = torch.rand(self.samples, count, generator=self._generator, device=self._pool.device).argsort(0)
        return order < self.samples // 2

    def read(self, place: int, samples: int, scale: Tensor) -> Tensor:
        return self._pool[place : place + samples * scale.numel()].view(samples, *scale.shape)


class Site:
    """The noise of one rounding, step after step.

    Half of the samples draw anew at every step: roundings that are independent. The other half keep what they drew
    first: at a fixed point the same rounding is made again at every step, and adds up.

    Units that round alike, since they sum the same products, draw together in every other sample: what they then add
    up to above does not average out. In the other samples they draw apart, as kernels may sum them in two ways.
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
