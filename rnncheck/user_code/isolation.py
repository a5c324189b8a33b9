"""Isolates user code: the first of its prints go to stderr, settings are restored, and it cannot end the process."""

import ctypes
import os
import random
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, NoReturn

import numpy as np
import torch
from numpy.random import mtrand
from torch import Tensor

from rnncheck.user_code.settings import remembered

Seeds = tuple[Any, Any, Tensor]


MOST_LINES = 20  # of what the code prints: rnncheck calls it hundreds of times


class Printed:
    """stderr for user code, up to a number of lines in this process."""

    def __init__(self) -> None:
        self._lines = 0

    def write(self, text: str) -> int:
        if self._lines < MOST_LINES:
            sys.stderr.write(text)
            self._lines += text.count("\n")
            if self._lines >= MOST_LINES:
                sys.stderr.write("(your code prints more, which is not shown)\n")
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)


PRINTED: Any = Printed()


class Dice:
    """Where the code's own random draws have got to: its next call goes on from there, as it would anywhere else."""

    def __init__(self) -> None:
        self._at: Seeds | None = None

    def take_up(self) -> None:
        if self._at is not None:
            put_back(self._at)

    def lay_down(self, before: "Seeds") -> None:
        now = seeds()
        if now[0] != before[0] or not torch.equal(now[2], before[2]) or not same_numpy(now[1], before[1]):
            self._at = now


_nested: list[torch.dtype | None] = []


@contextmanager
def isolated(dtype: torch.dtype | None = None, dice: Dice | None = None) -> Iterator[None]:
    """Within it torch makes new tensors of `dtype`, unless the code says another.

    What it draws at random is the same each time, or goes on where the last call with these `dice` ended. Within
    another of the same `dtype` it puts back what is drawn alone: the rest is put back at the end of that.
    """
    if dice is None and _nested and _nested[-1] == dtype:
        before = seeds()
        try:
            yield
        finally:
            put_back(before)
        return
    put_settings_back, before, default_dtype = remembered(), seeds(), torch.get_default_dtype()
    try:
        with exits_caught(), redirect_stdout(PRINTED), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if dtype is not None and dtype != default_dtype:
                torch.set_default_dtype(dtype)
            if dice is not None:
                dice.take_up()
                started = seeds()
            _nested.append(dtype if dice is None else None)
            try:
                yield
            finally:
                _nested.pop()
    finally:
        if dice is not None:
            dice.lay_down(started)
        put_settings_back()
        put_back(before)


def seeds() -> Seeds:
    return random.getstate(), numpys.read(), torch.get_rng_state()


def put_back(at: Seeds) -> None:
    random.setstate(at[0])
    if numpys.read() is not at[1]:
        np.random.set_state(at[1])
    torch.set_rng_state(at[2])


class NumpysState:
    """What numpy draws next, read anew only after a draw: a tiny call takes no longer than numpy takes to copy it."""

    def __init__(self) -> None:
        self._bytes = b""
        self._read: Any = None

    def read(self) -> Any:
        """The same object until something is drawn."""
        generator = mtrand.get_bit_generator()
        size = MERSENNE_TWISTER if isinstance(generator, np.random.MT19937) else 0
        now = ctypes.string_at(generator.ctypes.state_address, size)
        if self._read is None or not now or now != self._bytes or self._read[HAS_SECOND]:
            self._bytes, self._read = now, np.random.get_state(legacy=True)
        return self._read


MERSENNE_TWISTER = 625 * 4  # bytes of its state: 624 words, and the place in them
HAS_SECOND = 3  # where the state says whether the second of two normal numbers is kept, which is not in those bytes
numpys = NumpysState()


def same_numpy(a: Any, b: Any) -> bool:
    return a[2:] == b[2:] and np.array_equal(a[1], b[1])


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
