"""The versions and precision switches that a result depends on, read and, where a check needs it, set and restored."""

import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy
import torch

from rnncheck import __version__

SHARED = 2**22  # multiplications a timestep


@contextmanager
def tf32(allowed: bool) -> Iterator[None]:
    """Matrix products of float32 in TF32 (10 bits of mantissa) or not; the switches are put back afterwards.

    torch allows TF32 to cuDNN's recurrent layers unless told otherwise. The other switch is set by name of a precision,
    not as `cuda.matmul.allow_tf32`: that would forget "medium", which allows bfloat16 and, on some CPUs, uses it.
    """
    cudnn = torch.backends.cudnn
    before = torch.get_float32_matmul_precision(), cudnn.allow_tf32
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    cudnn.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        cudnn.allow_tf32 = before[1]


@contextmanager
def threads_for(step: int) -> Iterator[None]:
    """One thread where a timestep takes so few multiplications that sharing them costs more than it saves.

    On a busy machine two threads that wait for each other at every small step can take ten times as long as one.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1 if step < SHARED else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def versions() -> dict[str, str]:
    return {
        "rnncheck": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "platform": f"{sys.platform} {platform.machine()}",
    }


def precision_switches() -> dict[str, object]:
    """torch's process-wide switches that change what a layer computes."""
    return {
        "tf32_matmul": torch.backends.cuda.matmul.allow_tf32,
        "tf32_cudnn": torch.backends.cudnn.allow_tf32,
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "cudnn_deterministic": torch.backends.cudnn.deterministic,
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "flush_denormal": bool(torch.tensor(2.0**-1060, dtype=torch.float64) * 2.0**-10 == 0.0),
        "threads": torch.get_num_threads(),
    }
