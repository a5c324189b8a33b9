"""From a table of rows to sequences: as one sequence, cut into windows, or grouped by a column."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from rnncheck.data.options import Missing
from rnncheck.data.sequences import FloatArray, Sequences
from rnncheck.errors import DataError


@dataclass
class Group:
    """Consecutive rows of one sequence, from line `line` of the file on."""

    name: str
    line: int
    rows: int = 0


@dataclass
class Tally:
    """Counts of what was met while reading a file."""

    rows: int = 0
    dropped: int = 0
    filled: int = 0
    underflowed: int = 0
    groups: list[Group] = field(default_factory=list)

    def facts(self) -> dict[str, object]:
        return {
            "rows": self.rows,
            "rows_dropped": self.dropped,
            "cells_filled": self.filled,
            "cells_underflowed": self.underflowed,
        }

    def notes(self, missing: str) -> list[str]:
        notes = []
        if self.dropped:
            notes.append(f"{count_of(self.dropped, 'row')} with a missing value left out (--missing {missing})")
        if self.filled:
            notes.append(f"{count_of(self.filled, 'missing value')} filled (--missing {missing})")
        if self.underflowed:
            notes.append(f"underflow to 0 in {count_of(self.underflowed, 'cell')}")
        return notes


@dataclass
class Table:
    """Rows that can be read from the beginning as often as needed.

    `read` yields blocks (rows, B, I) of any number of rows, keeps the tally it is given, and raises `DataError` where
    the file is at fault. `name` is how messages call the file; `columns` are the names of the I inputs.
    """

    name: str
    read: Callable[[Tally], Iterator[FloatArray]]
    batch_size: int
    columns: list[str]
    facts: dict[str, object]
    notes: list[str]


def count_of(number: int, thing: str) -> str:
    return f"{number:,} {thing}" + ("s" if number != 1 else "")


MOST_CELLS = 1 << 28  # 2 GiB of float64, for what has to be in memory as a whole


def one_sequence(table: Table, missing: Missing) -> Sequences:
    """All rows as one sequence (or one per column of a batch that the file holds), read in chunks."""
    source, notes = dict(table.facts), list(table.notes)

    def chunks(steps: int) -> Iterator[FloatArray]:
        tally = Tally()
        yield from rechunked(table.read(tally), steps)
        source.update(tally.facts())
        notes[:] = table.notes + tally.notes(missing)

    return Sequences(chunks, table.batch_size, len(table.columns), source=source, notes=notes)


def windows(table: Table, window: int, stride: int, missing: Missing) -> Sequences:
    """Windows of `window` rows, one every `stride` rows, as a batch; rows after the last whole window are left out.

    Raises `DataError` when not one window fits.
    """
    if table.batch_size != 1:
        raise DataError(f"{table.name} is a batch of {table.batch_size} already; --window cuts a single sequence")
    tally = Tally()
    rows = _all_rows(table, tally)
    if len(rows) < window:
        raise DataError(
            f"{table.name}: {count_of(len(rows), 'row')}, too few for a window of {window:,}; make --window smaller"
        )
    # (B, I, T) without a copy, to (T, B, I)
    x = np.lib.stride_tricks.sliding_window_view(rows, window, axis=0)[::stride].transpose(2, 0, 1)
    left = len(rows) - ((x.shape[1] - 1) * stride + window)
    facts = {"window": window, "stride": stride, "windows": x.shape[1], "rows_after_last_window": left}
    notes = [f"{count_of(left, 'row')} after the last whole window left out"] if left else []
    return _in_memory(x, None, table, tally, facts, notes, missing)


def grouped(table: Table, missing: Missing) -> Sequences:
    """One sequence for each group of rows, in the order of the file, zero behind each sequence's own length.

    Raises `DataError` when the padded batch would not fit into memory.
    """
    tally = Tally()
    rows = _all_rows(table, tally)
    lengths = tuple(group.rows for group in tally.groups)
    longest, inputs = max(lengths), rows.shape[1]
    if longest * len(lengths) * inputs > MOST_CELLS:
        raise DataError(
            f"{table.name}: {len(lengths):,} sequences padded to {longest:,} rows do not fit into memory "
            f"(more than {MOST_CELLS:,} numbers); split the file"
        )
    x = np.zeros((longest, len(lengths), inputs))
    start = 0
    for sequence, length in enumerate(lengths):
        x[:length, sequence] = rows[start : start + length]
        start += length
    return _in_memory(x, lengths, table, tally, {"sequences": len(lengths)}, [], missing)


def rechunked(blocks: Iterator[FloatArray], steps: int) -> Iterator[FloatArray]:
    """The same rows, `steps` at a time; only the last chunk may be shorter."""
    held: list[FloatArray] = []
    wanted = steps
    for block in blocks:
        while len(block) >= wanted:
            yield np.concatenate([*held, block[:wanted]])
            block = block[wanted:]
            held, wanted = [], steps
        if len(block):
            held.append(block)
            wanted -= len(block)
    if held:
        yield np.concatenate(held)


def _all_rows(table: Table, tally: Tally) -> FloatArray:
    blocks: list[FloatArray] = []
    cells = 0
    for block in table.read(tally):
        cells += block.size
        if cells > MOST_CELLS:
            raise DataError(
                f"{table.name} has more than {MOST_CELLS:,} numbers, and --window and --sequence-id need all of them "
                f"in memory; split the file"
            )
        blocks.append(block[:, 0])
    return np.concatenate(blocks)


def _in_memory(
    x: FloatArray,
    lengths: tuple[int, ...] | None,
    table: Table,
    tally: Tally,
    facts: dict[str, object],
    notes: list[str],
    missing: Missing,
) -> Sequences:
    def chunks(steps: int) -> Iterator[FloatArray]:
        for start in range(0, len(x), steps):
            yield np.ascontiguousarray(x[start : start + steps])

    return Sequences(
        chunks,
        batch_size=x.shape[1],
        input_size=x.shape[2],
        seq_len=len(x),
        lengths=lengths,
        source=table.facts | tally.facts() | facts,
        notes=table.notes + tally.notes(missing) + notes,
    )
