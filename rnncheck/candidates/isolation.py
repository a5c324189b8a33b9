"""A stranger's code runs here without a trace: what it prints goes to stderr, what it changes globally is put back."""

import os
import random
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rnncheck.candidates.exits import exits_caught

Seeds = tuple[Any, Any, Tensor]


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


@contextmanager
def isolated(dtype: torch.dtype | None = None, dice: Dice | None = None) -> Iterator[None]:
    """Within it torch makes new tensors of `dtype`, unless the code says another.

    What it draws at random is the same each time, or goes on where the last call with these `dice` ended.
    """
    argv, path, folder, environment = list(sys.argv), list(sys.path), os.getcwd(), dict(os.environ)  # noqa: PTH109
    default_dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    deterministic = determinism()
    precision, anomaly = torch.get_float32_matmul_precision(), torch.is_anomaly_enabled()
    cudnn = torch.backends.cudnn
    switches = cudnn.deterministic, cudnn.benchmark, cudnn.enabled
    before = seeds()
    graded, errors = torch.is_grad_enabled(), np.geterr()
    try:
        with exits_caught(), redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if dtype is not None and dtype != default_dtype:
                torch.set_default_dtype(dtype)
            if dice is not None:
                dice.take_up()
            started = seeds()
            yield
    finally:
        if dice is not None:
            dice.lay_down(started)
        sys.argv[:], sys.path[:] = argv, path
        if os.getcwd() != folder:  # noqa: PTH109
            with suppress(OSError):
                os.chdir(folder)
        if os.environ != environment:
            os.environ.clear()
            os.environ.update(environment)
        if torch.get_default_dtype() != default_dtype:
            torch.set_default_dtype(default_dtype)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        if determinism() != deterministic:  # to set it imports torch's compiler, which takes a second
            torch.use_deterministic_algorithms(deterministic[0], warn_only=deterministic[1])
        if torch.get_float32_matmul_precision() != precision:
            torch.set_float32_matmul_precision(precision)
        if torch.is_anomaly_enabled() != anomaly:
            torch.autograd.set_detect_anomaly(anomaly)
        cudnn.deterministic, cudnn.benchmark, cudnn.enabled = switches
        put_back(before)
        torch.set_grad_enabled(graded)
        np.seterr(**errors)


def seeds() -> Seeds:
    return random.getstate(), np.random.get_state(legacy=True), torch.get_rng_state()


def put_back(at: Seeds) -> None:
    random.setstate(at[0])
    np.random.set_state(at[1])
    torch.set_rng_state(at[2])


def same_numpy(a: Any, b: Any) -> bool:
    return a[2:] == b[2:] and np.array_equal(a[1], b[1])


def determinism() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
