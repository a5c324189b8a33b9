"""Signals that end a run: the report of what was compared so far is still written."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rnncheck.errors import ExitCode, Stopped

ENDING = {signal.SIGINT, signal.SIGTERM, *({signal.SIGHUP} if hasattr(signal, "SIGHUP") else ())}


AT_ONCE = 1.0  # seconds

_last: dict[int, float] = {}


def catch() -> None:
    """SIGTERM and SIGHUP end a run as Ctrl-C does."""
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN or number != signal.SIGINT:
            signal.signal(number, stop)


def stop(number: int, frame: FrameType | None) -> None:
    """Ends the run. The same signal again within a second is the same: a terminal sends it to a process and its child,
    and the process hands it on."""
    now = time.monotonic()
    if now - _last.get(number, -AT_ONCE) < AT_ONCE:
        return
    _last[number] = now
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise Stopped(ExitCode.TERMINATED if number == signal.SIGTERM else ExitCode.HUNG_UP)


@contextmanager
def held_back() -> Iterator[None]:
    """Lets none of them in until the end: an import that is cut in two leaves a module that cannot be used."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
