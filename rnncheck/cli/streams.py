"""Keeps stdout for the report: a candidate's own output goes to stderr."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

STDOUT, STDERR = 1, 2


@contextmanager
def stdout_apart() -> Iterator[None]:
    """Redirects everything written to stdout to stderr, also by its file number."""
    try:
        kept = os.dup(STDOUT)
    except OSError:  # closed from the start
        yield
        return
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
