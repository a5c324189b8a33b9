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
from rnncheck.kinds import START, misnamed
from rnncheck.text import printable

SUFFIXES = (".parquet", ".pq", ".arrow", ".arrows", ".feather")
_FILE = b"ARROW1"  # begins an Arrow file; without it, it is a stream
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
    _refuse_what_is_no_number(file.name, layout, types, options)
    chosen = [names[column] for column in layout.inputs]

    def read(tally: Tally) -> Iterator[FloatArray]:
        last: FloatArray | None = None
        rising = None if layout.index is None else _Rising(file.name, layout)
        indexed = [] if layout.index is None else [layout.index]
        for batch in _batches(file, suffix, [*layout.inputs, *indexed]):
            if rising is not None:
                rising.check(batch.pop())
            rows = np.column_stack([_values(column) for column in batch])
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
        **({"index": options.index} if options.index else {}),
        "allow_nonfinite": options.allow_nonfinite,
    }
    return Table(file.name, read, 1, chosen, facts, [])


def _refuse_what_is_no_number(name: str, layout: ColumnLayout, types: list[Any], options: FileOptions) -> None:
    """Raises `DataError` for an input that holds no numbers, with the option that leaves all such columns out."""
    strange = [column for column in layout.inputs if not _is_number(types[column])]
    if not strange:
        return
    what = f"{name}: {layout.describe(strange[0])} is {printable(str(types[strange[0]]))}, not a number"
    left = ",".join(layout.selector(each) for each in layout.inputs if each not in strange)
    if options.columns:
        raise DataError(f"{what}; take it out of --columns" + (f", as in --columns {left}" if left else ""))
    if not left:
        raise DataError(f"{what}; no column holds numbers: write one that does")
    drop = ",".join([*options.drop, *map(layout.selector, strange)])
    moments = [layout.selector(each) for each in strange if _is_moment(types[each])]
    index = f"; with --index {moments[0]} instead, that one is checked to rise" if moments and not options.index else ""
    raise DataError(f"{what}; leave such columns out with --drop {drop}{index}")


class _Rising:
    """The column of --index, batch by batch: every value is larger than the one before."""

    def __init__(self, name: str, layout: ColumnLayout) -> None:
        assert layout.index is not None
        self._column = f"{name}: {layout.describe(layout.index)}"
        self._instead = f"pass --drop {layout.selector(layout.index)} instead of --index"
        self._last: Any = None
        self._rows = 0

    def check(self, column: Any) -> None:
        """Raises `DataError` for a value that does not rise, for none, and for one that has no order."""
        import pyarrow as pa

        column = _plain(column)
        if not (_is_number(column.type) or _is_moment(column.type)):
            kind = printable(str(column.type))
            raise DataError(f"{self._column} is {kind}, neither a number nor a date or time; {self._instead}")
        if column.null_count:
            row = self._rows + [value.is_valid for value in column].index(False) + 1
            raise DataError(f"{self._column} is missing in row {row}, so its order cannot be checked; {self._instead}")
        moment = pa.types.is_date32(column.type) or pa.types.is_time32(column.type)
        whole = pa.types.is_integer(column.type) or _is_moment(column.type)
        values = np.asarray(
            column.cast(pa.int32()).cast(pa.int64())
            if moment
            else column.cast(pa.int64())
            if whole
            else _values(column)
        )
        every = values if self._last is None else np.concatenate([[self._last], values])
        falls = np.flatnonzero(~(every[1:] > every[:-1]))
        if len(falls):
            place = int(falls[0]) + (self._last is None)
            shown = printable(str(column[place].as_py()))
            raise DataError(
                f"{self._column} is {shown} in row {self._rows + place + 1}: it does not rise; sort the rows, or "
                f"{self._instead}"
            )
        self._last, self._rows = (values[-1] if len(values) else self._last), self._rows + len(values)


def _opened(file: DataFile, suffix: str, handle: Any) -> Any:
    """The reader of the file. Raises `DataError` for what is none."""
    import pyarrow as pa
    from pyarrow import ipc, parquet

    try:
        if suffix in (".parquet", ".pq"):
            return parquet.ParquetFile(handle)
        start = handle.read(len(_FILE))
        handle.seek(0)
        return ipc.open_file(handle) if start == _FILE else ipc.open_stream(handle)
    except (pa.ArrowException, OSError, ValueError) as problem:
        handle.seek(0)
        said = misnamed(file.name, handle.read(START), handle)
        first = printable((str(problem) or "no reason given").splitlines()[0], 120)
        raise DataError(said or f"{file.name} is not a complete {suffix} file: {first}; write it again") from None


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
                numbered = hasattr(reader, "num_record_batches")
                for batch in map(reader.get_batch, range(reader.num_record_batches)) if numbered else reader:
                    yield [batch.column(each) for each in columns]
        except (pa.ArrowException, OSError) as problem:
            first = printable((str(problem) or "no reason given").splitlines()[0], 120)
            raise DataError(f"{file.name} cannot be read to the end: {first}; write it again") from None
    file.check_unchanged()


def _is_number(kind: Any) -> bool:
    import pyarrow.types as types

    kind = kind.value_type if types.is_dictionary(kind) else kind
    tests = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal)
    return any(test(kind) for test in tests)


def _is_moment(kind: Any) -> bool:
    import pyarrow.types as types

    return bool(types.is_timestamp(kind) or types.is_date(kind) or types.is_time(kind))


def _plain(column: Any) -> Any:
    """The column without a dictionary."""
    return column.dictionary_decode() if hasattr(column, "dictionary_decode") else column


def _values(column: Any) -> FloatArray:
    """In float64; a null is NaN, told from a NaN that the file holds by `_settled` alone, where both are missing."""
    import pyarrow as pa

    column = _plain(column)
    if not pa.types.is_float16(column.type):
        column = column.cast(pa.float64(), safe=False)  # rounds whole numbers above 2^53, as text is rounded
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)


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
