"""Parquet and Arrow files as tables, read in batches of rows. Needs pyarrow: `rnncheck[parquet]`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import numpy as np

from rnncheck.data.batching import Table, Tally
from rnncheck.data.columns import ColumnLayout, lay_out
from rnncheck.data.gaps import Gaps
from rnncheck.data.options import FileOptions
from rnncheck.data.sequences import FloatArray
from rnncheck.data.source import DataFile
from rnncheck.data.typed_columns import Order, is_number, nulls, values, why_not
from rnncheck.errors import DataError
from rnncheck.extras import needed
from rnncheck.mistaken import START, misnamed
from rnncheck.text import printable

SUFFIXES = (".parquet", ".pq", ".arrow", ".arrows", ".feather")
ROWS_AT_ONCE = 65_536
_BUFFER = 1 << 16  # bytes of each column


def open_parquet(file: DataFile, options: FileOptions, suffix: str) -> Table:
    """The table in a file of Parquet or Arrow, whichever of them it is. Only the schema is read now.

    Raises `DataError` for a file that is damaged, or a column that holds no numbers, and `CannotRun` without pyarrow.
    """
    needed(file.name, "parquet", "pyarrow")
    stored = _Stored(file, suffix)
    names, types = stored.schema()
    layout = lay_out(list(names), replace(options, header=True), file.name)
    _refuse_what_is_no_number(types, layout, options, file.name)
    chosen = [names[column] for column in layout.inputs]
    gaps = Gaps.of(file.name, layout, options)

    def read(tally: Tally) -> Iterator[FloatArray]:
        last: FloatArray | None = None
        order = None if layout.index is None else Order(file.name, layout, options.drop)
        wanted = layout.inputs if layout.index is None else (*layout.inputs, layout.index)
        begin = 1
        for batch in stored.batches(wanted):
            if order is not None:
                order.check(batch[-1], begin)
            inputs = batch[: len(layout.inputs)]
            rows = np.column_stack([values(column) for column in inputs])
            missing = np.column_stack([nulls(column) for column in inputs])
            begin += len(rows)
            rows = gaps.closed(rows, missing, begin - len(rows), last, tally)
            tally.rows += len(rows)
            if len(rows):
                last = rows[-1]
                yield rows[:, None, :]
        if not tally.rows:
            dropped = f"no row is left; all {tally.dropped:,} have a missing value (--missing drop-row)"
            raise DataError(f"{file.name}: {dropped}" if tally.dropped else f"{file.name} has no rows")

    next(read(Tally()))
    facts: dict[str, object] = {
        "source": suffix.removeprefix("."),
        "path": file.path,
        "columns": chosen,
        "missing": options.missing,
        **{name: value for name in ("na", "index") if (value := getattr(options, name))},
        "allow_nonfinite": options.allow_nonfinite,
    }
    return Table(file.name, read, 1, chosen, facts, [])


def _refuse_what_is_no_number(types: Sequence[Any], layout: ColumnLayout, options: FileOptions, name: str) -> None:
    """Raises `DataError` for an input that holds no numbers, with the options that read the others."""
    others = [column for column in layout.inputs if not is_number(types[column])]
    if not others:
        return
    column = next((each for each in others if why_not(types[each]).rises), others[0])
    reason, selector = why_not(types[column]), layout.selector(column)
    left = [layout.selector(each) for each in layout.inputs if each not in others]
    if not left:
        way_out = "no other column is left, so write it as numbers"
    elif options.columns:
        way_out = f"take it out of --columns, as in --columns {','.join(left)}"
    else:
        drop = options.dropping(layout.selector(each) for each in others)
        way_out = f"leave {'it' if len(others) == 1 else 'such columns'} out with --drop {drop}"
        if reason.rises and options.index is None:
            rest = options.dropping(layout.selector(each) for each in others if each != column)
            way_out += f", or check that it rises with --index {selector}" + (f" --drop {rest}" if rest else "")
    raise DataError(
        f"{name}: {layout.describe(column)} is {printable(str(types[column]), 60)}, {reason.words}; {way_out}"
    )


@dataclass(frozen=True)
class _Stored:
    """A file of one of the three formats; its first bytes say which, and its suffix only names it in messages."""

    file: DataFile
    suffix: str

    def schema(self) -> tuple[list[str], list[Any]]:
        """The names and the types of its columns."""
        with self.file.open() as handle:
            if not handle.seekable():
                raise DataError(f"{self.file.name} is a pipe; a {self.suffix} file must be a file on disk")
            reader = self._opened(handle, ())
            schema = getattr(reader, "schema_arrow", None) or reader.schema
            return list(schema.names), list(schema.types)

    def batches(self, columns: Sequence[int]) -> Iterator[list[Any]]:
        """The requested columns, in this order, some rows at a time."""
        import pyarrow as pa

        with self.file.open() as handle:
            try:
                reader = self._opened(handle, columns)
                if hasattr(reader, "iter_batches"):
                    yield from _of_parquet(reader, columns)
                else:
                    yield from _of_arrow(reader, columns)
            except (pa.ArrowException, OSError) as problem:
                raise DataError(
                    f"{self.file.name} cannot be read to the end: {_first_line(problem)}; write it again"
                ) from None
        self.file.check_unchanged()

    def _opened(self, handle: BinaryIO, columns: Sequence[int]) -> Any:
        """The reader of the file. Raises `DataError` for what is none of the three."""
        import pyarrow as pa
        from pyarrow import ipc, parquet

        start = handle.read(START)
        handle.seek(0)
        if not start:
            raise DataError(f"{self.file.name} is empty (0 bytes)")
        options = ipc.IpcReadOptions(included_fields=sorted({*columns}))
        try:
            if start.startswith((b"PAR1", b"PARE")):  # PARE where the footer is encrypted
                # By default, all of the file is read ahead and kept.
                return parquet.ParquetFile(handle, pre_buffer=False, buffer_size=_BUFFER)
            if start.startswith(b"ARROW1"):
                return ipc.open_file(handle, options=options)
            if start.startswith(b"\xff\xff\xff\xff"):
                return ipc.open_stream(handle, options=options)
        except (pa.ArrowException, OSError, ValueError) as problem:
            raise DataError(
                f"{self.file.name} is not a complete {self.suffix} file: {_first_line(problem)}; write it again"
            ) from None
        raise DataError(
            misnamed(self.file.name, start, handle)
            or f"{self.file.name} is neither Parquet nor Arrow, or is damaged; write it again"
        )


def _of_parquet(reader: Any, columns: Sequence[int]) -> Iterator[list[Any]]:
    names = reader.schema_arrow.names
    # It selects by name, and gives every column of that name.
    places = [names[:column].count(names[column]) for column in columns]
    for batch in reader.iter_batches(batch_size=ROWS_AT_ONCE, columns=list({names[each] for each in columns})):
        found = batch.schema.names
        of_name = [[at for at, name in enumerate(found) if name == names[column]] for column in columns]
        yield [batch.column(same[place]) for same, place in zip(of_name, places, strict=True)]


def _of_arrow(reader: Any, columns: Sequence[int]) -> Iterator[list[Any]]:
    read = sorted({*columns})
    stream = not hasattr(reader, "num_record_batches")
    for batch in reader if stream else (reader.get_batch(each) for each in range(reader.num_record_batches)):
        for start in range(0, batch.num_rows, ROWS_AT_ONCE):
            part = batch.slice(start, ROWS_AT_ONCE)
            yield [part.column(read.index(each)) for each in columns]


def _first_line(problem: Exception) -> str:
    return printable((str(problem) or "no reason given").splitlines()[0], 120)
