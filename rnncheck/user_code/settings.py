"""The global settings that user code may change, and how each is restored."""

import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
import torch

SIGNALS = [each for name in ("SIGINT", "SIGTERM", "SIGHUP") if (each := getattr(signal, name, None)) is not None]
TINY = 2.0**-1060


class ProcessSetting(NamedTuple):
    """`read` yields a value of its own, which `write` takes."""

    read: Callable[[], Any]
    write: Callable[[Any], object]


def remembered() -> Callable[[], None]:
    """Restores, when called, every setting that has changed since now. Others are not touched: setting may be slow."""
    before = [setting.read() for setting in SETTINGS]

    def put_back() -> None:
        for setting, value in zip(SETTINGS, before, strict=True):
            if setting.read() != value:
                with suppress(OSError, ValueError):  # a folder that is gone; signals outside the main thread
                    setting.write(value)

    return put_back


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
    ProcessSetting(lambda: list(sys.argv), set_argv),
    ProcessSetting(lambda: list(sys.path), set_path),
    ProcessSetting(os.getcwd, os.chdir),
    ProcessSetting(environment, set_environment),
    ProcessSetting(handlers_of_signals, set_signals),
    ProcessSetting(sys.getrecursionlimit, sys.setrecursionlimit),
    ProcessSetting(lambda: list(logging.getLogger().handlers), set_handlers),
    ProcessSetting(lambda: logging.getLogger().level, logging.getLogger().setLevel),
    ProcessSetting(np.geterr, lambda value: np.seterr(**value)),
    ProcessSetting(torch.get_default_dtype, torch.set_default_dtype),
    ProcessSetting(torch.get_default_device, set_device),
    ProcessSetting(torch.is_grad_enabled, torch.set_grad_enabled),
    ProcessSetting(torch.get_num_threads, torch.set_num_threads),
    ProcessSetting(determinism, set_determinism),
    ProcessSetting(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    ProcessSetting(torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    ProcessSetting(lambda: TINY * 2.0**-10 == 0, torch.set_flush_denormal),
    ProcessSetting(torch._C._get_mkldnn_enabled, torch._C._set_mkldnn_enabled),
    ProcessSetting(cudnn, set_cudnn),
    ProcessSetting(print_options, set_print_options),
)
