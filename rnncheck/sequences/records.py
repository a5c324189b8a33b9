"""The strict way to read text: one record at a time, each with the line of the file that it begins on."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from rnncheck.errors import DataError
from rnncheck.text import printable

OPEN_QUOTE = "a quoted cell begins here and does not end; close the quote or remove it"


@dataclass(frozen=True)
class Dialect:
    """What stands between cells, and which lines are no data."""

    sep: str = ","
    comment: str | None = None

    def is_blank(self, line: str) -> bool:
        return not line.strip(" \t\n".replace(self.sep, ""))

    def is_comment(self, line: str) -> bool:
        return self.comment is not None and line.lstrip(" \t").startswith(self.comment)


class UnfinishedRecord(Exception):
    """The text ends inside a quoted cell."""


class Records:
    """The records of `text`, whose first line is line `line` of the file `name`.

    `line` and `offset` say where the record begins that is being read, `next_line` and `end` what follows it.
    """

    def __init__(self, text: str, line: int, dialect: Dialect, name: str) -> None:
        self.line = self.next_line = line
        self.offset = self.end = 0
        if "\0" in text:
            line += text.count("\n", 0, text.index("\0"))
            raise DataError(f"{name}:{line}: a NUL byte; remove it, or give the --encoding, such as utf-16")
        self._text = text
        self.dialect = dialect
        self._name = name
        self._at_start = True
        self._at_end = False

    def __iter__(self) -> Iterator[list[str]]:
        """Yields the cells of each record, none for a blank line; comment lines are passed over.

        Raises `UnfinishedRecord` when the text ends too early and `DataError` for quotes that make no sense.
        """
        sep = self.dialect.sep
        # A space before a quoted cell is no part of it, unless spaces separate.
        reader = csv.reader(self._lines(), delimiter=sep, skipinitialspace=sep != " ", strict=True)
        while True:
            self._at_start = True
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                if self._at_end:
                    raise UnfinishedRecord from None
                raise DataError(f"{self._name}:{self.line}: {self._explain(error)}") from None
            yield cells

    def _lines(self) -> Iterator[str]:
        for line in io.StringIO(self._text):
            start, start_line = self.end, self.next_line
            self.end += len(line)
            self.next_line += 1
            if not self._at_start:  # inside a quoted cell, where every line counts
                yield line
            elif not self.dialect.is_comment(line):
                self._at_start = False
                self.offset, self.line = start, start_line
                yield "\n" if self.dialect.is_blank(line) else line
        self._at_end = True

    def _explain(self, error: csv.Error) -> str:
        record = self._text[self.offset : self.end]
        if "limit" not in str(error):
            return f"text after a closing quote in '{printable(record.rstrip())}'; quote a whole cell or nothing of it"
        if self.next_line - self.line > 1:
            return OPEN_QUOTE
        longest = max(record.split(self.dialect.sep), key=len)
        return f"a cell of {len(longest):,} characters, '{printable(longest)}'; it may have {csv.field_size_limit():,}"
