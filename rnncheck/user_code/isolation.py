"""Isolates user code: the first of its prints go to stderr, settings are restored, and it cannot end the process."""

import ctypes
import io
import logging
import os
import random
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any, NamedTuple, NoReturn

import numpy as np
import torch
from numpy.random import mtrand
from torch import Tensor

Seeds = tuple[Any, Any, Tensor]


MOST_LINES = 20  # of what the code prints: rnncheck calls it hundreds of times
MOST_PIECES = 60  # of which lines are made: a prompt ends no line
SIGNALS = [each for name in ("SIGINT", "SIGTERM", "SIGHUP") if (each := getattr(signal, name, None)) is not None]
TINY = 2.0**-1060


class Printed:
    """stderr for user code, up to a number of lines in this process."""

    def __init__(self) -> None:
        self._lines = self._pieces = 0

    def write(self, text: str) -> int:
        if self._lines < MOST_LINES and self._pieces < MOST_PIECES:
            sys.stderr.write(text)
            self._lines, self._pieces = self._lines + text.count("\n"), self._pieces + 1
            if self._lines >= MOST_LINES or self._pieces >= MOST_PIECES:
                sys.stderr.write("\n" * (not text.endswith("\n")) + "(your code prints more, which is not shown)\n")
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
    put_settings_back, before, default_dtype = settings_remembered(), seeds(), torch.get_default_dtype()
    try:
        with exits_caught(), nothing_typed(), redirect_stdout(PRINTED), warnings.catch_warnings():
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


class NothingTyped(io.StringIO):
    """stdin for user code, which is called hundreds of times and must not wait for answers."""

    def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]
        raise EOFError("rnncheck calls this code many times, so it gets no input from stdin")


@contextmanager
def nothing_typed() -> Iterator[None]:
    before, sys.stdin = sys.stdin, NothingTyped()
    try:
        yield
    finally:
        sys.stdin = before


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


class ProcessSetting(NamedTuple):
    """`read` yields a value of its own, which `write` takes."""

    name: str
    read: Callable[[], Any]
    write: Callable[[Any], object]


def settings_remembered() -> Callable[[], None]:
    """Restores, when called, every setting that has changed since now. Others are not touched: setting may be slow."""
    before = [setting.read() for setting in SETTINGS]

    def put_back() -> None:
        for setting, value in zip(SETTINGS, before, strict=True):
            if setting.read() != value:
                with suppress(OSError, ValueError):  # a folder that is gone; signals outside the main thread
                    setting.write(value)

    return put_back


def current() -> dict[str, Any]:
    """The values of all settings by name."""
    return {setting.name: setting.read() for setting in SETTINGS}


def environment() -> dict[Any, Any]:
    """As the system writes it: to read what that means would take as long as all other settings."""
    return dict(os.environ._data)  # type: ignore[attr-defined]


def set_environment(value: dict[Any, Any]) -> None:
    os.environ.clear()
    os.environ.update({os.environ.decodekey(name): os.environ.decodevalue(each) for name, each in value.items()})


def set_argv(value: list[str]) -> None:
    sys.argv[:] = value


def set_path(value: list[str]) -> None:
    sys.path[:] = value


def determinism() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


def set_determinism(value: tuple[bool, bool]) -> None:
    torch.use_deterministic_algorithms(value[0], warn_only=value[1])


def cudnn() -> tuple[bool, bool, bool]:
    switches = torch.backends.cudnn
    return switches.deterministic, switches.benchmark, switches.enabled


def set_cudnn(value: tuple[bool, bool, bool]) -> None:
    switches = torch.backends.cudnn
    switches.deterministic, switches.benchmark, switches.enabled = value


def set_device(value: torch.device) -> None:
    torch.set_default_device(None if value.type == "cpu" else value)


def print_options() -> dict[str, Any]:
    return dict(vars(torch._tensor_str.PRINT_OPTS))


def set_print_options(value: dict[str, Any]) -> None:
    vars(torch._tensor_str.PRINT_OPTS).update(value)


def set_handlers(value: list[logging.Handler]) -> None:
    logging.getLogger().handlers[:] = value


def handlers_of_signals() -> list[Any]:
    return [signal.getsignal(each) for each in SIGNALS]


def set_signals(value: list[Any]) -> None:
    for number, handler in zip(SIGNALS, value, strict=True):
        if handler is not None:  # one that Python did not install, and cannot
            signal.signal(number, handler)


SETTINGS = (
    ProcessSetting("sys.argv", lambda: list(sys.argv), set_argv),
    ProcessSetting("sys.path", lambda: list(sys.path), set_path),
    ProcessSetting("the working directory", os.getcwd, os.chdir),
    ProcessSetting("the environment", environment, set_environment),
    ProcessSetting("the handlers of signals", handlers_of_signals, set_signals),
    ProcessSetting("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
    ProcessSetting("the handlers of logging", lambda: list(logging.getLogger().handlers), set_handlers),
    ProcessSetting("the level of logging", lambda: logging.getLogger().level, logging.getLogger().setLevel),
    ProcessSetting("numpy's errors", np.geterr, lambda value: np.seterr(**value)),
    ProcessSetting("torch's default dtype", torch.get_default_dtype, torch.set_default_dtype),
    ProcessSetting("torch's default device", torch.get_default_device, set_device),
    ProcessSetting("torch's gradient mode", torch.is_grad_enabled, torch.set_grad_enabled),
    ProcessSetting("torch's number of threads", torch.get_num_threads, torch.set_num_threads),
    ProcessSetting("torch's deterministic algorithms", determinism, set_determinism),
    ProcessSetting("torch's matmul precision", torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    ProcessSetting("torch's anomaly detection", torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    ProcessSetting("the flushing of subnormal numbers", lambda: TINY * 2.0**-10 == 0, torch.set_flush_denormal),
    ProcessSetting("torch's use of mkldnn", torch._C._get_mkldnn_enabled, torch._C._set_mkldnn_enabled),
    ProcessSetting("the switches of cuDNN", cudnn, set_cudnn),
    ProcessSetting("torch's print options", print_options, set_print_options),
)
