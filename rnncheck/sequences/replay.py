"""A stream that can be read only once, kept so that it can be read again."""

import tempfile
import weakref
from io import BufferedIOBase
from typing import BinaryIO

_IN_MEMORY = 8 << 20


class Replay:
    """Keeps what is read from `stream` in a temporary file, as it comes; each `open()` reads from the beginning.

    Only what a reader asks for is taken from the stream, so a fault near its beginning is found before its end.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._kept = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 (closed by the finalizer)
        self._length = 0
        weakref.finalize(self, self._kept.close)

    def open(self) -> BufferedIOBase:
        return _Reader(self)

    def read_at(self, position: int, size: int) -> bytes:
        """Up to `size` bytes from `position`, which no reader moves past what was kept."""
        if position < self._length:
            self._kept.seek(position)
            return self._kept.read(min(size, self._length - position))
        data = self._stream.read(size)
        self._kept.seek(self._length)
        self._kept.write(data)
        self._length += len(data)
        return data


class _Reader(BufferedIOBase):
    def __init__(self, replay: Replay) -> None:
        self._replay = replay
        self._position = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        data = self._replay.read_at(self._position, 1 << 20 if size is None or size < 0 else size)
        self._position += len(data)
        return data
