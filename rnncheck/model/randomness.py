"""Seeded random numbers, the same on every machine, without touching torch's global generator."""

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum

import torch
from torch import Tensor

from rnncheck.errors import UsageError

_BLOCK = 1 << 16  # numbers drawn at once; a multiple of 16, see normal_blocks
_SEEDS = 1 << 63  # below what a torch.Generator takes, with room for the streams


class Stream(IntEnum):
    """The kinds of numbers drawn from one seed. Each has a generator, so a longer x does not change the weights."""

    SEQUENCES = 0  # first, so that x is what torch.rand gives after torch.manual_seed(seed)
    WEIGHTS = 1
    INITIAL_STATE = 2


class Draws:
    """torch's float32 draws after `torch.manual_seed(seed + stream)`, in float64 with more digits than float32 has.

    The extra digits are random and too small to change the float32 value. So a seed gives the same numbers in every
    dtype and in plain torch, and a float64 run still shows a layer that rounds its weights or its input to float32.
    """

    def __init__(self, seed: int, stream: Stream) -> None:
        """Raises `UsageError` for a seed outside the range of torch's generators."""
        if not 0 <= seed < _SEEDS:
            raise UsageError(f"seed is {seed}; it must be at least 0 and below 2^63")
        self._float32 = torch.Generator().manual_seed(seed + stream)
        self._digits = torch.Generator().manual_seed(seed + stream + len(Stream))

    def uniform(self, shape: Sequence[int], low: float = 0.0, high: float = 1.0) -> Tensor:
        return self._beyond_float32(_float32(shape).uniform_(low, high, generator=self._float32))

    def normal(self, shape: Sequence[int]) -> Tensor:
        return self._beyond_float32(_float32(shape).normal_(generator=self._float32))

    def uniform_blocks(self, count: int) -> Iterator[Tensor]:
        """The numbers of `uniform((count,))`, bit for bit, a block at a time."""
        yield from map(self.uniform, _block_shapes(count))

    def normal_blocks(self, count: int) -> Iterator[Tensor]:
        """The numbers of `normal((count,))`, bit for bit, a block at a time.

        torch draws normal numbers 16 at a time. If the last group has fewer, it draws the last 16 numbers again. So
        every block begins at a multiple of 16, and the last block is never short.
        """
        yield from map(self.normal, _block_shapes(count))

    def _beyond_float32(self, drawn: Tensor) -> Tensor:
        digits = torch.empty(drawn.shape, dtype=torch.float64, device="cpu")
        return digits.uniform_(1 - 2.0**-26, 1 + 2.0**-26, generator=self._digits).mul_(drawn)


def _float32(shape: Sequence[int]) -> Tensor:
    return torch.empty(shape, dtype=torch.float32, device="cpu")  # whatever torch's defaults are


def recut(blocks: Iterator[Tensor], sizes: Iterable[int]) -> Iterator[Tensor]:
    """The numbers of the blocks, in their order, in pieces of these sizes."""
    rest = torch.empty(0, dtype=torch.float64)
    for size in sizes:
        pieces, missing = [rest], size - len(rest)
        while missing > 0:
            pieces.append(next(blocks))
            missing -= len(pieces[-1])
        joined = torch.cat(pieces) if len(pieces) > 2 or len(rest) else pieces[-1]
        yield joined[:size]
        rest = joined[size:]


def _block_shapes(count: int) -> Iterator[tuple[int]]:
    while count >= 2 * _BLOCK:
        yield (_BLOCK,)
        count -= _BLOCK
    yield (count,)
