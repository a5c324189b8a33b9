"""The peak memory of one call, above what was in use before it."""

import ctypes
import gc
import sys
from collections.abc import Callable
from pathlib import Path

import torch

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak(call: Callable[[], object], device: str) -> int | None:
    """The peak in bytes: allocated by torch on CUDA, resident in this process on a Linux CPU; None elsewhere."""
    gc.collect()
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        call()
        torch.cuda.synchronize(device)
        return int(torch.cuda.max_memory_allocated(device) - before)
    if device != "cpu" or sys.platform != "linux":
        return None
    try:
        return resident(call)
    except OSError:
        return None  # a kernel that does not let a process reset its own peak


def resident(call: Callable[[], object]) -> int:
    """Peak memory as the kernel counts it. Returns freed memory to the system first, so that its reuse is counted."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    RESET.write_text("5")  # the peak starts again from here
    before = held("VmRSS")
    call()
    return max(held("VmHWM") - before, 0)


def held(what: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(what))
    return int(line.split()[1]) * 1024
