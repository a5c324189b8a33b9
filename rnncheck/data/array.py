"""Sequences from a tensor or an array."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from rnncheck.data.sequences import FloatArray, Sequences
from rnncheck.errors import DataError, UsageError


def array_sequences(data: object, lengths: Sequence[int] | None = None, *, allow_nonfinite: bool = False) -> Sequences:
    """x (T, B, I), or (T, I) for one sequence: a tensor, an array or nested lists of real numbers. It is copied.

    Rows with lengths are zero behind their end. Raises `DataError` for anything else, and `UsageError` for lengths
    that do not fit it.
    """
    x = float64(data)
    if x.ndim == 2:
        x = x[:, None]
    if x.ndim != 3 or 0 in x.shape:
        raise DataError(f"data has the shape {np.shape(x)}; it must be (T, B, I), or (T, I) for one sequence")
    if not allow_nonfinite and not np.isfinite(x).all():
        t, b, i = (int(index[0]) for index in np.nonzero(~np.isfinite(x)))
        raise DataError(f"data[{t}, {b}, {i}] is {x[t, b, i]}, not a finite number; allow_nonfinite=True takes it")
    seq_len, batch_size, input_size = x.shape
    ends = None if lengths is None else tuple(int(each) for each in lengths)
    if ends is not None and (len(ends) != batch_size or not all(1 <= each <= seq_len for each in ends)):
        raise UsageError(f"lengths is {ends}; data takes {batch_size} whole numbers from 1 to {seq_len}")
    for row, end in enumerate(ends or ()):
        x[end:, row] = 0.0

    def chunks(steps: int) -> Iterator[FloatArray]:
        for start in range(0, seq_len, steps):
            yield x[start : start + steps].copy()

    return Sequences(chunks, batch_size, input_size, seq_len, ends, {"source": "array"})


def float64(data: object) -> FloatArray:
    """The data as a float64 copy."""
    if isinstance(data, torch.Tensor):
        if data.is_complex() or data.is_sparse:
            raise DataError(f"data is a tensor of {data.dtype}, {data.layout}; it must be a dense one of real numbers")
        return data.detach().to("cpu", torch.float64, copy=True).numpy()
    try:
        array = np.asarray(data)
    except ValueError as problem:
        raise DataError(f"data is not an array: {problem}") from None
    if array.dtype.kind not in "biuf":
        raise DataError(f"data is {type(data).__name__} of {array.dtype}; it must be an array of real numbers")
    return array.astype(np.float64)
