"""The shapes in which people publish tables, and the options that read them."""

from collections.abc import Callable
from typing import Any

import pytest

from rnncheck.data.open import FileOptions
from rnncheck.errors import UsageError

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
    pytest.param("a,b\n1,2\n\nsource: me\n", {"last_row": 2}, [[1, 2]], id="a footer"),
    pytest.param("a,b\n$1,2%\n-$3.5,$-4\n", {"strip": "$%"}, [[1, 2], [-3.5, -4]], id="signs"),
    pytest.param('a,b\n"1,5",2\n', {"sep": ",", "decimal": ","}, [[1.5, 2]], id="decimal commas in quotes"),
    pytest.param(
        ",1,2\nx,3,4\n", {"drop": ("#1",), "header": True}, [[3, 4]], id="a place where a column has its number as name"
    ),
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
    pytest.param("a\n1$2\n", {"strip": "$"}, "is '1$2', not a number", id="a sign within"),
    pytest.param("a,b\n1,5\n2,5,3\n", {"sep": ",", "decimal": ","}, "3 fields", id="decimal commas without quotes"),
    pytest.param("a,b\n1,2\n", {"header_row": 9}, "has no line 9 with cells", id="no such line"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "options", "said"), REFUSED)
def test_it_is_refused(write_data: Any, refusal: Any, content: str, options: dict[str, Any], said: str) -> None:
    assert said in refusal(write_data(content), **options)


@pytest.mark.parametrize(
    "options",
    [
        {"header_row": 0},
        {"header_row": 2, "data_row": 2},
        {"header_row": 1, "header": False},
        {"thousands": "."},
        {"strip": "("},
        {"strip": "k"},
        {"last_row": 2, "header_row": 2},
    ],
    ids=str,
)
def test_options_that_contradict_each_other_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        FileOptions(**options)


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
