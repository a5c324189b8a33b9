"""Rows as a batch: windows, sequences named by a column, and columns brought to one scale."""

from typing import Any

import numpy as np
import pytest

from rnncheck.data import batching
from rnncheck.data.open import FileOptions, open_data
from rnncheck.errors import DataError

ROWS = "a,b\n" + "".join(f"{t},{t * 10}\n" for t in range(7))


@pytest.mark.parametrize(
    ("window", "stride", "starts", "left"), [(3, None, [0, 3], 1), (3, 2, [0, 2, 4], 0), (2, 4, [0, 4], 1)]
)
def test_windows_become_the_batch(
    write_data: Any, window: int, stride: int | None, starts: list[int], left: int
) -> None:
    sequences = open_data(write_data(ROWS), FileOptions(window=window, stride=stride))
    x = np.concatenate(list(sequences.chunks(2)))
    t = np.array([[start + step for start in starts] for step in range(window)], dtype=float)
    np.testing.assert_array_equal(x, np.stack([t, 10 * t], axis=2), strict=True)
    assert (sequences.seq_len, sequences.batch_size, sequences.input_size) == (window, len(starts), 2)
    assert sequences.lengths is None
    assert sequences.source["rows_after_last_window"] == left
    assert any("after the last whole window" in note for note in sequences.notes) == (left > 0)


def test_rows_that_share_an_id_become_one_sequence_with_its_own_length(write_data: Any) -> None:
    content = "x,who\n1,ann\n2,ann\n3,bo\n4,cy\n5,cy\n6,cy\n"
    sequences = open_data(write_data(content), FileOptions(sequence_id="who"))
    x = np.concatenate(list(sequences.chunks(2)))
    np.testing.assert_array_equal(x[:, :, 0], [[1, 3, 4], [2, 0, 5], [0, 0, 6]])
    assert sequences.lengths == (2, 1, 3)
    assert (sequences.seq_len, sequences.batch_size, sequences.input_size) == (3, 3, 1)
    assert sequences.source["columns"] == ["x"]


def test_a_sequence_whose_rows_are_all_dropped_is_none(write_data: Any) -> None:
    content = "who,x\nann,1\nbo,\nann,2\ncy,3\n"
    sequences = open_data(write_data(content), FileOptions(sequence_id="who", missing="drop-row"))
    assert sequences.lengths == (2, 1)


def test_a_batch_too_large_for_memory_is_refused(write_data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "MOST_CELLS", 10)
    with pytest.raises(DataError, match="more than 10 numbers, and --window and --sequence-id need all"):
        open_data(write_data(ROWS), FileOptions(window=2))
    with pytest.raises(DataError, match="3 sequences padded to 4 rows do not fit"):
        open_data(write_data("i,x\na,1\na,1\na,1\na,1\nb,1\nc,1\n"), FileOptions(sequence_id="i"))


def test_standard_gives_mean_zero_and_variance_one_whatever_the_offset(write_data: Any, read_data: Any) -> None:
    rows = np.random.default_rng(0).normal([1e9, -3.0], [0.01, 50.0], (20_000, 2))
    path = write_data("\n".join(f"{a!r},{b!r}" for a, b in rows.tolist()))
    x = read_data(path, normalize="standard")[:, 0]
    np.testing.assert_allclose(
        x, (rows - rows.mean(axis=0)) / rows.std(axis=0), atol=5e-5
    )  # float64 has steps of 1e-7 at 1e9
    np.testing.assert_allclose(x.std(axis=0), 1, rtol=1e-6)


def test_minmax_runs_from_zero_to_one(write_data: Any, read_data: Any) -> None:
    np.testing.assert_array_equal(read_data(write_data("a\n-1\n3\n0\n"), normalize="minmax").ravel(), [0, 1, 0.25])


@pytest.mark.parametrize("how", ["standard", "minmax"])
def test_a_column_that_never_changes_is_centred_and_said(write_data: Any, how: Any) -> None:
    sequences = open_data(write_data("a,b\n" + "0.1,1\n0.1,3\n" * 50), FileOptions(normalize=how))
    x = np.concatenate(list(sequences.chunks(10)))[:, 0]
    np.testing.assert_array_equal(x[:, 0], 0)
    np.testing.assert_allclose(x[:2, 1], [-1, 1] if how == "standard" else [0, 1])
    assert sequences.notes[1:] == ["1 of 2 columns never change: centred on 0, not scaled"]


def test_sequences_are_padded_with_zeros_after_they_are_scaled(write_data: Any, read_data: Any) -> None:
    x = read_data(write_data("i,x\na,10\na,30\nb,20\n"), sequence_id="i", normalize="minmax")
    np.testing.assert_array_equal(x[:, :, 0], [[0, 0.5], [1, 0]])
