"""The columns of Arrow by their types: which hold numbers, the numbers in float64, and the order of an index."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnncheck.data.columns import ColumnLayout
from rnncheck.data.markers import Rising
from rnncheck.data.sequences import FloatArray
from rnncheck.errors import DataError
from rnncheck.text import printable


def is_number(kind: Any) -> bool:
    """Whether every value of this type is a real number. True is 1 and False is 0."""
    import pyarrow.types as types

    kind = _within(kind)
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_decimal(kind))


@dataclass(frozen=True)
class WhyNot:
    """Why a column is no input, and whether its order can be checked instead."""

    words: str
    rises: bool = False


def why_not(kind: Any) -> WhyNot:
    """What a type holds that is no number."""
    import pyarrow.types as types

    kind = _within(kind)
    if types.is_temporal(kind) and not types.is_interval(kind):
        return WhyNot("not a number but a date or a time", rises=True)
    if types.is_null(kind):
        return WhyNot("so it has no value")
    if types.is_nested(kind):
        return WhyNot("several values in one cell, not a number")
    return WhyNot("not a number")


def values(column: Any) -> FloatArray:
    """The numbers in float64, each the nearest one; a null is NaN."""
    import pyarrow as pa
    import pyarrow.types as types

    column = _plain(column)
    if types.is_decimal(column.type):
        column = column.cast(pa.string())  # Arrow's own way to float64 is wrong in the last digit of many
    # Unsafe: whole numbers beyond 2^53 are rounded, as those of text are.
    return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)


def nulls(column: Any) -> NDArray[np.bool_]:
    """Which of the cells have no value."""
    return np.asarray(_plain(column).is_null().to_numpy(zero_copy_only=False), dtype=bool)


class Order:
    """The column of --index, read batch by batch: every value is larger than the one before."""

    def __init__(self, name: str, layout: ColumnLayout, drop: Sequence[str]) -> None:
        assert layout.index is not None
        self._name, self._layout, self._column = name, layout, layout.index
        self._instead = (
            f"--drop {','.join([*map(shlex.quote, drop), layout.selector(layout.index)])} instead of --index"
        )
        self._texts = Rising(name, layout, ".")
        self._last: Any = None  # a value, as an array of one

    def check(self, column: Any, begin: int) -> None:
        """Raises `DataError` for a value that does not rise, or has no order. `begin` is the row of the first."""
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.types as types

        column = _plain(column)
        where = self._layout.describe(self._column)
        if not (is_number(column.type) or why_not(column.type).rises or _is_text(column.type)):
            raise DataError(
                f"{self._name}: {where} is {printable(str(column.type), 60)}, which has no order; pass {self._instead}"
            )
        bad = nulls(column)
        if types.is_floating(column.type):
            bad |= np.isnan(values(column))
        if bad.any():
            raise DataError(
                f"{self._name}: row {begin + int(bad.argmax())}, {where} has no value, so its order cannot be checked; "
                f"pass {self._instead}"
            )
        if _is_text(column.type):
            for place, text in enumerate(column.to_pylist()):
                self._texts.check(text, begin + place)
            return
        both = column if self._last is None else pa.concat_arrays([self._last, column])
        if not len(column):
            return
        rises = np.asarray(pc.greater(both[1:], both[:-1]).to_numpy(zero_copy_only=False), dtype=bool)
        if not rises.all():
            at = int(rises.argmin())
            row = begin + at + (self._last is None)
            before, after = (printable(str(each)) for each in (both[at], both[at + 1]))
            raise DataError(
                f"{self._name}: row {row}, {where} is '{after}' after '{before}': it does not rise; sort the rows, or "
                f"pass {self._instead}"
            )
        self._last = column[-1:]


def _plain(column: Any) -> Any:
    """The column without its encoding."""
    import pyarrow.compute as pc
    import pyarrow.types as types

    if types.is_dictionary(column.type):
        return column.dictionary_decode()
    return pc.run_end_decode(column) if types.is_run_end_encoded(column.type) else column


def _within(kind: Any) -> Any:
    """The type of the values that a dictionary or runs hold."""
    import pyarrow.types as types

    return kind.value_type if types.is_dictionary(kind) or types.is_run_end_encoded(kind) else kind


def _is_text(kind: Any) -> bool:
    import pyarrow.types as types

    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))
