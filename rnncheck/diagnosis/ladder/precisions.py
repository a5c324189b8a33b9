"""Precisions lower than that of a run, and how a cast rounds a number to each."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from rnncheck.envelope import Rounding

Cast = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Precision:
    """A floating-point format: its `name` where results are stored in it, `as_factors` where only factors are cut.

    `unit` is its unit roundoff, `floor` four times the distance of its numbers near zero. `casts` are the ways
    in which hardware and software cut a float64 to it: to the nearest, or by dropping the digits.
    """

    name: str
    as_factors: str
    unit: float
    floor: float
    casts: tuple[Cast, ...]

    def rounding(self, run: Rounding) -> Rounding:
        """A run in the same dtype, all of whose operations round as this format does."""
        return Rounding(run.dtype, self.unit, factors=self.unit, sequential=False)

    def holds(self, value: Tensor) -> Tensor:
        """Where a float64 is a number of this format."""
        return self.casts[0](value) == value


def through(dtype: torch.dtype) -> Cast:
    return lambda value: value.to(dtype).double()


def truncated(digits: int) -> Cast:
    """Only the first `digits` stored digits of the 52 are kept."""
    mask = -1 << (52 - digits)
    return lambda value: (value.contiguous().view(torch.int64) & mask).view(torch.float64)


def to_nearest(digits: int) -> Cast:
    """Half of what may be dropped is added first. Ties go away from zero, as tensor cores take TF32."""
    half, cut = 1 << (51 - digits), truncated(digits)
    return lambda value: cut((value.contiguous().view(torch.int64) + half).view(torch.float64))


FLOAT32 = Precision("float32", "float32", 2.0**-24, 2.0**-147, (through(torch.float32), truncated(23)))
TEN_DIGITS = Precision(
    "float16", "TF32 or float16", 2.0**-11, 2.0**-22, (through(torch.float16), to_nearest(10), truncated(10))
)
BFLOAT16 = Precision("bfloat16", "bfloat16", 2.0**-8, 2.0**-131, (through(torch.bfloat16), truncated(7)))
COARSEST_FIRST = (BFLOAT16, TEN_DIGITS, FLOAT32)


def coarser_than(rounding: Rounding) -> list[Precision]:
    """The precisions that keep fewer digits than this run, coarsest first."""
    return [each for each in COARSEST_FIRST if each.unit > rounding.unit]
