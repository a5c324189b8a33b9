"""The text of a file as blocks of lines and as records, each with its first line number."""

import codecs
import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from rnncheck.data.source import DataFile
from rnncheck.errors import DataError
from rnncheck.mistaken import START, refusal
from rnncheck.text import printable

OPEN_QUOTE = "a quoted cell begins here and does not end; close the quote or remove it"


@dataclass(frozen=True)
class Dialect:
    """The separators of cells, and the lines that are not data."""

    sep: str = ","
    comment: str | None = None
    whitespace: bool = False  # any run of blanks stands between cells; `sep` is then one
    header_row: int | None = None
    data_row: int | None = None
    last_row: int | None = None

    def is_blank(self, line: str) -> bool:
        return not line.strip(" \t\n".replace(self.sep, ""))

    def passes_over(self, line: int) -> bool:
        """Whether a line, from 1, stands before the header, between it and the data, or behind them."""
        header, data = self.header_row, self.data_row
        return line != header and (line < max(header or 0, data or 0) or self.ends_before(line))

    def ends_before(self, line: int) -> bool:
        """Whether the data end before this line."""
        return self.last_row is not None and line > self.last_row

    def cells_of(self, line: str) -> str:
        """The line with one separator between cells."""
        return " ".join(line.split()) + "\n" if self.whitespace else line

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
            elif not (self.dialect.is_comment(line) or self.dialect.passes_over(start_line)):
                self._at_start = False
                self.offset, self.line = start, start_line
                yield "\n" if self.dialect.is_blank(line) else self.dialect.cells_of(line)
        self._at_end = True

    def _explain(self, error: csv.Error) -> str:
        record = self._text[self.offset : self.end]
        if "limit" not in str(error):
            return f"text after a closing quote in '{printable(record.rstrip())}'; quote the whole cell or none of it"
        if self.next_line - self.line > 1:
            return OPEN_QUOTE
        longest = max(record.split(self.dialect.sep), key=len)
        return f"a cell of {len(longest):,} characters, '{printable(longest)}'; it may have {csv.field_size_limit():,}"


# UTF-32 first: its little-endian mark begins with UTF-16's.
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


def refuse_what_is_no_text(file: DataFile, start: bytes, encoding: str | None) -> None:
    """Raises `DataError` if `start` is the beginning of another kind of file, with what to do about it."""
    name = file.name
    with file.open() as handle:
        said = refusal(name, "data", start[:START], handle if file.compression is None else None)
    if said is not None:
        raise DataError(said)
    for mark, wide in _MARKS:
        if encoding is None and start.startswith(mark):
            raise DataError(
                f"{name} begins with a {wide.upper()} byte order mark; give --encoding {wide} or convert it to UTF-8"
            )


LONGEST_LINE = 16 << 20
_UTF8_MARK = b"\xef\xbb\xbf"


def text_blocks(file: DataFile, encoding: str | None) -> Iterator[str]:
    """Blocks of some 64 KiB that end where a line ends; every kind of line end becomes a newline.

    Raises `DataError` where the file is no text in this encoding (None: UTF-8), with the offset of the byte.
    """
    decoder = _Decoder(file, encoding or "utf-8")
    rest = ""
    for data in file.blocks():
        if decoder.offset == 0:
            refuse_what_is_no_text(file, data, encoding)
        rest += decoder.decode(data)
        end = rest.rfind("\n") + 1
        if end:
            yield rest[:end]
            rest = rest[end:]
        elif len(rest) > LONGEST_LINE:
            raise DataError(
                f"{file.name} has a line of more than {LONGEST_LINE:,} characters near byte {decoder.offset:,}; "
                f"one timestep is one line"
            )
    if decoder.offset == 0:
        raise DataError(f"{file.name} is empty (0 bytes)")
    rest += decoder.decode(b"", final=True)
    if rest:
        yield rest


class _Decoder:
    """Decodes bytes as they come; `offset` is how many came."""

    def __init__(self, file: DataFile, encoding: str) -> None:
        self.offset = 0
        self._file = file
        self._encoding = codecs.lookup(encoding).name
        self._bytes = codecs.getincrementaldecoder(encoding)()
        self._text = io.IncrementalNewlineDecoder(self._bytes, translate=True)

    def decode(self, data: bytes, final: bool = False) -> str:
        if self.offset == 0 and self._encoding == "utf-8" and data.startswith(_UTF8_MARK):
            self.offset = len(_UTF8_MARK)
            data = data[self.offset :]
        unread: bytes = self._bytes.getstate()[0]  # the beginning of a character, from the block before
        start = self.offset - len(unread)
        self.offset += len(data)
        try:
            return self._text.decode(data, final)
        except UnicodeDecodeError as error:
            raise DataError(self._not_text(error.object, error.start, start + error.start)) from None
        except UnicodeError as error:
            raise DataError(f"{self._file.name} is not {self._encoding} text: {error}; give its --encoding") from None

    def _not_text(self, data: bytes, place: int, offset: int) -> str:
        byte = f"byte 0x{data[place]:02x} at {offset:,}"
        if b"\0" in data:
            return (
                f"{self._file.name} is not text ({byte}, and NUL bytes); save its numbers as CSV or .npy, or give the "
                f"--encoding if it is text, such as utf-16"
            )
        return (
            f"{self._file.name}:{self._line_at(offset)}: not {self._encoding.upper()} text ({byte}); "
            f"if it is text in another encoding, name it, as in --encoding latin-1"
        )

    def _line_at(self, offset: int) -> int:
        line = 1
        for data in self._file.blocks():
            line += data.count(b"\n", 0, offset)
            offset -= len(data)
            if offset <= 0:
                break
        return line
