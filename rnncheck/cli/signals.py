"""Signals that end a run: what was compared until then is still reported."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from rnncheck.errors import ExitCode, Stopped

ENDING = {signal.SIGINT, signal.SIGTERM, *({signal.SIGHUP} if hasattr(signal, "SIGHUP") else ())}


def catch() -> None:
    """SIGTERM and SIGHUP end a run as Ctrl-C does."""
    for number in ENDING - {signal.SIGINT}:
        signal.signal(number, stop)


def stop(number: int, frame: FrameType | None) -> NoReturn:
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
