"""Files that cannot be opened, are not what they are called, or change; and options that contradict each other."""

import bz2
import errno
import gzip
import lzma
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnncheck.data.open import FileOptions, open_data
from rnncheck.errors import DataError, UsageError

DAMAGED = gzip.compress(np.random.default_rng(0).bytes(4096).hex().encode())[:-100]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param("f.csv.gz", b"fake", "f.csv.gz is not complete gz data", id="35-fake-gz"),
        pytest.param("f.csv.gz", DAMAGED, "f.csv.gz is not complete gz data", id="35-truncated-gz"),
        pytest.param(
            "f.csv.bz2", bz2.compress(b"a\n1\n")[:-9], "f.csv.bz2 is not complete bz2 data", id="35-truncated-bz2"
        ),
        pytest.param(
            "f.csv.xz", lzma.compress(b"a\n1\n")[:-9], "f.csv.xz is not complete xz data", id="35-truncated-xz"
        ),
        pytest.param("f.csv.xz", b"fake fake fake", "f.csv.xz is not complete xz data", id="35-fake-xz"),
        pytest.param("f.csv.gz", gzip.compress(b""), "f.csv.gz is empty (0 bytes)", id="35-gz-of-nothing"),
        pytest.param("f.parquet", b"PAR1", "f.parquet", id="45-parquet"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_refused(
    write_data: Any, refusal: Any, name: str, content: bytes, message: str
) -> None:
    assert message in refusal(write_data(content, name))


@pytest.mark.parametrize("url", ["https://example.org/a.csv", "s3://bucket/a.csv", "file:///tmp/a.csv"])
def test_37_a_url_is_not_a_local_file(refusal: Any, url: str) -> None:
    assert refusal(url) == f"{url} is not a local file; download it first and give its path"


def test_38_a_directory_is_refused(refusal: Any) -> None:
    assert refusal(".") == ". is a directory; give one file in it"


def test_38_a_missing_file_brings_up_near_names(write_data: Any, refusal: Any) -> None:
    write_data("1\n2\n", "sunspots.csv")
    assert refusal("sunspot.csv") == "sunspot.csv does not exist; did you mean sunspots.csv?"


def test_38_a_missing_folder_is_said_to_be_missing(write_data: Any, refusal: Any) -> None:
    assert refusal("no/a.csv") == "no/a.csv does not exist, nor does its folder, no"


def test_38_what_the_system_refuses_is_told_in_its_words(write_data: Any, refusal: Any) -> None:
    Path("loop.csv").symlink_to("loop.csv")
    assert refusal("loop.csv") == f"loop.csv cannot be opened: {os.strerror(errno.ELOOP)}"


def test_38_a_file_without_permission_is_refused(write_data: Any, refusal: Any) -> None:
    path = write_data("1\n2\n")
    Path(path).chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read every file")
    assert "cannot be opened: Permission denied" in refusal(path)


@pytest.mark.parametrize("change", [b"a\n1\n2\n3\n", b"a\n1\n3\n"], ids=["longer", "as-long"])
def test_39_a_file_that_changes_between_two_readings_is_refused(write_data: Any, change: bytes) -> None:
    path = write_data("a\n1\n2\n")
    sequences = open_data(path, FileOptions())
    write_data(change)
    os.utime(path, ns=(1, 1))
    with pytest.raises(DataError, match="changed while rnncheck read it"):
        list(sequences.chunks(10))


def test_39_a_file_that_grows_while_it_is_read_is_refused(write_data: Any) -> None:
    path = write_data("a\n" + "1\n" * 100_000)
    chunks = open_data(path, FileOptions()).chunks(10)
    next(chunks)
    with Path(path).open("a") as file:
        file.write("2\n")
    with pytest.raises(DataError, match="changed while rnncheck read it"):
        list(chunks)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"columns": ("a",), "drop": ("b",)}, "--columns and --drop were both given"),
        ({"columns": ("a", "a")}, "--columns names a more than once"),
        ({"drop": ("id",), "sequence_id": "id"}, "--drop names id, the column of --sequence-id"),
        ({"sep": ";;"}, "it must be one character"),
        ({"sep": "e"}, "it must be one character"),
        ({"decimal": "'"}, "it must be '.' or ','"),
        ({"decimal": ","}, "--sep and --decimal are both ','"),
        ({"encoding": "utf-9"}, "which Python does not know"),
        ({"encoding": "base64"}, "which Python does not know"),
        ({"comment": "1"}, "it must be a mark at the start of no row of data"),
        ({"comment": ""}, "it must be a mark at the start of no row of data"),
        ({"window": 3, "sequence_id": "id"}, "give one of them"),
        ({"stride": 3}, "give --window too"),
        ({"window": 0}, "--window is 0; it must be at least 1"),
        ({"window": 2, "stride": 0}, "--stride is 0; it must be at least 1"),
        ({"normalize": "minmax", "allow_nonfinite": True}, "leave one of them out"),
    ],
)
def test_contradicting_options_are_usage_errors_before_any_file_is_touched(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        FileOptions(**options)
    assert message in str(caught.value)
