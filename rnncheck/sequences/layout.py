"""Which columns a file has, and which of them are read."""

import difflib
import re
import shlex
from collections import Counter
from dataclasses import dataclass

from rnncheck.errors import DataError
from rnncheck.sequences.numbers import Cell, is_text, read_cell
from rnncheck.sequences.options import FileOptions
from rnncheck.text import printable


@dataclass(frozen=True)
class Layout:
    """The columns of a file by name (by place, from 1, without a header) and the places, from 0, of those read."""

    names: tuple[str, ...]
    header: bool
    header_chosen: str
    inputs: tuple[int, ...]
    sequence_id: int | None

    @property
    def width(self) -> int:
        return len(self.names)

    @property
    def input_names(self) -> list[str]:
        return [self.names[column] for column in self.inputs]

    def describe(self, column: int) -> str:
        """How messages call a column."""
        return f"column {column + 1}" + (f" ('{printable(self.names[column])}')" if self.header else "")

    def selector(self, column: int) -> str:
        """What to type after --columns or --drop to mean this column."""
        name = self.names[column]
        if name and self.names.count(name) == 1 and printable(name) == name:
            return shlex.quote(name)
        return str(column + 1)


def lay_out(first: list[str], options: FileOptions, where: str) -> Layout:
    """The layout of a file whose first record is `first`, found at `where`.

    Raises `DataError` for columns that are not there or cannot be told apart.
    """
    names_itself = next((cell for cell in first if is_text(cell, options.decimal)), None)
    header = names_itself is not None if options.header is None else options.header
    if options.header is not None:
        chosen = "--header" if header else "--no-header"
    elif names_itself is not None:
        chosen = f"'{printable(names_itself)}' in the first row is not a number"
        if any(read_cell(cell, options.decimal)[0] is Cell.NUMBER for cell in first):
            chosen += " (others are: if the row is data, pass --no-header)"
    else:
        chosen = "the first row is all numbers"
    names = tuple(cell.strip() for cell in first) if header else tuple(str(i + 1) for i in range(len(first)))

    finder = _Finder(names, where)
    sequence_id = None if options.sequence_id is None else finder.find(options.sequence_id)
    if options.columns:
        inputs = tuple(finder.find(name) for name in options.columns)
    else:
        dropped = {finder.find(name) for name in options.drop} | {sequence_id}
        inputs = tuple(column for column in range(len(names)) if column not in dropped)
        finder.check_distinct(inputs)
    if len(set(inputs)) < len(inputs):
        raise DataError(f"{where}: --columns names a column twice, by its name and by its place; name it once")
    if sequence_id in inputs:
        raise DataError(f"{where}: --columns names the column of --sequence-id; it says which rows belong together")
    if not inputs:
        raise DataError(f"{where}: no column is left to read; --drop names all {len(names)}")
    return Layout(names, header, chosen, inputs, sequence_id)


@dataclass(frozen=True)
class _Finder:
    names: tuple[str, ...]
    where: str

    def find(self, wanted: str) -> int:
        """The place of a column that the user named."""
        count = self.names.count(wanted)
        if count == 1:
            return self.names.index(wanted)
        if count > 1:
            raise DataError(f"{self.where}: {count} columns are named '{printable(wanted)}'; give the place, from 1")
        if re.fullmatch("[0-9]{1,9}", wanted) and 1 <= int(wanted) <= len(self.names):
            return int(wanted) - 1
        near = difflib.get_close_matches(wanted, self.names, n=1) or self.names[:8]
        known = ", ".join(f"'{printable(name)}'" for name in near)
        raise DataError(
            f"{self.where}: no column '{printable(wanted)}' among {len(self.names)}; "
            f"{'did you mean' if len(near) == 1 else 'there are'} {known}; a place from 1 to {len(self.names)} will do"
        )

    def check_distinct(self, columns: tuple[int, ...]) -> None:
        for name, count in Counter(self.names[column] for column in columns).items():
            if count > 1:
                places = ",".join(str(column + 1) for column in columns if self.names[column] == name)
                raise DataError(
                    f"{self.where}: columns {places} are all named '{printable(name)}'; "
                    f"rename them, or choose by place, as in --columns {places}"
                )
