"""What a text file becomes: chunks of the asked length, the same on every reading, and facts and notes about it."""

import bz2
import gzip
import io
import lzma
import os
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnncheck.data.open import FileOptions, open_data
from rnncheck.errors import DataError


def test_every_chunk_but_the_last_has_the_steps_asked_for(write_data: Any) -> None:
    rows = np.arange(30_000.0).reshape(10_000, 3)
    path = write_data("a,b,c\n" + "".join(f"{a:.0f},{b:.0f},{c:.0f}\n" for a, b, c in rows))
    sequences = open_data(path, FileOptions())
    for steps in (1, 7, 4096, 10_000, 99_999):
        chunks = list(sequences.chunks(steps))
        assert [len(chunk) for chunk in chunks[:-1]] == [steps] * (len(chunks) - 1)
        np.testing.assert_array_equal(np.concatenate(chunks), rows[:, None, :], strict=True)


def test_two_readings_at_once_do_not_disturb_each_other(write_data: Any) -> None:
    sequences = open_data(write_data("a\n1\n\n2\nNA\n3\n"), FileOptions(skip_blank=True, missing="ffill"))
    pairs = list(zip(sequences.chunks(2), sequences.chunks(2), strict=True))
    for first, second in pairs:
        np.testing.assert_array_equal(first, second, strict=True)
    assert sequences.notes[1:] == ["1 missing value filled (--missing ffill)"]


def test_the_facts_say_how_the_file_was_read(write_data: Any) -> None:
    path = write_data("day,x,y\nmon,1,2\ntue,,4\nwed,5,1e-400\n")
    sequences = open_data(path, FileOptions(drop=("day",), missing="drop-row"))
    assert (sequences.input_size, sequences.batch_size, sequences.seq_len) == (2, 1, None)
    assert sequences.source == {
        "source": "csv",
        "path": "data.csv",
        "columns": ["x", "y"],
        "header": True,
        "header_chosen": "'day' in the first row is not a number",
        "sep": ",",
        "decimal": ".",
        "encoding": "utf-8",
        "missing": "drop-row",
        "allow_nonfinite": False,
    }
    list(sequences.chunks(10))
    counts = {"rows": 2, "rows_dropped": 1, "cells_filled": 0, "cells_underflowed": 1}
    assert {name: sequences.source[name] for name in counts} == counts
    assert sequences.notes == [
        "header: 'day' in the first row is not a number",
        "1 row with a missing value left out (--missing drop-row)",
        "underflow to 0 in 1 cell",
    ]


@pytest.mark.parametrize(
    ("content", "note"),
    [
        ("1\n2\n", "no header: the first row is all numbers"),
        ("x\n2\n", "header: 'x' in the first row is not a number"),
        (
            "x,1\n2,3\n",
            "header: 'x' in the first row is not a number (others are: if the row is data, pass --no-header)",
        ),
    ],
)
def test_a_guess_about_the_header_is_said(write_data: Any, content: str, note: str) -> None:
    assert open_data(write_data(content), FileOptions()).notes == [note]
    assert open_data(write_data(content), FileOptions(header=True)).notes == []


def test_the_values_before_a_block_are_carried_into_it(write_data: Any, read_data: Any) -> None:
    content = "a\n" + "7\n" * 40_000 + '""\n' * 40_000 + "8\n"
    x = read_data(write_data(content), missing="ffill")
    np.testing.assert_array_equal(x[:, 0, 0], [7.0] * 80_000 + [8.0])


@pytest.mark.parametrize(
    ("content", "line"),
    [
        pytest.param('"a\nname",b\n1,2\n3,x\n', 4, id="after-a-header-of-two-lines"),
        pytest.param('a,b\n"p\nq",1\n"r\ns",x\n', 4, id="after-quoted-newlines"),
        pytest.param("# c\na,b\n# c\n1,2\n# c\n3,x\n", 6, id="after-comments"),
        pytest.param("a,b\n\n1,2\n\n\n3,x\n", 6, id="after-blank-lines"),
        pytest.param("a,b\r\n1,2\r3,4\n3,x\n", 4, id="after-mixed-line-ends"),
        pytest.param(
            "a,b\n" + "1,2\n" * 50_000 + '"p\nq",2\n' + "# c\n\n1,2\n" * 50_000 + "3,x\n", 200_004, id="far-on"
        ),
    ],
)
def test_a_fault_is_told_by_the_line_an_editor_shows(write_data: Any, refusal: Any, content: str, line: int) -> None:
    message = refusal(write_data(content), columns=("2",), comment="#", skip_blank=True)
    assert message.startswith(f"data.csv:{line}: column 2 ")


def test_a_quoted_cell_may_cross_the_end_of_a_block(write_data: Any, read_data: Any) -> None:
    cell = '"' + "x\n" * 30_000 + '"'
    x = read_data(write_data("t,v\n" + "".join(f"{cell},{v}\n" for v in range(9))), columns=("v",))
    np.testing.assert_array_equal(x[:, 0, 0], np.arange(9.0))


def test_only_the_beginning_is_read_to_open_a_file(write_data: Any) -> None:
    path = write_data("a\n" + "1\n" * 300_000 + "x\n")
    chunks = open_data(path, FileOptions()).chunks(1000)
    np.testing.assert_array_equal(next(chunks), np.ones((1000, 1, 1)))
    with pytest.raises(DataError, match=r"data\.csv:300002: "):
        list(chunks)


@pytest.mark.parametrize(
    ("suffix", "compress"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)]
)
def test_a_compressed_file_is_read_as_it_is(write_data: Any, read_data: Any, suffix: str, compress: Any) -> None:
    content = compress(b"a\n" + b"".join(b"%d\n" % value for value in range(50_000)))
    x = read_data(write_data(content, "data.csv" + suffix))
    np.testing.assert_array_equal(x[:, 0, 0], np.arange(50_000.0))


def test_standard_input_can_be_read_as_often_as_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"a\n" + b"".join(b"%d\n" % value for value in range(50_000))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    sequences = open_data("-", FileOptions(normalize="minmax"))
    for _ in range(2):
        x = np.concatenate(list(sequences.chunks(1000)))
        np.testing.assert_array_equal(x[:, 0, 0], np.arange(50_000.0) / 49_999)


def test_a_fault_on_standard_input_is_told_by_its_line(monkeypatch: pytest.MonkeyPatch, refusal: Any) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a\n1\nx\n")))
    assert refusal("-").startswith("<stdin>:3: column 1 ('a') is 'x'")


def test_closed_standard_input_is_refused(monkeypatch: pytest.MonkeyPatch, refusal: Any) -> None:
    monkeypatch.setattr("sys.stdin", None)
    assert refusal("-").startswith("standard input is closed")


def test_a_named_pipe_is_read_once_and_kept(write_data: Any) -> None:
    os.mkfifo(Path(write_data("")).with_name("pipe.csv"))
    writer = threading.Thread(target=lambda: Path("pipe.csv").write_text("a\n1\n2\n"))
    writer.start()
    sequences = open_data("pipe.csv", FileOptions())
    writer.join()
    assert [chunk.ravel().tolist() for chunk in sequences.chunks(5)] == [[1.0, 2.0]]


def test_memory_does_not_grow_with_the_file(write_data: Any) -> None:
    line = ",".join(["1.2345678"] * 8) + "\n"
    sequences = open_data(write_data("a,b,c,d,e,f,g,h\n" + line * 40_000), FileOptions())
    tracemalloc.start()
    rows = sum(len(chunk) for chunk in sequences.chunks(1024))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows == 40_000
    assert peak < 2 << 20  # the numbers alone are 2.4 MiB, the text 3.2 MiB
