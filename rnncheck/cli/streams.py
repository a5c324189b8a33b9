"""Keeps stdout for the report: a candidate's own output goes to stderr."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

STDOUT, STDERR = 1, 2


def occupy_closed() -> None:
    """Puts /dev/null, for reading alone, where a standard stream was closed: no other file then takes its number, and
    writing to stdout is an error instead of a loss.
    """
    for number in (0, STDOUT, STDERR):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if number != STDERR else os.O_WRONLY)  # takes the lowest free number


@contextmanager
def stdout_apart() -> Iterator[None]:
    """Redirects everything written to stdout to stderr, also by its file number."""
    kept = os.dup(STDOUT)
    try:
        lead_to_stderr()
        yield
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
        os.dup2(kept, STDOUT)
        os.close(kept)


def lead_to_stderr() -> None:
    try:
        os.dup2(STDERR, STDOUT)
    except OSError:  # there is none
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, STDOUT)
        os.close(nowhere)


def say(text: str) -> None:
    with suppress(OSError):  # the reader may have closed the stream
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
