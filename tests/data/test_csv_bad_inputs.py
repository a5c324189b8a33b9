"""Every bad text ends in a DataError that says what, where and the way out; numbers in the ids are kinds of fault."""

import bz2
import gzip
import lzma
from typing import Any

import numpy as np
import pytest

REFUSED: list[Any] = [
    pytest.param("", {}, "data.csv is empty (0 bytes)", id="01-empty"),
    pytest.param("\n\n\n", {}, "no data rows", id="02-only-newlines"),
    pytest.param(
        "1", {}, "data.csv:1: the file looks like 1 number and no header; pass --no-header", id="03-one-number"
    ),
    pytest.param("a,b\n1,2\n".encode("utf-16"), {}, "UTF-16 byte order mark; give --encoding utf-16", id="06-utf-16"),
    pytest.param("a,b\n1,2\n".encode("utf-32"), {}, "UTF-32 byte order mark", id="06-utf-32"),
    pytest.param("a,b\n1,2\n".encode("utf-16-le"), {}, "data.csv:1: a NUL byte", id="06-utf-16-without-mark"),
    pytest.param(
        b"\x89PNG\r\n\x1a\n\0", {}, "is a PNG image; rnncheck run reads CSV, .npy, Parquet and Arrow", id="07-png"
    ),
    pytest.param(b"a" * 128 + b"\x80\0", {}, "not text (byte 0x80 at 128", id="07-binary"),
    pytest.param('a\n1\n"1"x\n', {}, """data.csv:3: text after a closing quote in '"1"x'""", id="11-after-quote"),
    pytest.param('a\n"1"2\n', {}, "data.csv:2: text after a closing quote", id="11-digit-after-quote"),
    pytest.param('a,b\n1,2\n"3,4\n5,6\n', {}, "data.csv:3: a quoted cell begins here", id="11-open-quote"),
    pytest.param('a\n"' + "1\n" * 200_000, {}, "data.csv:2: a quoted cell begins here", id="11-open-quote-long"),
    pytest.param('"a\n1\n', {}, "data.csv:1: a quoted cell begins here", id="11-open-quote-in-header"),
    pytest.param("a,b\n1,2\n3\n", {}, "data.csv:3: 1 field, expected 2", id="12-short-row"),
    pytest.param("a,b\n1,2\n3,4,5\n", {}, "data.csv:3: 3 fields, expected 2", id="12-long-row"),
    pytest.param("a,b\n1,2,3\n4\n", {"columns": ("a",)}, "data.csv:2: 3 fields", id="12-long-row-in-a-selection"),
    pytest.param(
        "a,b,\n1,2,\n3,4,\n",
        {},
        "empty last column; pass --drop 3, or remove the ',' that ends every line",
        id="13-trailing-comma",
    ),
    pytest.param("1,2,\n3,4,\n", {}, "pass --drop 3", id="13-trailing-comma-no-header"),
    pytest.param(
        "a,b\n1,2,\n3,4,\n",
        {},
        "nothing is behind the last ',': pass --data-row 2 --drop 3, or remove it",
        id="13-trailing-comma-in-rows",
    ),
    pytest.param(
        "a\n1\n\n2\n",
        {},
        "data.csv:3: a blank line between rows of data; remove it or pass --skip-blank",
        id="14-blank-in-the-middle",
    ),
    pytest.param("\na\n1\n2\n", {}, "data.csv:1: a blank line before the data", id="14-blank-first"),
    pytest.param("a,b\n1,2\n3,\n", {}, "data.csv:3: column 2 ('b') is empty, a missing value", id="15-empty-cell"),
    pytest.param('a\n1\n""\n', {}, "data.csv:3: column 1 ('a') is empty", id="15-quoted-empty-cell"),
    pytest.param(
        ",0,1\n0,5,6\n", {}, "it looks as if the first row is the header; pass --header", id="15-numbered-header"
    ),
    pytest.param(
        "a,b\n,2\n3,4\n",
        {"missing": "ffill"},
        "data.csv:2: column 1 ('a') is missing in the first row of its sequence",
        id="15-nothing-to-carry-on",
    ),
    pytest.param("a\nNA\nnull\n", {"missing": "drop-row"}, "no row is left; all 2", id="15-all-rows-dropped"),
    pytest.param("a\n1\nNA\n", {}, "data.csv:3: column 1 ('a') is 'NA', a missing value", id="16-NA"),
    pytest.param("a\n1\nnull\n", {}, "is 'null', a missing value", id="16-null"),
    pytest.param("a\n1\n#N/A\n", {}, "is '#N/A', a missing value", id="16-excel"),
    pytest.param(
        "a\n1\nnan\n",
        {},
        "is 'nan', not a finite number; if it stands for a missing value, pass --missing",
        id="16-nan",
    ),
    pytest.param(
        "a\n1\nnan\n",
        {},
        "if it stands for a missing value, pass --missing drop-row, zero or ffill; --allow-nonfinite",
        id="16-nan-missing",
    ),
    pytest.param(
        "a\n1\ninf\n", {}, "pass --na inf --missing drop-row, zero or ffill; --allow-nonfinite", id="16-inf-missing"
    ),
    pytest.param(
        "a\n1\n-Infinity\n", {"missing": "zero"}, "is '-Infinity', not a finite", id="16-infinity-is-not-missing"
    ),
    pytest.param(
        "a\n1\n1e400\n", {}, "data.csv:3: column 1 ('a') is '1e400', which overflows float64", id="17-overflow"
    ),
    pytest.param("a\n1e400\n", {"allow_nonfinite": True}, "overflows float64", id="17-overflow-is-no-infinity"),
    pytest.param("a\n0x10\n", {}, "is '0x10', not a number; write it in decimal digits", id="19-hexadecimal"),
    pytest.param(
        "a\n1_000\n",
        {},
        "is '1_000', not a number; if '_' stands between thousands, pass --thousands _",
        id="20-underscore",
    ),
    pytest.param("a\n−1\n", {}, r"is '\u22121', not a number; the sign is U+2212, not '-'", id="21-unicode-minus"),
    pytest.param("a\n١٢\n", {}, "not a number; write it in the digits 0 to 9", id="21-other-digits"),
    pytest.param("a\n\xa01\n", {}, r"is '\xa01', not a number", id="21-no-break-space"),
    pytest.param("a\n1\v\n", {}, r"is '1\x0b', not a number", id="21-vertical-tab"),
    pytest.param("a\n1\x1f\n", {}, r"is '1\x1f', not a number", id="21-unit-separator"),
    pytest.param(
        "a;b\n1,5;2,5\n3,5;4,5\n",
        {},
        "';' separates the cells and commas are decimal marks; pass --sep ';' --decimal ','",
        id="22-decimal-comma",
    ),
    pytest.param("1,5;2,5\n3,5;4,5\n", {}, "pass --sep ';' --decimal ','", id="22-decimal-comma-no-header"),
    pytest.param(
        "a;b\n1,5;2\n",
        {"sep": ";"},
        "is '1,5', not a number; it looks as if commas are decimal marks; pass --decimal ','",
        id="22-decimal-comma-alone",
    ),
    pytest.param("a\n1.5\n", {"sep": ";", "decimal": ","}, "for a decimal point, leave it out", id="22-decimal-point"),
    pytest.param(
        'a,b\n"1,000",2\n',
        {},
        "is '1,000', not a number; if ',' stands between thousands, pass --thousands ,",
        id="23-thousands",
    ),
    pytest.param("a\tb\n1\t2\n", {}, r"'\t' separates the cells; pass --sep '\t'", id="24-tabs"),
    pytest.param("a b\n1 2\n", {}, "pass --sep whitespace", id="24-spaces"),
    pytest.param(
        "day,x\n2020-01-01,5\n",
        {},
        "looks like a date or a time; leave the column out with --drop day",
        id="25-date-column",
    ),
    pytest.param(
        "x,who is\n5,Ann\n",
        {},
        "is 'Ann', not a number; leave the column out with --drop 'who is'",
        id="25-text-column",
    ),
    pytest.param("x,who\n5,Ann\n", {"columns": ("who",)}, "take it out of --columns", id="25-text-column-chosen"),
    pytest.param("a\n" + "1\n" * 300_000 + "x\n", {}, "data.csv:300002: column 1 ('a') is 'x'", id="26-row-300001"),
    pytest.param(
        "# made by a logger\na,b\n1,2\n",
        {},
        "it looks as if '#' begins comments; pass --comment '#'",
        id="27-comment-first",
    ),
    pytest.param(
        "a,b\n1,2\n% 5\n",
        {},
        "data.csv:3: 1 field, expected 2 as in the first row; it looks as if '%' begins comments",
        id="27-comment-later",
    ),
    pytest.param("a\n1\n2\0\n", {}, "data.csv:3: a NUL byte", id="28-nul"),
    pytest.param("a,t\n1,x\n2,\0\n", {"columns": ("a",)}, "data.csv:3: a NUL byte", id="28-nul-in-a-column-left-out"),
    pytest.param(
        "a,b\n1," + "7" * 200_000,
        {},
        "data.csv:2: a cell of 200,000 characters, '" + "7" * 40 + "...'",
        id="29-huge-cell",
    ),
    pytest.param("a,b\n1," + "7" * 100_000, {}, "'" + "7" * 40 + "...', which overflows float64", id="29-large-cell"),
    pytest.param("7" * (17 << 20), {}, "a line of more than 16,777,216 characters", id="29-huge-line"),
    pytest.param(
        "a,b,a\n1,2,3\n",
        {},
        "columns 1,3 are all named 'a'; rename them, leave these out with --drop 3, or choose by place",
        id="30-duplicates",
    ),
    pytest.param(
        "a,b,a\n1,2,3\n", {"columns": ("a",)}, "2 columns are named 'a'; give the place", id="30-duplicate-chosen"
    ),
    pytest.param(
        "a,\x1b]0;hi\x07\u202eb\n1,x\n", {}, r"column 2 ('\x1b]0;hi\x07\u202eb') is 'x'", id="31-escapes-in-a-name"
    ),
    pytest.param('a,"x\n::error::y"\n1,z\n', {}, r"data.csv:3: column 2 ('x\n::error::y')", id="34-newline-in-a-name"),
    pytest.param("x[/red]<script>\ny\n", {}, "column 1 ('x[/red]<script>') is 'y'", id="32-33-markup-shown-as-it-is"),
    pytest.param(gzip.compress(b"a\n1\n"), {}, "is gzip data; rename it to end in .csv.gz", id="36-gzip-named-csv"),
    pytest.param(bz2.compress(b"a\n1\n"), {}, "is bzip2 data", id="36-bzip2-named-csv"),
    pytest.param(lzma.compress(b"a\n1\n"), {}, "is xz data", id="36-xz-named-csv"),
    pytest.param(b"PK\x03\x04rest", {}, "is a zip archive", id="36-zip-named-csv"),
    pytest.param(b"\x93NUMPY\1\0", {}, "is a numpy array; give it as a file that ends in .npy", id="36-npy-named-csv"),
    pytest.param(b"PAR1\0rest", {}, "is a Parquet file; rename it to end in .parquet", id="45-parquet-named-csv"),
    pytest.param("a,b\n1,\xe9\n".encode("latin-1"), {}, "data.csv:2: not UTF-8 text (byte 0xe9 at 6)", id="latin-1"),
    pytest.param(b"a\n1\n\xc3", {}, "data.csv:3: not UTF-8 text (byte 0xc3 at 4)", id="cut-in-a-character"),
    pytest.param("a,b\n", {}, "no data rows after the header on line 1", id="header-alone"),
    pytest.param("a,b\n1,2\n", {"columns": ("B",)}, "no column 'B' among 2; there are 'a', 'b'", id="unknown-column"),
    pytest.param("left,right\n1,2\n", {"columns": ("rihgt",)}, "did you mean 'right'", id="misspelt-column"),
    pytest.param("a,b\n1,2\n", {"drop": ("a", "b")}, "no column is left to read", id="all-dropped"),
    pytest.param("a,b\n1,2\n", {"columns": ("a", "1")}, "names a column twice", id="column-twice"),
    pytest.param(
        "id,x\nu,1\nv,2\nu,3\n",
        {"sequence_id": "id"},
        "data.csv:4: sequence 'u' began on line 2",
        id="sequence-returns",
    ),
    pytest.param(
        "id,x\nu,1\n,2\n", {"sequence_id": "id"}, "data.csv:3: column 1 ('id') is empty", id="sequence-unnamed"
    ),
    pytest.param(
        "id,x\nu,1\nv,\n",
        {"sequence_id": "id", "missing": "ffill"},
        "data.csv:3: column 2 ('x') is missing",
        id="nothing-carried-between-sequences",
    ),
    pytest.param("a\n1\n2\n", {"window": 3}, "2 rows, too few for a window of 3", id="window-too-long"),
    pytest.param(
        "a\n1e308\n-1e308\n", {"normalize": "standard"}, "column 'a' spreads over more than float64", id="spread"
    ),
    pytest.param(
        "a\n1e308\n-1e308\n", {"normalize": "minmax"}, "column 'a' spreads over more than float64", id="range"
    ),
]


@pytest.mark.parametrize(("content", "options", "message"), REFUSED)
def test_a_bad_file_is_refused_with_what_where_and_the_way_out(
    write_data: Any, refusal: Any, content: str | bytes, options: dict[str, Any], message: str
) -> None:
    text = refusal(write_data(content), **options)
    assert message in text
    assert text.startswith("data.csv")
    assert text.isprintable()
    assert len(text) < 250


ACCEPTED: list[Any] = [
    pytest.param("1", {"header": False}, [[1]], id="03-one-number"),
    pytest.param("1,2\n3,4\n", {}, [[1, 2], [3, 4]], id="04-no-header"),
    pytest.param("1,2\n3,4\n", {"header": True}, [[3, 4]], id="04-header-of-numbers"),
    pytest.param(b"\xef\xbb\xbf1\n2\n", {}, [[1], [2]], id="05-utf-8-mark"),
    pytest.param(b"\xef\xbb\xbf1\n2\n", {"encoding": "utf8"}, [[1], [2]], id="05-utf-8-mark-encoding-given"),
    pytest.param("a\n1\n2\n".encode("utf-16"), {"encoding": "utf-16"}, [[1], [2]], id="06-utf-16"),
    pytest.param("a\r\n1\n2\r3\n", {}, [[1], [2], [3]], id="08-mixed-line-ends"),
    pytest.param('a,b\n"1"," 2.5"\n3, "4"\n', {}, [[1, 2.5], [3, 4]], id="09-quoted-numbers"),
    pytest.param('"a,\nb",c\n1,2\n', {}, [[1, 2]], id="10-comma-and-newline-in-header"),
    pytest.param("a,b,\n1,2,\n3,4,\n", {"columns": ("a", "b")}, [[1, 2], [3, 4]], id="13-trailing-comma-left-out"),
    pytest.param("a\n1\n2\n\n \n", {}, [[1], [2]], id="14-blank-at-end"),
    pytest.param("\na\n1\n\n2\n", {"skip_blank": True}, [[1], [2]], id="14-blank-skipped"),
    pytest.param("a,b\n1,2\n,4\n5,NA\n", {"missing": "zero"}, [[1, 2], [0, 4], [5, 0]], id="15-zero"),
    pytest.param("a,b\n1,2\n,4\n5,NA\n", {"missing": "drop-row"}, [[1, 2]], id="15-drop-row"),
    pytest.param("a,b\n1,2\n,4\n5,NA\n", {"missing": "ffill"}, [[1, 2], [1, 4], [5, 4]], id="15-ffill"),
    pytest.param("a\n1\nnan\n", {"missing": "ffill"}, [[1], [1]], id="16-nan-is-missing"),
    pytest.param("a\n1\nNaN\n-inf\n", {"allow_nonfinite": True}, [[1], [np.nan], [-np.inf]], id="16-allowed"),
    pytest.param("a\n1e-400\n4e-320\n", {}, [[0], [4e-320]], id="18-underflow"),
    pytest.param("a;b\n1,5;-2,5e1\n", {"sep": ";", "decimal": ","}, [[1.5, -25]], id="22-decimal-comma"),
    pytest.param("a\tb\n1\t2\n", {"sep": "\\t"}, [[1, 2]], id="24-tabs"),
    pytest.param("day,x\n2020-01-01,5\n2020-01-02,6\n", {"drop": ("day",)}, [[5], [6]], id="25-dropped"),
    pytest.param("day,x,y\nmon,5,6\n", {"columns": ("y", "2")}, [[6, 5]], id="25-chosen-in-this-order"),
    pytest.param("# c\na\n1\n # c\n2\n", {"comment": "#"}, [[1], [2]], id="27-comments"),
    pytest.param("a,b,a\n1,2,3\n", {"columns": ("1", "3")}, [[1, 3]], id="30-duplicates-by-place"),
    pytest.param("\xe9\n1\n".encode("latin-1"), {"encoding": "latin-1"}, [[1]], id="latin-1"),
    pytest.param("a,b\n+1.,.5\n -1e+2 ,\t007\n", {}, [[1, 0.5], [-100, 7]], id="all-of-the-grammar"),
]


@pytest.mark.parametrize(("content", "options", "expected"), ACCEPTED)
def test_an_unusual_file_is_read_as_it_was_meant(
    write_data: Any, read_data: Any, content: str | bytes, options: dict[str, Any], expected: list[list[float]]
) -> None:
    x = read_data(write_data(content), **options)
    np.testing.assert_array_equal(x, np.array(expected, dtype=float)[:, None, :], strict=True)
