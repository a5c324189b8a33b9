"""A text file of separated numbers as a table: one row is one timestep."""

from collections.abc import Iterator
from dataclasses import dataclass

from rnncheck.data.advice import SAMPLE_LINES
from rnncheck.data.batching import Table, Tally
from rnncheck.data.cells import rows_of_data
from rnncheck.data.columns import ColumnLayout, lay_out
from rnncheck.data.markers import Markers
from rnncheck.data.options import FileOptions
from rnncheck.data.records import LONGEST_LINE, OPEN_QUOTE, Dialect, Records, UnfinishedRecord, text_blocks
from rnncheck.data.rows import StrictRows, read_fast
from rnncheck.data.sequences import FloatArray
from rnncheck.data.source import DataFile
from rnncheck.data.structure import structure
from rnncheck.errors import DataError
from rnncheck.text import printable

OF_FEW = ("na", "header_row", "data_row", "last_row", "thousands", "strip", "index")  # options that few files need


@dataclass(frozen=True)
class _Head:
    """The beginning of a file: its first record, where the data begin, and its first lines for messages."""

    first: list[str]
    offset: int
    line: int
    data_offset: int
    data_line: int
    lines: list[str]


def open_csv(file: DataFile, options: FileOptions) -> Table:
    """The table in a text file. Only the beginning is read now.

    Raises `DataError` when the beginning is at fault; reading the table raises it for the rest.
    """
    dialect = Dialect(
        options.separator, options.comment, options.whitespace, options.header_row, options.data_row, options.last_row
    )
    markers = Markers.of(options)
    head = _read_head(file, options, dialect)
    layout = _lay_out(head, options, file.name)

    def read(tally: Tally) -> Iterator[FloatArray]:
        blocks = text_blocks(file, options.encoding)
        strict = StrictRows(
            file.name, layout, dialect, options, head.lines, lambda: [next(blocks, ""), next(blocks, "")]
        )
        by_row = layout.sequence_id is not None or layout.index is not None
        skip, line = (head.data_offset, head.data_line) if layout.header else (head.offset, head.line)
        left = ""
        for block in blocks:
            if dialect.ends_before(line):
                break
            text = left + block[skip:]
            skip = max(0, skip - len(block))
            rows = None
            if not by_row and strict.blank_line is None and not left and text and not dialect.passes_over(line):
                newlines = text.count("\n")
                ends = dialect.ends_before(line + newlines)
                rows = None if ends else read_fast(text, newlines, layout, dialect, options)
                rows = None if rows is None or markers.among(rows) else rows
            if rows is None:
                rows, left, line = strict.read(text, line, tally)
            else:
                line += newlines
                strict.last_row = rows[-1].tolist()
            tally.rows += len(rows)
            if len(rows):
                yield rows[:, None, :]
        if left:
            raise DataError(f"{file.name}:{line}: {OPEN_QUOTE}")
        _refuse_no_rows(tally, layout, head, file.name)

    facts: dict[str, object] = {
        "source": "csv",
        "path": file.path,
        "columns": layout.input_names,
        "header": layout.header,
        "header_chosen": layout.header_chosen,
        "sep": dialect.sep,
        "decimal": options.decimal,
        "encoding": options.encoding or "utf-8",
        "missing": options.missing,
        **{name: value for name in OF_FEW if (value := getattr(options, name))},
        "allow_nonfinite": options.allow_nonfinite,
    }
    notes = []
    if options.header is None:
        notes.append(f"{'header' if layout.header else 'no header'}: {layout.header_chosen}")
    table = Table(file.name, read, 1, layout.input_names, facts, notes)
    _refuse_doubtful_first_rows(table, layout, options, head)
    return table


def _read_head(file: DataFile, options: FileOptions, dialect: Dialect) -> _Head:
    text = ""
    head = open_quote = None
    for block in text_blocks(file, options.encoding):
        text += block
        records = Records(text, 1, dialect, file.name)
        try:
            head = _first_record(records, text, options, file.name)
        except UnfinishedRecord:
            open_quote = records.line
        except DataError as problem:
            raise _explained(problem, text.split("\n", SAMPLE_LINES)[:SAMPLE_LINES], options) from None
        if len(text) > LONGEST_LINE or (head is not None and text.count("\n") >= SAMPLE_LINES):
            break
    if head is not None:
        return head
    if open_quote is not None:
        raise DataError(f"{file.name}:{open_quote}: {OPEN_QUOTE}")
    if row := options.header_row or options.data_row:
        raise DataError(f"{file.name} has no line {row} with cells; --header-row and --data-row count lines from 1")
    raise DataError(f"{file.name} has no data rows; it begins with nothing but blank or comment lines")


def _first_record(records: Records, text: str, options: FileOptions, name: str) -> _Head | None:
    blank_line = None
    for cells in records:
        if not cells:
            blank_line = blank_line or records.line
            continue
        if blank_line is not None and not options.skip_blank:
            raise DataError(f"{name}:{blank_line}: a blank line before the data; remove it or pass --skip-blank")
        lines = text.split("\n", SAMPLE_LINES)[:SAMPLE_LINES]
        return _Head(cells, records.offset, records.line, records.end, records.next_line, lines)
    return None


def _lay_out(head: _Head, options: FileOptions, name: str) -> ColumnLayout:
    """The columns. Raises `DataError`, with what the file seems to be where that is the reason."""
    where = f"{name}:{head.line}"
    try:
        layout = lay_out(head.first, options, where)
        _refuse_empty_last_columns(layout, options, head, where)
    except DataError as problem:
        raise _explained(problem, head.lines, options) from None
    return layout


def _explained(problem: DataError, lines: list[str], options: FileOptions) -> DataError:
    """The error with the structure that the file seems to have as its advice, if it is another."""
    said = structure(lines, options)
    return DataError(f"{str(problem).partition(';')[0]}; {said}") if said else problem


def _refuse_empty_last_columns(layout: ColumnLayout, options: FileOptions, head: _Head, where: str) -> None:
    """Empty last columns, from separators at the end of every line, are no columns of missing values."""
    if options.columns or options.whitespace or (not layout.header and options.missing != "error"):
        return
    rows = [head.first, *rows_of_data(head.lines, options, layout.width, header=layout.header)]
    empty = [each for each in layout.inputs if each and not any("".join(row[each:]).strip() for row in rows)]
    if empty:
        mark, drop = printable(options.separator), options.dropping(layout.selector(each) for each in empty)
        columns = "an empty last column" if len(empty) == 1 else f"{len(empty)} empty last columns"
        raise DataError(f"{where}: {columns}; pass --drop {drop}, or remove the '{mark}' that ends every line")


def _refuse_doubtful_first_rows(table: Table, layout: ColumnLayout, options: FileOptions, head: _Head) -> None:
    """Reads the first block, so that a bad file fails at once, and stops at a lone row that may be a header."""
    tally = Tally()
    rows = table.read(tally)
    next(rows)
    if options.header is None and not layout.header and tally.rows == 1 and next(rows, None) is None:
        numbers = "1 number" if layout.width == 1 else f"{layout.width} numbers"
        raise DataError(
            f"{table.name}:{head.line}: the file looks like {numbers} and no header; "
            f"pass --no-header if this is a row of data"
        )


def _refuse_no_rows(tally: Tally, layout: ColumnLayout, head: _Head, name: str) -> None:
    if tally.rows:
        return
    if tally.dropped:
        raise DataError(
            f"{name}: no row is left; all {tally.dropped:,} have a missing value: pass --missing zero, "
            "not drop-row, or leave out columns with --drop"
        )
    raise DataError(
        f"{name}: no data rows after the header on line {head.line} ({layout.header_chosen}); "
        f"pass --no-header if that line is data"
    )
