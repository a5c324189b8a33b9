"""Parquet and Arrow files as tables, read in batches of rows. Needs pyarrow: `rnncheck[parquet]`."""

from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np

from rnncheck.data.batching import Table, Tally
from rnncheck.data.columns import ColumnLayout, lay_out
from rnncheck.data.options import FileOptions
from rnncheck.data.sequences import FloatArray
from rnncheck.data.source import DataFile
from rnncheck.errors import DataError
from rnncheck.text import printable

SUFFIXES = (".parquet", ".pq", ".arrow", ".feather")
ROWS_AT_ONCE = 65_536  # read at a time


def open_parquet(file: DataFile, options: FileOptions, suffix: str) -> Table:
    """The table in such a file. Only the schema is read now.

    Raises `DataError` for a file that is damaged, or a column that holds no numbers.
    """
    if find_spec("pyarrow") is None:
        raise DataError(
            f"{file.name}: {suffix} files need pyarrow, which is not installed: pip install 'rnncheck[parquet]'"
        )
    names, types = _schema(file, suffix)
    layout = lay_out(list(names), replace(options, header=True), file.name)
    for column in layout.inputs:
        if not _is_number(types[column]):
            others = [layout.selector(each) for each in layout.inputs if not _is_number(types[each])]
            drop = ",".join([*options.drop, *others])
            given = "" if options.columns else f"; leave such columns out with --drop {drop}"
            raise DataError(
                f"{file.name}: {layout.describe(column)} is {printable(str(types[column]))}, not a number{given}"
            )
    chosen = [names[column] for column in layout.inputs]

    def read(tally: Tally) -> Iterator[FloatArray]:
        last: FloatArray | None = None
        for batch in _batches(file, suffix, list(layout.inputs)):
            rows = np.column_stack([_values(column) for column in batch]) if batch else np.empty((0, 0))
            rows, last = _settled(rows, last, file.name, layout, options, tally)
            tally.rows += len(rows)
            if len(rows):
                yield rows[:, None, :]
        if not tally.rows:
            raise DataError(f"{file.name}: no row is left" if tally.dropped else f"{file.name} has no rows")

    next(read(Tally()))
    facts: dict[str, object] = {
        "source": suffix.removeprefix("."),
        "path": file.path,
        "columns": chosen,
        "missing": options.missing,
        "allow_nonfinite": options.allow_nonfinite,
    }
    return Table(file.name, read, 1, chosen, facts, [])


def _opened(file: DataFile, suffix: str, handle: Any) -> Any:
    """The reader of the file. Raises `DataError` for what is none."""
    import pyarrow as pa
    from pyarrow import ipc, parquet

    try:
        if suffix in (".parquet", ".pq"):
            return parquet.ParquetFile(handle)
        return ipc.open_file(handle)
    except (pa.ArrowException, OSError, ValueError) as problem:
        first = printable((str(problem) or "no reason given").splitlines()[0], 120)
        raise DataError(f"{file.name} is not a complete {suffix} file: {first}; write it again") from None


def _schema(file: DataFile, suffix: str) -> tuple[list[str], list[Any]]:
    with file.open() as handle:
        if not handle.seekable():
            raise DataError(f"{file.name} is a pipe; a {suffix} file must be a file on disk")
        reader = _opened(file, suffix, handle)
        schema = reader.schema_arrow if hasattr(reader, "schema_arrow") else reader.schema
        return list(schema.names), list(schema.types)


def _batches(file: DataFile, suffix: str, columns: list[int]) -> Iterator[list[Any]]:
    """The requested columns, some rows at a time."""
    import pyarrow as pa

    with file.open() as handle:
        reader = _opened(file, suffix, handle)
        try:
            if hasattr(reader, "iter_batches"):
                names = reader.schema_arrow.names
                for batch in reader.iter_batches(batch_size=ROWS_AT_ONCE, columns=[names[each] for each in columns]):
                    yield [batch.column(names[each]) for each in columns]
            else:
                for number in range(reader.num_record_batches):
                    batch = reader.get_batch(number)
                    yield [batch.column(each) for each in columns]
        except (pa.ArrowException, OSError) as problem:
            first = printable((str(problem) or "no reason given").splitlines()[0], 120)
            raise DataError(f"{file.name} cannot be read to the end: {first}; write it again") from None
    file.check_unchanged()


def _is_number(kind: Any) -> bool:
    import pyarrow.types as types

    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind))


def _values(column: Any) -> FloatArray:
    """In float64; a null is NaN, told from a NaN that the file holds by `_settled` alone, where both are missing."""
    import pyarrow as pa

    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def _settled(
    rows: FloatArray, last: FloatArray | None, name: str, layout: ColumnLayout, options: FileOptions, tally: Tally
) -> tuple[FloatArray, FloatArray | None]:
    """The rows with what becomes of missing values, and the last of them."""
    bad = np.isnan(rows) if options.missing != "error" else ~np.isfinite(rows)
    if options.allow_nonfinite:
        bad = np.zeros_like(bad)
    infinite = np.isinf(rows) & (not options.allow_nonfinite)
    if bad.any() and options.missing == "drop-row":
        keep = ~bad.any(axis=1)
        tally.dropped += int((~keep).sum())
        rows, infinite, bad = rows[keep], infinite[keep], bad[keep]
    elif bad.any() and options.missing == "zero":
        tally.filled += int(bad.sum())
        rows = np.where(bad, 0.0, rows)
    elif bad.any() and options.missing == "ffill":
        tally.filled += int(bad.sum())
        for row in range(len(rows)):
            before = rows[row - 1] if row else last
            if bad[row].any() and before is None:
                break
            rows[row] = np.where(bad[row], before, rows[row]) if before is not None else rows[row]
        infinite = np.isinf(rows) | np.isnan(rows)
    elif bad.any():
        infinite = bad
    if infinite.any():
        row, column = (int(each[0]) for each in np.nonzero(infinite))
        what = f"row {tally.rows + tally.dropped + row + 1}, {layout.describe(layout.inputs[column])}"
        raise DataError(
            f"{name}: {what} is {rows[row, column]}: missing or not finite; pass --missing drop-row, zero or ffill, or "
            "--allow-nonfinite to feed it to both sides"
        )
    return rows, rows[-1] if len(rows) else last
