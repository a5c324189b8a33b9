"""Inputs brought to a common scale: each column is centred and divided by a number of its own."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

import numpy as np

from rnncheck.errors import DataError
from rnncheck.sequences.base import FloatArray
from rnncheck.sequences.table import Table, Tally
from rnncheck.text import printable


def normalized(table: Table, how: Literal["standard", "minmax"]) -> Table:
    """The same table with each column at mean 0 and variance 1 (`standard`) or from 0 to 1 (`minmax`).

    Reads the table once to learn the scale; a column that never changes is centred and not divided, with a note.
    Raises `DataError` when a column's spread is more than float64 can hold.
    """
    learn = _mean_and_deviation if how == "standard" else _least_and_range
    with np.errstate(over="ignore", invalid="ignore"):
        centre, scale = learn(table.read(Tally()))
    for name, finite in zip(table.columns, np.isfinite(centre) & np.isfinite(scale), strict=True):
        if not finite:
            raise DataError(
                f"{table.name}: column '{printable(name)}' spreads over more than float64 can hold; scale it down"
            )
    constant = [name for name, spread in zip(table.columns, scale, strict=True) if spread == 0]
    divisor = np.where(scale == 0, 1.0, scale)

    def read(tally: Tally) -> Iterator[FloatArray]:
        for rows in table.read(tally):
            yield (rows - centre) / divisor

    facts = table.facts | {"normalize": {"how": how, "centre": centre.tolist(), "scale": divisor.tolist()}}
    note = [f"{len(constant)} of {len(scale)} columns never change: centred on 0, not scaled"] if constant else []
    return replace(table, read=read, facts=facts, notes=table.notes + note)


def _mean_and_deviation(blocks: Iterator[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Chan's merge of each block's mean and sum of squares: no difference of large sums is ever taken."""
    count = 0
    mean = squares = np.zeros(1)
    least = np.full(1, np.inf)
    most = -least
    for block in blocks:
        rows = block.reshape(-1, block.shape[-1])
        block_mean = rows.mean(axis=0)
        gap, merged = block_mean - mean, count + len(rows)
        squares = squares + ((rows - block_mean) ** 2).sum(axis=0) + gap**2 * (count * len(rows) / merged)
        mean = mean + gap * (len(rows) / merged)
        least, most = np.minimum(least, rows.min(axis=0)), np.maximum(most, rows.max(axis=0))
        count = merged
    # A mean is rounded, so only the extremes tell that a column never changes.
    same = least == most
    return np.where(same, least, mean), np.where(same, 0.0, np.sqrt(squares / count))


def _least_and_range(blocks: Iterator[FloatArray]) -> tuple[FloatArray, FloatArray]:
    least = np.full(1, np.inf)
    most = -least
    for block in blocks:
        rows = block.reshape(-1, block.shape[-1])
        least, most = np.minimum(least, rows.min(axis=0)), np.maximum(most, rows.max(axis=0))
    return least, most - least
