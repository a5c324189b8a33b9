"""The options for reading a data file, checked before any file is opened."""

import io
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from rnncheck.errors import UsageError

Missing = Literal["error", "drop-row", "zero", "ffill"]
Normalize = Literal["none", "standard", "minmax"]

_SEPARATOR_NAMES = {"\\t": "\t", "tab": "\t"}


@dataclass(frozen=True)
class FileOptions:
    """The options of `rnncheck run DATA`.

    `columns` keeps these columns, in this order; `drop` keeps the others. A column is named by its header, or by its
    place (from 1) where no header has that name. `header=None` takes the first row as a header when a cell in it is
    not a number. `sep=None` is a comma and `encoding=None` is UTF-8.

    `header_row` is the line of the header, from 1, `data_row` the line where the data begin and `last_row` the line
    where they end: what stands before, between and behind is passed over. `sep="whitespace"` is any run of blanks.
    `thousands` is a mark between groups of three digits, and `strip` holds signs that are left out at the ends of a
    cell. `index` names a column of numbers or dates that must rise, and is no input.

    `missing` says what becomes of an empty cell, NA or null, or of what `na` names: an error, or its row is left out,
    or zero, or the value above it. Unless `allow_nonfinite` lets NaN and infinities through as numbers, NaN counts as
    missing too.
    `sequence_id` names a column whose value is shared by the rows of one sequence; `window` cuts the rows into
    sequences of that many, one every `stride` rows (default: `window`).

    Raises `UsageError` for options that contradict each other.
    """

    columns: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    header: bool | None = None
    sep: str | None = None
    decimal: str = "."
    encoding: str | None = None
    missing: Missing = "error"
    allow_nonfinite: bool = False
    normalize: Normalize = "none"
    sequence_id: str | None = None
    window: int | None = None
    stride: int | None = None
    skip_blank: bool = False
    comment: str | None = None
    na: tuple[str, ...] = ()
    header_row: int | None = None
    data_row: int | None = None
    last_row: int | None = None
    thousands: str | None = None
    strip: str = ""
    index: str | None = None

    def __post_init__(self) -> None:
        self._check_columns()
        self._check_text()
        self._check_batching()
        if self.normalize != "none" and self.allow_nonfinite:
            raise UsageError(
                "--normalize needs finite numbers and --allow-nonfinite lets others in; leave one of them out"
            )

    @property
    def separator(self) -> str:
        """The one character between two cells."""
        if self.sep is None:
            return ","
        if self.whitespace:
            return " "
        return _SEPARATOR_NAMES.get(self.sep, self.sep)

    @property
    def whitespace(self) -> bool:
        """Whether any run of blanks stands between two cells."""
        return self.sep == "whitespace"

    def dropping(self, more: Iterable[str]) -> str:
        """What --drop takes to leave out more columns, each as a shell reads it."""
        return ",".join([*map(shlex.quote, self.drop), *more])

    def _check_columns(self) -> None:
        if self.columns and self.drop:
            raise UsageError("--columns and --drop were both given; --columns alone already leaves the others out")
        for option, names in (("--columns", self.columns), ("--drop", self.drop)):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise UsageError(f"{option} names {', '.join(twice)} more than once")
            for other, column in (("--sequence-id", self.sequence_id), ("--index", self.index)):
                if column is not None and column in names:
                    raise UsageError(
                        f"{option} names {column}, the column of {other}, which is not an input; leave it out"
                    )
        if self.index is not None and self.index == self.sequence_id:
            raise UsageError(f"--index and --sequence-id both name {self.index}; an index rises within its sequence")

    def _check_text(self) -> None:
        sep = self.separator
        if len(sep) != 1 or sep.isalnum() or sep in '+-."\r\n\0':
            raise UsageError(
                f"--sep is {sep!r}; it must be one character that is not part of numbers or quotes, such as ';'"
            )
        if len(self.decimal) != 1 or self.decimal not in ".,":
            raise UsageError(f"--decimal is {self.decimal!r}; it must be '.' or ','")
        if sep == self.decimal and self.sep is None:
            raise UsageError(
                f"--sep and --decimal are both {sep!r}; give --sep ';' or another, or --sep , for numbers in quotes"
            )
        if self.thousands is not None and (
            len(self.thousands) != 1 or self.thousands.isalnum() or self.thousands in '+-"\r\n\0' + self.decimal
        ):
            raise UsageError(
                f"--thousands is {self.thousands!r}; it must be one mark that is not the decimal mark, such as ','"
            )
        if any(mark.isalnum() or mark in "+-\u2212\u2013\u2010.,()\"'\r\n\0" for mark in self.strip):
            raise UsageError(
                f"--strip is {self.strip!r}; it must be signs that change no number, such as '$%'; no letter, digit or "
                "bracket"
            )
        rows = {"--header-row": self.header_row, "--data-row": self.data_row, "--last-row": self.last_row}
        for option, row in rows.items():
            if row is not None and row < 1:
                raise UsageError(f"{option} is {row}; lines are counted from 1")
        if self.header_row is not None and self.header is False:
            raise UsageError("--header-row says where the header is and --no-header that there is none; leave one out")
        if self.header_row is not None and self.data_row is not None and self.data_row <= self.header_row:
            raise UsageError(
                f"--data-row is {self.data_row} and --header-row {self.header_row}; data follow the header"
            )
        if self.last_row is not None and self.last_row <= max(self.header_row or 0, (self.data_row or 1) - 1):
            raise UsageError(f"--last-row is {self.last_row}; data end behind the header, where they begin or later")
        if self.comment is not None and (
            not self.comment or self.comment[0].isalnum() or self.comment[0] in '+-." \t\r\n' or self.comment[0] == sep
        ):
            raise UsageError(
                f"--comment is {self.comment!r}; it must be a mark at the start of no row of data, like '#'"
            )
        if self.encoding is not None:
            try:
                io.TextIOWrapper(io.BytesIO(), encoding=self.encoding)  # knows which codecs are for text
            except (LookupError, ValueError):
                raise UsageError(
                    f"--encoding is {self.encoding!r}, which Python does not know; try utf-8 or latin-1"
                ) from None

    def _check_batching(self) -> None:
        if self.window is not None and self.sequence_id is not None:
            raise UsageError("--window and --sequence-id both make the batch; give one of them")
        if self.stride is not None and self.window is None:
            raise UsageError("--stride is the distance between windows; give --window too")
        for option, rows in (("--window", self.window), ("--stride", self.stride)):
            if rows is not None and rows < 1:
                raise UsageError(f"{option} is {rows}; it must be at least 1")
