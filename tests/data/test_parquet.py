"""Parquet files, and Arrow files of both formats: what is read, in which order, and what is refused."""

import datetime
import random
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnncheck.errors import CannotRun, UsageError

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'rnncheck[parquet]'")

FORMATS = ("t.parquet", "t.arrow", "t.arrows")
DAYS = [datetime.datetime(2020, 1, day) for day in (1, 2, 3)]


@pytest.fixture(params=FORMATS)
def write(request: Any, write_data: Any) -> Callable[..., str]:
    """Writes columns as a file of each format, two rows in a batch, and gives its name."""
    write_data("")

    def in_format(columns: dict[str, Any] | Any) -> str:
        write_table(pa.table(columns) if isinstance(columns, dict) else columns, request.param)
        return str(request.param)

    return in_format


def write_table(table: Any, name: str) -> None:
    from pyarrow import ipc, parquet

    if name.endswith(".parquet"):
        parquet.write_table(table, name, row_group_size=2)
        return
    new = ipc.new_stream if name.endswith(".arrows") else ipc.new_file
    with new(name, table.schema) as writer:
        for batch in table.to_batches(max_chunksize=2):
            writer.write_batch(batch)


def test_columns_are_read_by_name_in_the_order_asked_for(write: Any, read_data: Any) -> None:
    name = write({"day": ["x", "y", "z"], "a": [1, 2, 3], "b": [0.5, None, 2.5]})
    assert read_data(name, columns=("a",))[:, 0].tolist() == [[1], [2], [3]]
    assert read_data(name, columns=("b", "a"), missing="zero")[:, 0].tolist() == [[0.5, 1], [0, 2], [2.5, 3]]


def test_missing_values_become_what_is_asked_for(write: Any, read_data: Any, refusal: Any) -> None:
    name = write({"a": [1.0, None, 3.0, None], "b": [0.5, 1.5, float("nan"), 2.5]})
    assert read_data(name, missing="drop-row")[:, 0].tolist() == [[1, 0.5]]
    assert read_data(name, missing="zero")[:, 0].tolist() == [[1, 0.5], [0, 1.5], [3, 0], [0, 2.5]]
    assert read_data(name, missing="ffill")[:, 0].tolist() == [[1, 0.5], [1, 1.5], [3, 1.5], [3, 2.5]]
    assert refusal(name).endswith(
        "row 2, column 1 ('a') is null, a missing value; pass --missing drop-row, zero or ffill"
    )
    assert "row 3, column 2 ('b') is nan, which counts as missing; pass --missing" in refusal(name, columns=("b",))


def test_a_null_is_never_a_number_where_nan_is_one(write: Any, read_data: Any, refusal: Any) -> None:
    name = write({"a": [1.0, None], "b": [float("nan"), float("inf")]})
    assert "row 2, column 1 ('a') is null" in refusal(name, allow_nonfinite=True)
    x = read_data(name, allow_nonfinite=True, missing="zero")[:, 0]
    np.testing.assert_array_equal(x, [[1, np.nan], [0, np.inf]])
    assert "row 2, column 2 ('b') is inf, not a finite number; if it stands" in refusal(name)
    assert read_data(name, na=("inf", "-inf"), missing="zero")[:, 0].tolist() == [[1, 0], [0, 0]]


def test_a_number_can_stand_for_a_missing_value(write: Any, read_data: Any, refusal: Any) -> None:
    name = write({"a": [1.0, -200.0], "b": [1, 2]})
    assert read_data(name, na=("-200",), missing="ffill")[:, 0].tolist() == [[1, 1], [1, 2]]
    assert "row 2, column 1 ('a') is -200, a missing value" in refusal(name, na=("-200",))
    with pytest.raises(UsageError, match=r"--na \?: t\..* holds numbers"):
        read_data(name, na=("?",))


def test_nothing_is_carried_into_the_first_row(write: Any, refusal: Any) -> None:
    said = refusal(write({"a": [None, 1.0]}), missing="ffill")
    assert "row 1, column 1 ('a') is null, missing, and --missing ffill has no earlier value" in said


def test_the_row_of_a_gap_is_counted_in_the_file(write: Any, refusal: Any) -> None:
    name = write({"a": [1.0, None, 2.0, float("inf")]})
    assert "row 4, column 1 ('a') is inf" in refusal(name, missing="drop-row")


def test_every_type_of_number_is_read_as_the_nearest_float64(write: Any, read_data: Any) -> None:
    columns = {
        "half": pa.array(np.array([1.5, -2], np.float16)),
        "whole": pa.array([2**53 + 1, -(2**63)]),
        "unsigned": pa.array([2**64 - 1, 0], pa.uint64()),
        "truth": pa.array([True, False]),
        "money": pa.array([Decimal("0.10"), Decimal("-3.25")], pa.decimal128(38, 2)),
        "wide": pa.array([Decimal("12345678901234567890.5"), Decimal("1")], pa.decimal256(60, 1)),
        "again": pa.array([1.5, 2.5]).dictionary_encode(),
    }
    assert read_data(write(columns))[:, 0].T.tolist() == [
        [1.5, -2],
        [2.0**53, -(2.0**63)],
        [2.0**64, 0],
        [1, 0],
        [0.1, -3.25],
        [12345678901234567890.5, 1],
        [1.5, 2.5],
    ]


def test_decimals_are_as_exact_as_those_of_text(write: Any, read_data: Any) -> None:
    drawn = random.Random(0)
    numbers = [Decimal(drawn.randrange(-(10**9), 10**9)).scaleb(-3) for _ in range(500)]
    x = read_data(write({"a": pa.array(numbers, pa.decimal128(12, 3))}))
    assert x.ravel().tolist() == [float(str(each)) for each in numbers]


REFUSED: list[Any] = [
    pytest.param(["x", "y"], "string, not a number; leave it out with --drop c", id="text"),
    pytest.param(
        pa.array(["x", "y"]).dictionary_encode(),
        "dictionary<values=string, indices=int32, ordered=0>, not a number; leave it out with --drop c",
        id="categories",
    ),
    pytest.param(
        DAYS[:2],
        "timestamp[us], not a number but a date or a time; leave it out with --drop c, or check that it rises with "
        "--index c",
        id="times",
    ),
    pytest.param([None, None], "null, so it has no value; leave it out with --drop c", id="no value"),
    pytest.param(
        [[1.0], [2.0]],
        "several values in one cell, not a number; leave it out with --drop c",
        id="lists",
    ),
    pytest.param([b"1", b"2"], "binary, not a number; leave it out with --drop c", id="bytes"),
]


@pytest.mark.parametrize(("column", "said"), REFUSED)
def test_a_column_without_numbers_is_named_with_what_reads_the_file(
    write_data: Any, read_data: Any, refusal: Any, column: Any, said: str
) -> None:
    write_data("")
    write_table(pa.table({"c": column, "a": [1, 2]}), "t.parquet")
    refused = refusal("t.parquet")
    assert refused.startswith("t.parquet: column 1 ('c') is ")
    assert said in refused
    for option in ("drop", "index"):
        if f"--{option} c" in refused:
            given = "c" if option == "index" else ("c",)
            assert read_data("t.parquet", **{option: given})[:, 0].tolist() == [[1], [2]]


def test_all_columns_without_numbers_are_left_out_at_once(write: Any, read_data: Any, refusal: Any) -> None:
    name = write({"day": DAYS, "who": ["x", "y", "z"], "a": [1, 2, 3]})
    said = "leave such columns out with --drop day,who, or check that it rises with --index day --drop who"
    assert said in refusal(name)
    assert read_data(name, index="day", drop=("who",)).ravel().tolist() == [1, 2, 3]
    assert "take it out of --columns, as in --columns a" in refusal(name, columns=("who", "a"))
    assert "no other column is left, so write it as numbers" in refusal(name, columns=("who",))


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ([DAYS[0], DAYS[2], DAYS[1]], "row 3, column 1 ('t') is '2020-01-02 00:00:00' after '2020-01-03 00:00:00'"),
        ([1, 2, 2], "row 3, column 1 ('t') is '2' after '2': it does not rise; sort the rows, or pass --drop t"),
        ([1.0, float("nan"), 3.0], "row 2, column 1 ('t') has no value"),
        ([1, None, 3], "row 2, column 1 ('t') has no value"),
        (["2020-01-01", "2020-01-03", "2020-01-02"], "is '2020-01-02' after '2020-01-03'"),
        ([[1], [2], [3]], "which has no order; pass --drop t instead of --index"),
    ],
)
def test_an_index_that_does_not_rise_is_refused(
    write: Any, read_data: Any, refusal: Any, column: Any, said: str
) -> None:
    name = write({"t": column, "a": [1, 2, 3]})
    assert said in refusal(name, index="t")
    assert read_data(name, drop=("t",)).ravel().tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "column",
    [
        DAYS,
        [each.date() for each in DAYS],
        [datetime.time(each) for each in (1, 2, 3)],
        [0.5, 1.5, 2.5],
        [2**62, 2**62 + 1, 2**62 + 2],
        ["2020-01-01", "2020-01-02", "2020-01-03"],
        pa.array(["2020-01-01", "2020-01-02", "2020-01-03"]).dictionary_encode(),
    ],
    ids=["times", "days", "hours", "reals", "large numbers", "text", "dictionary"],
)
def test_an_index_that_rises_is_no_input(write: Any, read_data: Any, column: Any) -> None:
    assert read_data(write({"t": column, "a": [1, 2, 3]}), index="t").ravel().tolist() == [1, 2, 3]


def test_columns_of_one_name_are_told_apart_by_place(write: Any, read_data: Any, refusal: Any) -> None:
    name = write(pa.table([[1, 2], [3, 4], [5, 6]], names=["a", "b", "a"]))
    assert "columns 1,3 are all named 'a'" in refusal(name)
    assert read_data(name, columns=("3", "2"))[:, 0].tolist() == [[5, 3], [6, 4]]


def test_the_content_decides_whatever_the_suffix_says(write_data: Any, read_data: Any, refusal: Any) -> None:
    write_data("")
    for suffix in FORMATS:
        write_table(pa.table({"a": [1, 2]}), suffix)
    write_data(Path("t.arrows").read_bytes(), "x.parquet")
    write_data(Path("t.parquet").read_bytes(), "x.feather")
    assert read_data("x.parquet").tolist() == read_data("x.feather").tolist() == [[[1]], [[2]]]
    for content, said in {
        b"PAR1\0 and no more": "is not a complete .parquet file",
        b"": "is empty (0 bytes)",
        b"a,b\n1,2\n": "is text; rename it to end in .csv",
        b"\x1f\x8b\0": "is gzip data",
        b"\x93NUMPY\1\0": "is a numpy array; give it as a file that ends in .npy",
        b"\0\1\2\3": "is neither Parquet nor Arrow, or is damaged",
    }.items():
        write_data(content, "u.parquet")
        assert said in refusal("u.parquet")


@pytest.mark.parametrize("format_of", FORMATS)
def test_a_file_that_is_cut_short_is_refused(write_data: Any, refusal: Any, format_of: str) -> None:
    write_data("")
    write_table(pa.table({"a": list(range(999))}), format_of)
    content = Path(format_of).read_bytes()
    for length in (8, 100, len(content) // 2, len(content) - 20):
        write_data(content[:length], format_of)
        assert "write it again" in refusal(format_of)


def test_options_for_text_are_refused(write: Any, read_data: Any) -> None:
    with pytest.raises(UsageError, match="--sep is for text files"):
        read_data(write({"a": [1]}), sep=";")


def test_a_broken_pyarrow_is_said_to_be_broken(
    write_data: Any, read_data: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_data(b"PAR1", "t.parquet")
    monkeypatch.setattr("rnncheck.extras.find_spec", lambda name: None)
    with pytest.raises(CannotRun, match=r"needs pyarrow, which is not installed: pip install 'rnncheck\[parquet\]'"):
        read_data("t.parquet")
    monkeypatch.undo()


def test_a_table_without_rows_is_refused(write: Any, refusal: Any) -> None:
    assert "has no rows" in refusal(write({"a": pa.array([], pa.float64())}))
    assert "no row is left; all 1 have a missing value" in refusal(
        write({"a": pa.array([None], pa.float64())}), missing="drop-row"
    )
