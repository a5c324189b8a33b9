"""A numpy array file as a table: (T,), (T, I) or (T, B, I), read in bounded memory."""

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from rnncheck.data.batching import Table, Tally
from rnncheck.data.columns import lay_out
from rnncheck.data.options import FileOptions
from rnncheck.data.sequences import FloatArray
from rnncheck.data.source import DataFile
from rnncheck.errors import DataError
from rnncheck.mistaken import START, misnamed
from rnncheck.text import printable

_BLOCK = 1 << 20  # bytes
_KINDS = "biuf"  # bool, int, uint, float


@dataclass(frozen=True)
class _Array:
    """An array in a file: the offset and the layout of its numbers."""

    shape: tuple[int, int, int]  # (T, B, I)
    dtype: np.dtype[np.generic]
    fortran: bool
    offset: int

    def read(self, handle: BinaryIO, start: int, stop: int) -> FloatArray:
        """Timesteps `start` to `stop`, (t, B, I)."""
        steps, batch, inputs = self.shape
        size = self.dtype.itemsize
        if not self.fortran:
            handle.seek(self.offset + start * batch * inputs * size)
            data = handle.read((stop - start) * batch * inputs * size)
            x = np.frombuffer(data, self.dtype).reshape(stop - start, batch, inputs)
        else:  # one run of T numbers for each sequence of each input
            x = np.empty((stop - start, batch, inputs), self.dtype)
            for run in range(batch * inputs):
                handle.seek(self.offset + (run * steps + start) * size)
                x[:, run % batch, run // batch] = np.frombuffer(handle.read((stop - start) * size), self.dtype)
        with np.errstate(over="ignore"):
            return np.ascontiguousarray(x, dtype=np.float64)


def open_npy(file: DataFile, options: FileOptions) -> Table:
    """The table in a .npy file; only its header is read now.

    Raises `DataError` when it holds no real numbers in one to three dimensions.
    """
    with file.open() as handle:
        array = _read_header(handle, file.name)
    steps, batch, inputs = array.shape
    # Columns have no names here; as all are numbers, they are known by place.
    layout = lay_out(["0"] * inputs, options, file.name)
    chosen = list(layout.inputs)
    rows = max(1, _BLOCK // (batch * inputs * array.dtype.itemsize))

    def read(tally: Tally) -> Iterator[FloatArray]:
        with file.open() as handle:
            for start in range(0, steps, rows):
                try:
                    x = array.read(handle, start, min(start + rows, steps))[:, :, chosen]
                except (OSError, ValueError) as error:
                    file.check_unchanged()
                    raise DataError(f"{file.name} cannot be read: {error}") from None
                if not options.allow_nonfinite and not np.isfinite(x).all():
                    t, b, i = (int(index[0]) for index in np.nonzero(~np.isfinite(x)))
                    raise DataError(
                        f"{file.name}: x[{start + t}, {b}, {chosen[i]}] is {x[t, b, i]}, not a finite float64 number; "
                        f"pass --allow-nonfinite to feed it to both sides"
                    )
                tally.rows += len(x)
                yield x
        file.check_unchanged()

    next(read(Tally()))
    facts: dict[str, object] = {
        "source": "npy",
        "path": file.path,
        "columns": layout.input_names,
        "dtype": str(array.dtype),
        "allow_nonfinite": options.allow_nonfinite,
    }
    return Table(file.name, read, batch, layout.input_names, facts, [])


def _read_header(handle: BinaryIO, name: str) -> _Array:
    if not handle.seekable():
        raise DataError(f"{name} is a pipe; a .npy file must be a file on disk")
    size = handle.seek(0, 2)
    handle.seek(0)
    if size == 0:
        raise DataError(f"{name} is empty (0 bytes)")
    try:
        with warnings.catch_warnings(action="ignore"):  # of how old the header is
            version = np.lib.format.read_magic(handle)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran, dtype = read(handle)
    except Exception as error:  # numpy parses the header as Python, which can fail in many ways
        handle.seek(0)
        start, reason = handle.read(START), printable(str(error), 80)
        raise DataError(
            misnamed(name, start, handle) or f"{name} is not a .npy file ({reason}); write it with numpy.save"
        ) from None
    if dtype.kind not in _KINDS:
        raise DataError(f"{name} holds {_what(dtype)}; it must be an array of real numbers, as from x.astype(float)")
    if not 1 <= len(shape) <= 3:
        raise DataError(f"{name} has the shape {shape}; it must be (T,), (T, I) or (T, B, I)")
    if min(shape) < 1:
        raise DataError(f"{name} has the shape {shape}, with nothing in it; every axis must be at least 1")
    needed, there = math.prod(shape) * dtype.itemsize, size - handle.tell()
    if there != needed:
        fault = "it is cut short" if there < needed else "it has bytes after the array"
        raise DataError(f"{name}: {fault}: {there:,} bytes where {shape} {dtype} takes {needed:,}; save it again")
    steps, *rest = shape
    batch, inputs = [1, 1, *rest][-2:]
    return _Array((steps, batch, inputs), dtype, fortran, handle.tell())


def _what(dtype: np.dtype[np.generic]) -> str:
    kinds = {"O": "Python objects", "c": "complex numbers", "U": "text", "S": "text", "V": "records", "M": "dates"}
    return f"{kinds.get(dtype.kind, 'no numbers')} (dtype {dtype})"
