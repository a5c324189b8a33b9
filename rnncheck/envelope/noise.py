"""The random numbers that stand for roundings: Gaussian, cheap, and half of them lasting."""

import random

import torch
from torch import Tensor


class Noise:
    """Numbers for K samples of B rows of at most `width` roundings, from one pool that is read from random places.

    Drawing a new number for every rounding would cost more than the run itself.
    """

    def __init__(self, samples: int, batch: int, width: int, dtype: torch.dtype, device: torch.device, seed: int):
        self._samples = samples
        self._places = random.Random(seed)
        read = samples * batch * width // 2
        self._spare = max(read, 1024)
        generator = torch.Generator(device).manual_seed(seed)
        self._pool = torch.randn(self._spare + read, generator=generator, dtype=dtype, device=device)

    def site(self, alike: Tensor | None = None) -> "Site":
        """One place in the code that rounds. `alike` (W) says for each unit which one it rounds alike with."""
        return Site(self, self.place(), self._samples, alike)

    def place(self) -> int:
        return self._places.randrange(self._spare)

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
