"""Parts of a run that rows and timesteps mark out together: padding, last steps, a start of each row's own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Region:
    """Timesteps and rows, (T, B), that a set of the one and a set of the other cannot make up.

    `words` say it of several rows, `word` of a single one; `bound` says what limits all else that is said.
    """

    grid: Tensor
    words: str = ""
    word: str = ""
    bound: str = ""


def regions(lengths: Sequence[int] | None, grid: Tensor) -> Iterator[Region]:
    """What the lengths mark out, the most telling first; and everything."""
    everything = Region(torch.ones_like(grid))
    if lengths is None:
        yield everything
        return
    t, end = torch.arange(len(grid))[:, None], torch.tensor(lengths)
    yield Region(t >= end, "behind the rows' ends (padding)", "behind the row's end (padding)")
    yield Region(t == end - 1, "at each row's last step", "at the row's last step")
    yield everything
    yield Region(t < end, bound="up to the rows' ends")


def regions_by_row(grid: Tensor, inside: Region) -> Iterator[Region]:
    """Those that begin or end at another timestep in each row; a row in which nothing is wrong is in all of them."""
    t, affected = torch.arange(len(grid))[:, None], grid.any(0)
    first, last = grid.byte().argmax(0), len(grid) - 1 - grid.flip(0).byte().argmax(0)
    for words, at, part, bound in (
        ("at a timestep", first, t == first, ""),
        ("from a timestep on", first, (t >= first) & inside.grid, inside.bound),
        ("up to a timestep", last, t <= last, ""),
    ):
        low, high = int(at[affected].min()), int(at[affected].max())
        if low < high and not bool((grid & ~part).any()):
            words = f"{words} that differs from row to row (t = {low} to {high})"
            yield Region(part | ~affected, words, bound=bound)
