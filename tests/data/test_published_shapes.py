"""The shapes in which people publish tables: each error's first suggestion leads to a file that reads."""

import re
import shlex
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rnncheck.data.open import FileOptions, open_data
from rnncheck.errors import DataError, UsageError

READ: list[Any] = [
    pytest.param("a,b\n1,?\n2,3\n", {"na": ("?",), "missing": "drop-row"}, [[2, 3]], id="a marker"),
    pytest.param("a,b\n1,-200\n2,3\n", {"na": ("-200",), "missing": "drop-row"}, [[2, 3]], id="a number as marker"),
    pytest.param("a,b\n1,-200.0\n2,3\n", {"na": ("-200",), "missing": "zero"}, [[1, 0], [2, 3]], id="by its value"),
    pytest.param("a,b\n1,9\n2,ND\n", {"na": ("x", "nd"), "missing": "ffill"}, [[1, 9], [2, 9]], id="in either case"),
    pytest.param("made by\na logger, 2020\nx,y\n1,2\n", {"header_row": 3}, [[1, 2]], id="a preamble"),
    pytest.param("x,y\nm/s,K\n1,2\n", {"header_row": 1, "data_row": 3}, [[1, 2]], id="a row of units"),
    pytest.param("made by a logger\n\n1,2\n3,4\n", {"data_row": 3, "header": False}, [[1, 2], [3, 4]], id="no header"),
    pytest.param("a  b\tc\n 1   2  3\n4 5\t6 \n", {"sep": "whitespace"}, [[1, 2, 3], [4, 5, 6]], id="runs of blanks"),
    pytest.param("a b\n1  2\n", {"sep": "whitespace", "columns": ("b",)}, [[2]], id="a column of runs"),
    pytest.param('a,b\n"1,234",2\n"-1,234,567.5",3\n', {"thousands": ","}, [[1234, 2], [-1234567.5, 3]], id="quoted"),
    pytest.param("a;b\n1.234;2\n", {"thousands": ".", "decimal": ",", "sep": ";"}, [[1234, 2]], id="points"),
    pytest.param("t,a\n2020-01-01,1\n2020-01-02,2\n", {"index": "t"}, [[1], [2]], id="dates that rise"),
    pytest.param("t,a\n1,1\n2.5,2\n", {"index": "t"}, [[1], [2]], id="numbers that rise"),
    pytest.param(
        "s,t,a\nx,1,1\nx,2,2\ny,1,3\n", {"index": "t", "sequence_id": "s"}, [[1, 3], [2, 0]], id="within a sequence"
    ),
]


@pytest.mark.parametrize(("content", "options", "expected"), READ)
def test_it_is_read(write_data: Any, read_data: Any, content: str, options: dict[str, Any], expected: Any) -> None:
    x = read_data(write_data(content), **options)
    assert x.reshape(len(x), -1).tolist() == expected


REFUSED: list[Any] = [
    pytest.param("a,b\n1,?\n2,3\n", {"na": ("?",)}, "is '?', a missing value", id="a marker is missing"),
    pytest.param('a\n"1,23"\n', {"thousands": ","}, "is '1,23', not a number", id="no group of three"),
    pytest.param('a\n"12345,678"\n', {"thousands": ","}, "not a number", id="no mark where there should be one"),
    pytest.param("t,a\n2,1\n2,2\n", {"index": "t"}, "column 1 ('t') is '2' after '2': it does not rise", id="equal"),
    pytest.param("t,a\n01/02/2020,1\n", {"index": "t"}, "so its order cannot be checked; pass --drop t", id="no order"),
    pytest.param("t,a\n1,1\n2020-01-01,1\n", {"index": "t"}, "data.csv:3", id="two kinds"),
    pytest.param("a,b\n1,2\n", {"header_row": 9}, "has no line 9 with cells", id="no such line"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "options", "said"), REFUSED)
def test_it_is_refused(write_data: Any, refusal: Any, content: str, options: dict[str, Any], said: str) -> None:
    assert said in refusal(write_data(content), **options)


@pytest.mark.parametrize(
    "options",
    [{"header_row": 0}, {"header_row": 2, "data_row": 2}, {"header_row": 1, "header": False}, {"thousands": "."}],
    ids=str,
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        FileOptions(**options)


FOUND = [
    pytest.param("a,b\n1,2\n3,?\n5,6\n", id="a mark for missing values"),
    pytest.param("a,b\n1,2\n3,invalid\n5,6\n", id="a word for missing values"),
    pytest.param("site,name,a\nx,y,1\nx,z,2\n", id="columns of text"),
    pytest.param("t;a\n2020-01-01;1,5\n2020-01-02;2,5\n", id="dates, semicolons and decimal commas"),
    pytest.param("exported from a logger\na,b\n1,2\n3,4\n", id="a preamble"),
    pytest.param("a,b\nm/s,K\n1,2\n3,4\n", id="a row of units"),
    pytest.param("a    b  c\n1  2      3\n4   5    6\n", id="aligned by blanks"),
    pytest.param('a,b\n"1,234",2\n"5,678",3\n', id="thousands"),
    pytest.param("# made by\na,b\n1,2\n", id="a comment"),
    pytest.param("# by\nt;a;b\n;C;%\n2020-01-01;1,200;?\n2020-01-02;1,300;4\n", id="a comment, units, dates, decimals"),
    pytest.param("5.1,3.5,iris\n4.9,3.0,iris\n4.7,3.2,rose\n", id="no header, and a label"),
    pytest.param("1,0,1,g\n2,1,0.5,b\n3,1,0.7,g\n", id="no header, a label, and a number twice"),
]
WITHOUT_HEADER = ("no header, and a label", "no header, a label, and a number twice")
FLAGS = {"no_header", "sep", "decimal", "na", "missing", "drop", "comment", "header_row", "data_row", "thousands"}


@pytest.mark.parametrize("content", FOUND)
def test_following_the_first_suggestion_each_time_leads_to_numbers(write_data: Any, content: str) -> None:
    path, options = write_data(content), {}
    for _ in range(6):
        try:
            x = np.concatenate(list(open_data(path, FileOptions(**options)).chunks(9)))
        except DataError as problem:
            options |= suggested(str(problem))
            continue
        assert x.shape[2] >= 1
        assert np.isfinite(x).all()
        return
    pytest.fail(f"no end: {options}")


@pytest.mark.parametrize("content", [each for each in FOUND if each.id in WITHOUT_HEADER])
def test_no_row_is_lost_where_the_first_is_data(write_data: Any, content: str) -> None:
    path, options = write_data(content), {}
    while "header" not in options:
        with pytest.raises(DataError) as raised:
            open_data(path, FileOptions(**options))
        options |= suggested(str(raised.value))
    last = content.splitlines()[0].count(",") + 1
    x = open_data(path, FileOptions(header=False, drop=(str(last),)))
    assert len(np.concatenate(list(x.chunks(9)))) == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("year,1990,1991\nUSA,1,2\nUK,3,4\n", "leave the column out with --drop year"),
        ("a,b\nx,y\nz,w\n", "every column holds text"),
    ],
)
def test_a_header_stays_one_where_no_text_of_it_comes_again(
    write_data: Any, refusal: Callable[..., str], content: str, said: str
) -> None:
    assert said in refusal(write_data(content))


def test_without_a_header_columns_are_named_by_place(write_data: Any, refusal: Callable[..., str]) -> None:
    said = "the file has no header (the first row is all numbers), so a column is named by its place, from 1 to 2"
    for options in ({"drop": ("3",)}, {"columns": ("a",)}):
        assert said in refusal(write_data("1.5,2\n3,4\n"), **options)


def suggested(message: str) -> dict[str, Any]:
    """The options of the first suggestion of an error."""
    advice = message.split("; ", 1)[1].split("; else")[0].split(" or --data-row")[0].split(" or, if")[0]
    words, found = shlex.split(advice.replace(", zero or ffill", "")), {}
    for flag, value in zip(words, [*words[1:], ""], strict=True):
        name = flag.removeprefix("--").replace("-", "_")
        if flag.startswith("--") and name in FLAGS:
            read: Any = value.rstrip(",;")
            if name in ("drop", "na"):
                read = tuple(value.split(","))
            elif name.endswith("_row"):
                read = int(re.sub(r"\D", "", value))
            elif name in ("sep", "decimal", "thousands"):
                read = value
            found |= {"header": False} if name == "no_header" else {name: read}
    assert found, message
    return found


def test_parquet_and_arrow_are_read_in_batches(write_data: Any, read_data: Any, refusal: Callable[..., str]) -> None:
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'rnncheck[parquet]'")
    from pyarrow import feather, parquet

    write_data("")
    table = pa.table({"day": ["x", "y", "z"], "a": [1, 2, 3], "b": [0.5, None, 2.5]})
    parquet.write_table(table, "t.parquet")
    feather.write_feather(table, "t.arrow", compression="uncompressed")
    for name in ("t.parquet", "t.arrow"):
        assert read_data(name, columns=("a",))[:, 0].tolist() == [[1], [2], [3]]
        assert read_data(name, drop=("day",), missing="drop-row")[:, 0].tolist() == [[1, 0.5], [3, 2.5]]
        assert read_data(name, columns=("b",), missing="ffill")[:, 0].tolist() == [[0.5], [0.5], [2.5]]
        assert "column 1 ('day') is string, not a number; leave such columns out with --drop day" in refusal(name)
        assert "row 2, column 3 ('b') is nan: missing or not finite; pass --missing" in refusal(name, drop=("day",))
    with pytest.raises(UsageError, match="--sep is for text files"):
        read_data("t.parquet", sep=";")
    write_data(b"PAR1 and no more", "u.parquet")
    assert "is not a complete .parquet file" in refusal("u.parquet")
