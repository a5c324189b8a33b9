"""The fast way to read text and the strict way are one reader: same numbers, same refusals, wherever blocks end."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rnncheck.data import csv, source
from rnncheck.data.columns import CellKind, lay_out, read_cell
from rnncheck.data.open import FileOptions, open_data
from rnncheck.data.records import Dialect
from rnncheck.data.rows import read_fast
from rnncheck.errors import DataError

NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.from_regex(r"[ \t]?[+-]?([0-9]{1,3}\.?[0-9]{0,3}|\.[0-9]{1,3})([eE][+-]?[0-9]{1,3})?[ \t]?", fullmatch=True),
)
ODD_TEXT = (
    "nan|inf|-Infinity|NA||0x10|1_0|1e400|1e-400|0.0e-999|1j|1d5|1e|.|+-1|1 2|１|\xa01|1\v|1\x1c|1\x1f|1\x85|\u22121"
    '|"1"|"1|1"|"1"2|"1,2"|"1\n2"|#1|1#2|1,5|True|0b1|1f|infinity|- 1|"" | "1"|1.0.0|1\r'
)
ODD_CELLS = st.one_of(
    st.sampled_from(ODD_TEXT.split("|")),
    st.text("0123456789.eE+-_ \t\"'#naifxj\v\x1f\u2003\xb2", max_size=6),
)


@st.composite
def files(draw: st.DrawFn) -> str:
    """A text of rows that are mostly of one width and mostly of numbers."""
    width = draw(st.integers(1, 3))
    cell = draw(st.sampled_from([NUMBERS, st.one_of(NUMBERS, NUMBERS, NUMBERS, ODD_CELLS)]))
    row = st.lists(cell, min_size=width, max_size=width).map(",".join)
    odd_row = st.sampled_from(["", " ", "1", "1,2,3,4", "# 1,2", ",", '"'])
    rows = draw(st.lists(st.one_of(*[row] * 9, odd_row), min_size=1, max_size=12))
    header = draw(st.sampled_from(["", ",".join("abc"[:width]) + "\n"]))
    return header + draw(st.sampled_from(["\n", "\r\n"])).join(rows) + draw(st.sampled_from(["", "\n", "\n\n"]))


OPTIONS = st.builds(
    FileOptions,
    columns=st.sampled_from([(), ("1",), ("2", "1")]),
    missing=st.sampled_from(["error", "error", "drop-row", "zero", "ffill"]),
    allow_nonfinite=st.booleans(),
    skip_blank=st.booleans(),
    comment=st.sampled_from([None, "#"]),
)


def outcome(text: str, options: FileOptions, *, fast: bool, block: int) -> tuple[object, ...]:
    """All that a reading of `text` says: numbers, notes and facts, or the refusal."""
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(source, "BLOCK", block):
        path = Path(folder) / "data.csv"
        path.write_bytes(text.encode())
        reader = read_fast if fast else lambda *_: None
        with mock.patch.object(csv, "read_fast", reader):
            try:
                sequences = open_data(str(path), options)
                x = np.concatenate(list(sequences.chunks(5)))
            except DataError as error:
                return (str(error).replace(folder, ""),)
        return x.shape, x.tobytes(), sequences.notes, {**sequences.source, "path": "data.csv"}


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(files(), OPTIONS, st.sampled_from([16, 40, 1 << 16]))
@example('a\n"1"2\n', FileOptions(), 16)
@example("1\v2\n3\n", FileOptions(), 1 << 16)
@example("a,b\n1\n2,3,4\n", FileOptions(columns=("1",)), 1 << 16)
@example("a\n0.5\n1e-400\n", FileOptions(), 1 << 16)
@example("a\n0." + "0" * 250 + "1e-99\n", FileOptions(), 1 << 16)
def test_the_fast_and_the_strict_way_agree_wherever_blocks_end(text: str, options: FileOptions, block: int) -> None:
    strict = outcome(text, options, fast=False, block=1 << 16)
    assert outcome(text, options, fast=True, block=block) == strict


@pytest.mark.slow
@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=20), st.sampled_from([",", ";", "\t", "|"]))
def test_what_is_all_numbers_is_read_the_fast_way_to_what_python_reads(rows: list[tuple[str, str]], sep: str) -> None:
    expected = [[float(cell) for cell in row] for row in rows]
    if not np.isfinite(expected).all() or 0 in np.ravel(expected):
        return  # overflow and possible underflow are left to the strict way
    if sep == "\t":
        rows = [(a.strip(), b.strip()) for a, b in rows]
    text = "".join(f"{a}{sep}{b}\n" for a, b in rows)
    layout = lay_out(["1", "2"], FileOptions(), "data.csv")
    x = read_fast(text, len(rows), layout, Dialect(sep), FileOptions())
    assert x is not None
    np.testing.assert_array_equal(x, expected, strict=True)


def nearly_numbers() -> Iterator[tuple[str, CellKind]]:
    for text in (
        "0",
        "-0",
        "+1",
        "1.",
        ".5",
        "007",
        " 1",
        "1\t",
        "1e5",
        "1E+5",
        "1e-05",
        "9" * 300,
        "4e-320",
        "0e-999",
    ):
        yield text, CellKind.NUMBER
    for text in ("1e-400", "-0.1e-400", "0." + "0" * 400 + "1"):
        yield text, CellKind.UNDERFLOW
    for text in ("1e309", "-1e400", "9" * 310, "1e999999999999"):
        yield text, CellKind.OVERFLOW
    for text in ("nan", "NaN", "-inf", "+Infinity"):
        yield text, CellKind.NONFINITE
    for text in ("", " ", "NA", "n/a", "#N/A", "null", "None", "<NA>"):
        yield text, CellKind.MISSING
    for text in ("1_0", "0x1", "1e", "e5", ".", "+", "1 2", "- 1", "--1", "1e5.0", "1,5", "１", "²", "1\v", "1\n", "i"):
        yield text, CellKind.TEXT


@pytest.mark.parametrize(("text", "kind"), list(nearly_numbers()))
def test_the_grammar_of_a_number(text: str, kind: CellKind) -> None:
    assert read_cell(text)[0] is kind


def test_a_decimal_comma_takes_the_place_of_the_point() -> None:
    assert read_cell("-1,5e1", ",") == (CellKind.NUMBER, -15.0)
    assert read_cell("1.5", ",")[0] is CellKind.TEXT


@pytest.mark.parametrize("text", ["1" * 120_000 + "x", "0" * 120_000 + ".x", "1e" + "1" * 120_000 + "x"])
def test_a_long_cell_is_refused_in_linear_time(text: str) -> None:
    assert read_cell(text)[0] is CellKind.TEXT
