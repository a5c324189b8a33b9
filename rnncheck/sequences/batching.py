"""From rows to sequences: as they come, cut into windows, or grouped by a column."""

from collections.abc import Iterator

import numpy as np

from rnncheck.errors import DataError
from rnncheck.sequences.base import FloatArray, Sequences
from rnncheck.sequences.options import Missing
from rnncheck.sequences.table import Table, Tally, count_of

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
