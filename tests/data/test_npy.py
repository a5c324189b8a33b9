"""Arrays from numpy.save: every real dtype and layout is read to the same numbers, all else is refused."""

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnncheck.data import npy
from rnncheck.data.open import FileOptions, open_data
from rnncheck.errors import DataError, UsageError

X = np.arange(24.0).reshape(4, 2, 3) - 5


def saved(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        pytest.param(X[:, 0, 0], X[:, :1, :1], id="T"),
        pytest.param(X[:, 0], X[:, :1], id="TI"),
        pytest.param(X, X, id="TBI"),
        pytest.param(X.astype(">f4"), X, id="43-big-endian"),
        pytest.param(np.asfortranarray(X), X, id="43-fortran"),
        pytest.param(np.asfortranarray(X[:, 0]).astype(">i2"), X[:, :1], id="43-fortran-big-endian"),
        pytest.param(X[::-1], X[::-1], id="43-negative-stride"),
        pytest.param(X.astype(np.int8), X, id="int8"),
        pytest.param((X + 5).astype(np.uint64), X + 5, id="uint64"),
        pytest.param(X.astype(np.float16), X, id="float16"),
        pytest.param(X.astype(np.longdouble), X, id="longdouble"),
        pytest.param(X > 0, (X > 0).astype(float), id="bool"),
    ],
)
def test_real_numbers_of_every_layout_are_read(
    write_data: Any, monkeypatch: pytest.MonkeyPatch, array: np.ndarray, expected: np.ndarray
) -> None:
    monkeypatch.setattr(npy, "_BLOCK", 60)  # a step or a few at a time
    sequences = open_data(write_data(saved(array), "x.npy"), FileOptions())
    chunks = list(sequences.chunks(3))
    assert [len(chunk) for chunk in chunks] == [3, 1]
    np.testing.assert_array_equal(np.concatenate(chunks), expected, strict=True)
    assert (sequences.batch_size, sequences.input_size) == expected.shape[1:]
    assert sequences.source["source"] == "npy"
    assert sequences.source["dtype"] == str(array.dtype)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "x.npy is empty (0 bytes)", id="01-empty"),
        pytest.param(b"1,2\n3,4\n", "x.npy is text; rename it to end in .csv", id="36-text"),
        pytest.param(saved(np.array([{}, None])), "x.npy holds Python objects (dtype object)", id="41-objects"),
        pytest.param(saved(X)[:-1], "it is cut short: 191 bytes where (4, 2, 3) float64 takes 192", id="42-truncated"),
        pytest.param(saved(X)[:50], "x.npy is not a .npy file", id="42-truncated-header"),
        pytest.param(saved(X) + saved(X), "it has bytes after the array", id="42-two-arrays"),
        pytest.param(saved(X + 1j), "x.npy holds complex numbers (dtype complex128)", id="44-complex"),
        pytest.param(saved(np.array(["a"])), "x.npy holds text (dtype <U1)", id="44-text"),
        pytest.param(saved(np.zeros(3, [("a", "f8")])), "x.npy holds records", id="44-structured"),
        pytest.param(saved(np.zeros(3, "M8[s]")), "x.npy holds dates", id="44-dates"),
        pytest.param(saved(np.float64(1)), "x.npy has the shape (); it must be (T,)", id="no-axis"),
        pytest.param(saved(np.zeros((1, 1, 1, 1))), "x.npy has the shape (1, 1, 1, 1)", id="four-axes"),
        pytest.param(saved(np.zeros((0, 3))), "with nothing in it", id="no-timesteps"),
        pytest.param(saved(np.array([1, np.nan])), "x[1, 0, 0] is nan, not a finite float64 number", id="nan"),
    ],
)
def test_an_array_that_is_no_sequence_is_refused(write_data: Any, refusal: Any, content: bytes, message: str) -> None:
    assert message in refusal(write_data(content, "x.npy"))


def test_a_longdouble_too_large_for_float64_is_refused(write_data: Any, refusal: Any) -> None:
    large = np.array([np.finfo(np.longdouble).max])
    if large.astype(object)[0] == np.finfo(np.float64).max:
        pytest.skip("longdouble is float64 here")
    assert "is inf, not a finite float64 number" in refusal(write_data(saved(large), "x.npy"))


def test_nonfinite_numbers_can_be_allowed(write_data: Any, read_data: Any) -> None:
    path = write_data(saved(np.array([1, np.nan, -np.inf])), "x.npy")
    np.testing.assert_array_equal(read_data(path, allow_nonfinite=True).ravel(), [1, np.nan, -np.inf])


def test_columns_are_chosen_by_place(write_data: Any, read_data: Any) -> None:
    path = write_data(saved(X), "x.npy")
    np.testing.assert_array_equal(read_data(path, columns=("3", "1")), X[:, :, [2, 0]])
    np.testing.assert_array_equal(read_data(path, drop=("2",)), X[:, :, [0, 2]])


def test_a_single_sequence_is_cut_into_windows_and_a_batch_is_not(
    write_data: Any, read_data: Any, refusal: Any
) -> None:
    x = read_data(write_data(saved(X[:, 0]), "x.npy"), window=2)
    np.testing.assert_array_equal(x, np.stack([X[:2, 0], X[2:, 0]], axis=1))
    assert "is a batch of 2 already" in refusal(write_data(saved(X), "x.npy"), window=2)


@pytest.mark.parametrize(
    "options",
    [
        {"sep": ";"},
        {"header": False},
        {"missing": "zero"},
        {"sequence_id": "1"},
        {"comment": "#"},
        {"encoding": "utf-8"},
    ],
)
def test_options_of_text_are_refused_for_an_array(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"for text files; a \.npy file is an array of numbers"):
        open_data("not-there.npy", FileOptions(**options))


@settings(deadline=None)
@given(st.integers(0, 127), st.integers(0, 255))
def test_a_damaged_header_is_refused_or_read_but_never_a_crash(place: int, byte: int) -> None:
    content = bytearray(saved(X))
    content[place] = byte
    with contextlib.suppress(DataError):
        array = npy._read_header(io.BytesIO(bytes(content)), "x.npy")
        assert np.prod(array.shape) * array.dtype.itemsize == X.nbytes
