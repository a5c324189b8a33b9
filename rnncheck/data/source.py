"""The bytes of a data file: from a file, a compressed file or standard input."""

import bz2
import contextlib
import gzip
import lzma
import os
import re
import stat
import sys
import tempfile
import weakref
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import BinaryIO, cast

from rnncheck.errors import DataError
from rnncheck.text import nearest, printable

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


BLOCK = 1 << 16  # stays in the caches: 1 MiB is a fifth slower to read as numbers
_PATH_LIMIT = 200

_OPENERS: dict[str, Callable[[BinaryIO], object]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
_DAMAGE = (EOFError, OSError, zlib.error, lzma.LZMAError)


@dataclass(frozen=True)
class DataFile:
    """A readable file that can be opened as often as needed. `name` is how messages call it."""

    path: str
    name: str
    _stamp: tuple[int, ...] | None = None
    _replay: Replay | None = None

    @property
    def compression(self) -> str | None:
        """The suffix of a compressed file, or None."""
        suffix = Path(self.path).suffix.lower()
        return suffix if suffix in _OPENERS else None

    @contextlib.contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The bytes as they are stored. Raises `DataError` when it is no longer the file that was found first."""
        if self._replay is not None:
            yield cast(BinaryIO, self._replay.open())
            return
        with _opened(self.path, self.name) as handle:
            self.check_unchanged()
            yield handle

    def blocks(self) -> Iterator[bytes]:
        """The bytes after decompression, some 64 KiB at a time."""
        with self.open() as stored:
            opener = _OPENERS.get(self.compression or "")
            handle = cast(BinaryIO, opener(stored)) if opener else stored
            while block := self._read(handle):
                yield block
        self.check_unchanged()

    def check_unchanged(self) -> None:
        """Raises `DataError` when the file is not what it was when it was found."""
        if self._stamp is None:
            return
        try:
            now = _stamp(Path(self.path).stat())
        except OSError:
            now = ()
        if now != self._stamp:
            raise DataError(f"{self.name} changed while rnncheck read it; run again when no program writes to it")

    def _read(self, handle: BinaryIO) -> bytes:
        try:
            return handle.read(BLOCK)
        except _DAMAGE as error:
            if self.compression is None:
                raise DataError(f"{self.name} cannot be read: {error}") from None
            kind = self.compression[1:]
            raise DataError(
                f"{self.name} is not complete {kind} data ({printable(str(error), 80)}); write it again, "
                f"or rename it if it is not compressed"
            ) from None


def find(path: str) -> DataFile:
    """The file at `path`, or standard input for `-`.

    Raises `DataError` when there is nothing to read there.
    """
    if path == "-":
        if sys.stdin is None:
            raise DataError("standard input is closed; give the name of a file instead of '-'")
        return DataFile(path, "<stdin>", _replay=Replay(sys.stdin.buffer))
    name = printable(path, _PATH_LIMIT) or "''"
    if re.match(r"[a-z][a-z0-9+.-]+://", path, re.IGNORECASE):
        raise DataError(f"{name} is not a local file; download it first and give its path")
    with contextlib.ExitStack() as stack:
        handle = stack.enter_context(_opened(path, name))
        status = os.fstat(handle.fileno())
        if stat.S_ISREG(status.st_mode):
            return DataFile(path, name, _stamp=_stamp(status))
        replay = Replay(handle)  # a pipe: opened again, it would have nothing to give
        weakref.finalize(replay, stack.pop_all().close)
        return DataFile(path, name, _replay=replay)


def _opened(path: str, name: str) -> BinaryIO:
    try:
        return Path(path).open("rb")
    except IsADirectoryError:
        raise DataError(f"{name} is a directory; give one file in it") from None
    except FileNotFoundError:
        raise DataError(f"{name} does not exist{_near(path)}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DataError(f"{name} cannot be opened: {reason}") from None


def _near(path: str) -> str:
    folder = Path(path).parent
    try:
        names = [entry.name for entry in folder.iterdir()]
    except OSError:
        return f", nor does its folder, {printable(str(folder), _PATH_LIMIT)}"
    close = nearest(Path(path).name, names)
    if not close:
        return ""
    return "; did you mean " + " or ".join(printable(str(folder / name), _PATH_LIMIT) for name in close) + "?"


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
