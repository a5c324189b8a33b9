"""Parquet and Arrow: files and streams, the kinds of their columns, and an index."""

import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from rnncheck.errors import UsageError

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'rnncheck[parquet]'")


def test_parquet_and_arrow_are_read_in_batches(write_data: Any, read_data: Any, refusal: Callable[..., str]) -> None:
    from pyarrow import feather, parquet

    write_data("")
    table = pa.table({"day": ["x", "y", "z"], "a": [1, 2, 3], "b": [0.5, None, 2.5]})
    parquet.write_table(table, "t.parquet")
    feather.write_feather(table, "t.arrow", compression="uncompressed")
    with pa.ipc.new_stream("s.arrow", table.schema) as stream:
        stream.write_table(table)
    for name in ("t.parquet", "t.arrow", "s.arrow"):
        assert read_data(name, columns=("a",))[:, 0].tolist() == [[1], [2], [3]]
        assert read_data(name, drop=("day",), missing="drop-row")[:, 0].tolist() == [[1, 0.5], [3, 2.5]]
        assert read_data(name, columns=("b",), missing="ffill")[:, 0].tolist() == [[0.5], [0.5], [2.5]]
        assert "column 1 ('day') is string, not a number; leave such columns out with --drop day" in refusal(name)
        assert "row 2, column 3 ('b') is nan: missing or not finite; pass --missing" in refusal(name, drop=("day",))
    with pytest.raises(UsageError, match="--sep is for text files"):
        read_data("t.parquet", sep=";")
    write_data(b"PAR1 and no more", "u.parquet")
    assert "is not a complete .parquet file" in refusal("u.parquet")


HOURS = [datetime.datetime(2020, 1, 1, hour) for hour in (0, 1, 2)]


def written(columns: dict[str, Any], name: str = "t.parquet") -> str:
    from pyarrow import parquet

    parquet.write_table(pa.table(columns), name, row_group_size=2)
    return name


def test_every_kind_of_number_is_read(write_data: Any, read_data: Any) -> None:
    write_data("")
    columns = {
        "half": pa.array([1, 2, 3], pa.float32()).cast(pa.float16()),
        "decimal": pa.array([Decimal("1.5"), Decimal(2), Decimal(3)], pa.decimal128(10, 2)),
        "flag": [True, False, True],
        "large": pa.array([2**63 + 1, 2, 3], pa.uint64()),
        "coded": pa.array([7, 8, 7]).dictionary_encode(),
    }
    x = read_data(written(columns))[:, 0]
    assert x.tolist() == [[1, 1.5, 1, 2.0**63, 7], [2, 2, 0, 2, 8], [3, 3, 1, 3, 7]]


@pytest.mark.parametrize(
    "index",
    [
        HOURS,
        [each.date() + datetime.timedelta(each.hour) for each in HOURS],
        [each.time() for each in HOURS],
        [1, 2, 3],
        [0.5, 1.5, 2.5],
        pa.array([2**53, 2**53 + 1, 2**53 + 2]),
    ],
    ids=["timestamps", "dates", "times", "whole", "real", "large"],
)
def test_an_index_must_rise(index: Any, write_data: Any, read_data: Any, refusal: Callable[..., str]) -> None:
    write_data("")
    assert read_data(written({"t": index, "a": [1, 2, 3]}), index="t")[:, 0].tolist() == [[1], [2], [3]]
    for order, row in (([0, 2, 1], 3), ([0, 0, 1], 2)):
        written({"t": pa.array(index).take(pa.array(order)), "a": [1, 2, 3]})
        said = refusal("t.parquet", index="t")
        assert f"in row {row}: it does not rise; sort the rows, or pass --drop t instead of --index" in said


def test_what_is_no_number_is_named_with_the_option_that_leaves_it_out(
    write_data: Any, read_data: Any, refusal: Callable[..., str]
) -> None:
    write_data("")
    coded = pa.array(["u", "v", "u"]).dictionary_encode()
    columns = {"t": HOURS, "s": coded, "none": pa.nulls(3), "l": [[1]] * 3, "a": [1, 2, 3]}
    said = refusal(written(columns))
    assert "column 1 ('t') is timestamp[us], not a number; leave such columns out with --drop t,s,none,l" in said
    assert said.endswith("with --index t instead, that one is checked to rise")
    assert read_data("t.parquet", drop=("s", "none", "l"), index="t")[:, 0].tolist() == [[1], [2], [3]]
    assert "as in --columns a" in refusal("t.parquet", columns=("a", "s"))
    assert "is string, neither a number nor a date" in refusal("t.parquet", columns=("a",), index="s")
    assert "no column holds numbers" in refusal("t.parquet", columns=(), drop=("a",))
    written({"t": [1, None, 3], "a": [1, 2, 3]})
    assert "is missing in row 2, so its order cannot be checked" in refusal("t.parquet", index="t")


def test_another_content_than_the_suffix_says_is_named(write_data: Any, refusal: Callable[..., str]) -> None:
    assert "is text; rename it to end in .csv" in refusal(write_data("a,b\n1,2\n", "t.parquet"))
    assert "is gzip data" in refusal(write_data(b"\x1f\x8b\0", "t.arrow"))
    write_data("")
    assert "is a Parquet file; rename it to end in .parquet" in refusal(written({"a": [1]}, "t.feather"))
