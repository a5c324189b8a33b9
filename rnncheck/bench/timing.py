"""Times two calls alternately, so that a slow machine slows both, and measures the peak memory of one.

The seconds are those of `torch.utils.benchmark.Timer`, which waits for a GPU to be done, chooses how many calls make a
block, and counts on a stated number of threads. Every round gives one ratio. The median of the rounds is the speed; the
second smallest and the second largest of 9 enclose the true median with a probability of 1 - 2 * (1 + 9) / 2**9 = 96 %,
whatever the times are distributed like.
"""

import ctypes
import gc
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch.utils.benchmark import Timer

from rnncheck.timings import Ratio, Spread

ROUNDS = 9
WITHIN = 1  # rounds left out at either end of the interval

Timeable = Callable[[], object]
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class NoGradient(Exception):
    """The output of a call carries no gradient."""


def first(call: Timeable, device: str) -> float | None:
    """The seconds of one call, until the device has finished; None if it needs a gradient and there is none."""
    started = time.perf_counter()
    try:
        waited(call, device)()
    except NoGradient:
        return None
    return time.perf_counter() - started


def race(calls: tuple[Timeable, Timeable], device: str, seconds: float, threads: int) -> tuple[Spread, Spread, Ratio]:
    """Both calls, about `seconds` each in all: their times, and how many times as fast the first is."""
    timers = [Timer("call()", globals={"call": waited(call, device)}, num_threads=threads) for call in calls]
    medians: tuple[list[float], list[float]] = ([], [])  # of each round: a slow round counts as much as a fast one
    counts = [0, 0]
    for number in range(ROUNDS):
        for side in (0, 1) if number % 2 == 0 else (1, 0):  # neither always comes after the other
            measured = timers[side].blocked_autorange(min_run_time=seconds / ROUNDS)
            medians[side].append(measured.median)
            counts[side] += measured.number_per_run * len(measured.times)
    ratios = [theirs / ours for ours, theirs in zip(*medians, strict=True)]
    return spread(medians[0], counts[0]), spread(medians[1], counts[1]), interval(ratios)


def spread(rounds: Sequence[float], calls: int) -> Spread:
    lower, median, upper = statistics.quantiles(rounds, n=4, method="inclusive")
    return Spread(median, lower, upper, calls)


def interval(ratios: Sequence[float]) -> Ratio:
    ordered = sorted(ratios)
    return Ratio(statistics.median(ordered), ordered[WITHIN], ordered[-1 - WITHIN])


def waited(call: Timeable, device: str) -> Timeable:
    """The call, which waits for the device. `Timer` waits only for CUDA, and only once for each block."""
    wait = torch.cuda.synchronize if device.startswith("cuda") else torch.mps.synchronize if device == "mps" else None
    if wait is None:
        return call

    def run() -> None:
        call()
        wait()

    return run


def forward(call: Timeable) -> Timeable:
    """The forward call without recorded gradients."""

    def run() -> object:
        with torch.no_grad():
            return call()

    return run


def forward_and_backward(call: Callable[[], torch.Tensor], leaves: Sequence[torch.Tensor]) -> Timeable:
    """The call and the gradients of the leaves by a fixed projection of the output. Raises `NoGradient` without one.

    The projection is made in the first call, so that this one is timed from the start.
    """
    projection: torch.Tensor | None = None

    def run() -> object:
        nonlocal projection
        with torch.enable_grad():
            output = call()
            if not output.requires_grad:
                raise NoGradient
            if projection is None:
                projection = torch.randn(output.shape, generator=torch.Generator().manual_seed(0)).to(output)
            return torch.autograd.grad(output, leaves, projection, allow_unused=True)

    return run


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
    before = memory_of("VmRSS")
    call()
    return max(memory_of("VmHWM") - before, 0)


def memory_of(what: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(what))
    return int(line.split()[1]) * 1024
