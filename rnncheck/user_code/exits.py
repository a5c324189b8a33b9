"""Catches `os._exit`, which would end the process with the candidate's exit code instead of the verdict's."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn


@contextmanager
def exits_caught() -> Iterator[None]:
    """A context in which `os._exit` raises `SystemExit`, as `sys.exit` does. A forked process still ends by it."""
    really, own = os._exit, os.getpid()

    def _exit(status: int) -> NoReturn:
        if os.getpid() != own:
            really(status)
        raise SystemExit(status)

    os._exit = _exit
    try:
        yield
    finally:
        os._exit = really
