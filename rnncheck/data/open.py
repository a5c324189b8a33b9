"""`open_data`: the sequences of a data file, normalised on request."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from rnncheck.data.batching import Table, Tally, grouped, one_sequence, windows
from rnncheck.data.csv import OF_FEW, open_csv
from rnncheck.data.npy import open_npy
from rnncheck.data.options import FileOptions
from rnncheck.data.parquet import SUFFIXES, open_parquet
from rnncheck.data.sequences import FloatArray, Sequences
from rnncheck.data.source import find
from rnncheck.errors import DataError, UsageError
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


__all__ = ["FileOptions", "open_data"]

_FOR_TEXT = ("header", "sep", "decimal", "encoding", "missing", "sequence_id", "comment", "skip_blank", *OF_FEW)


def open_data(path: str, options: FileOptions) -> Sequences:
    """The sequences in the file at `path`, or on standard input for `-`.

    Text of any suffix is one sequence, x (T, 1, I) with one row per timestep, read in chunks as it is needed; it may
    be compressed (.gz, .bz2, .xz). So is a Parquet or an Arrow file, where pyarrow is installed. A .npy file is (T,),
    (T, I) or (T, B, I). A window or a sequence id makes a batch of the rows. Only the beginning is read now, unless
    `options` need all of it.

    Raises `DataError` for a file that cannot be read without guessing (the beginning now, the rest from `chunks`)
    and `UsageError` for an option that means nothing for this kind of file.
    """
    suffix = Path(path).suffix.lower()
    table = _table(path, suffix, options)
    if options.normalize != "none":
        table = normalized(table, options.normalize)
    if options.window is not None:
        return windows(table, options.window, options.stride or options.window, options.missing)
    if options.sequence_id is not None:
        return grouped(table, options.missing)
    return one_sequence(table, options.missing)


def _table(path: str, suffix: str, options: FileOptions) -> Table:
    """By the suffix of its name."""
    if suffix == ".npy":
        _refuse(_FOR_TEXT, options, "a .npy file is an array of numbers")
        return open_npy(find(path), options)
    if suffix in SUFFIXES:
        of_text = [name for name in _FOR_TEXT if name not in ("missing", "na", "index")]
        _refuse(of_text, options, f"a {suffix} file says itself what it holds")
        return open_parquet(find(path), options, suffix)
    return open_csv(find(path), options)


def _refuse(names: Iterable[str], options: FileOptions, because: str) -> None:
    """Raises `UsageError` for options that mean nothing for this kind of file."""
    for name in names:
        if getattr(options, name) != getattr(FileOptions, name):
            raise UsageError(f"--{name.replace('_', '-')} is for text files; {because}")
