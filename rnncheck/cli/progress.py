"""Progress of a long run, on stderr, after the first seconds."""

import threading
import time
from types import TracebackType
from typing import Self, TextIO

PATIENCE = 2.0  # seconds before the first message
INTERVAL = {True: 0.2, False: 30.0}  # seconds between updates, on a terminal and elsewhere


class StatusLine:
    """The progress as one line, rewritten on a terminal, and printed now and then elsewhere."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._started = time.monotonic()
        self._next = self._started + PATIENCE
        self._shown = False

    def __enter__(self) -> Self:
        return self

    def __call__(self, said: str) -> None:
        """On a terminal at once: the next step may take a while."""
        if self._terminal or self._is_due():
            self._show(said)

    def _is_due(self) -> bool:
        return time.monotonic() >= self._next

    def _show(self, said: str) -> None:
        self._next = time.monotonic() + INTERVAL[self._terminal]
        self._stream.write(f"\r\x1b[2K{said}" if self._terminal else f"{said}\n")
        self._stream.flush()
        self._shown = True

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown and self._terminal:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()


class ProgressLine(StatusLine):
    """Call it with (done, total) timesteps. Between the calls a terminal shows how long it has been `doing` something:
    to read a layer or to compile it may take seconds.
    """

    def __init__(self, stream: TextIO, doing: str) -> None:
        super().__init__(stream)
        self._doing, self._ended = doing, threading.Event()
        self._clock = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Self:
        if self._terminal:
            self._clock.start()
        return self

    def __call__(self, done: int, total: int | None) -> None:  # type: ignore[override]
        share = f" of {total:,} ({done / total:.0%})" if total else ""
        self._doing = f"compared {done:,}{share} timesteps"
        if self._is_due() and (self._terminal or done != total):  # a log needs no line when the work is done
            pace = done / (time.monotonic() - self._started)
            self._show(self._doing + (f", {pace:,.0f} a second" if pace >= 1 else ""))

    def _tick(self) -> None:
        while not self._ended.wait(1.0):
            if self._is_due():
                self._show(f"{self._doing}, {time.monotonic() - self._started:.0f} s")

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._terminal:
            self._clock.join()
        super().__exit__(kind, value, trace)
