"""How far a long run has come, on stderr, and only once it has taken a while."""

import time
from types import TracebackType
from typing import TextIO

PATIENCE = 2.0  # seconds before anything is said
INTERVAL = {True: 0.2, False: 30.0}  # seconds between updates, on a terminal and elsewhere


class ProgressLine:
    """Call it with (done, total) timesteps; on a terminal it rewrites one line, elsewhere it adds one now and then."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._started = time.monotonic()
        self._next = self._started + PATIENCE
        self._shown = False

    def __enter__(self) -> "ProgressLine":
        return self

    def __call__(self, done: int, total: int | None) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + INTERVAL[self._terminal]
        share = f" of {total:,} ({done / total:.0%})" if total else ""
        text = f"compared {done:,}{share} timesteps, {done / (now - self._started):,.0f} a second"
        self._stream.write(f"\r\x1b[2K{text}" if self._terminal else f"{text}\n")
        self._stream.flush()
        self._shown = True

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown and self._terminal:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()
