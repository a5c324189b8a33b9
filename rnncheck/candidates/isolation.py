"""A stranger's code runs here without a trace: what it prints goes to stderr, what it changes globally is put back."""

import os
import random
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress

import numpy as np
import torch


@contextmanager
def isolated(dtype: torch.dtype | None = None) -> Iterator[None]:
    """Within it torch makes new tensors of `dtype`, unless the code says another."""
    argv, path, folder, environment = list(sys.argv), list(sys.path), os.getcwd(), dict(os.environ)  # noqa: PTH109
    default_dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    deterministic = determinism()
    precision, anomaly = torch.get_float32_matmul_precision(), torch.is_anomaly_enabled()
    cudnn = torch.backends.cudnn
    switches = cudnn.deterministic, cudnn.benchmark, cudnn.enabled
    seeds = random.getstate(), np.random.get_state(), torch.get_rng_state()
    graded, errors = torch.is_grad_enabled(), np.geterr()
    try:
        with redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if dtype is not None and dtype != default_dtype:
                torch.set_default_dtype(dtype)
            yield
    finally:
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
        random.setstate(seeds[0])
        np.random.set_state(seeds[1])
        torch.set_rng_state(seeds[2])
        torch.set_grad_enabled(graded)
        np.seterr(**errors)


def determinism() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
