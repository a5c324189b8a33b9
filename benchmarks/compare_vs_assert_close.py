"""How long comparing takes, as a ratio to `torch.testing.assert_close` in the same run, and what memory it adds.

    python benchmarks/compare_vs_assert_close.py [--elements 10000000] [--turns 15]

One thread. The two sides take turns, so that a busy neighbour slows both; each ratio is of one turn. The table has the
median, smallest and largest. Ours also finds the worst element, the first divergence, the counts and the timesteps to
show, which assert_close does not, or only as text. Memory is what the peak of the process grows by, measured first.
"""

import argparse
import resource
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import torch
from torch import Tensor

from rnncheck.evidence.differences import Fold
from rnncheck.evidence.places import in_output
from rnncheck.evidence.tolerance import Tolerance
from rnncheck.model.spec import Dtype, Spec
from rnncheck.report import Comparison

BATCH, WIDTH = 16, 64
THEIRS = {torch.float32: Tolerance(1e-5, 1.3e-6), torch.float64: Tolerance(1e-7, 1e-7)}  # assert_close's defaults


def ours(candidate: Tensor, reference: Tensor) -> Comparison:
    spec = Spec(hidden_size=WIDTH, dtype=Dtype(str(reference.dtype).removeprefix("torch.")))
    fold = Fold("output", in_output(spec), rows=30)
    fold.add(candidate, reference, THEIRS[reference.dtype])
    return fold.result()


def theirs(candidate: Tensor, reference: Tensor) -> None:
    with suppress(AssertionError):
        torch.testing.assert_close(candidate, reference)


def states(elements: int, dtype: torch.dtype) -> Tensor:
    """(T, B, W) such as a layer yields, made in place so that the peak of memory is not raised by making it."""
    steps = elements // (BATCH * WIDTH)
    generator = torch.Generator().manual_seed(0)
    return torch.empty(steps, BATCH, WIDTH, dtype=dtype).normal_(generator=generator).tanh_()


def candidates(reference: Tensor) -> dict[str, Callable[[], Tensor]]:
    """What there is to find: nothing, rounding, one element, everything."""
    eps, generator = torch.finfo(reference.dtype).eps, torch.Generator().manual_seed(1)

    def one_off() -> Tensor:
        candidate = reference.clone()
        candidate[len(candidate) // 2, 3, 5] += 1
        return candidate

    return {
        "equal": reference.clone,
        "rounding": lambda: reference + eps * torch.randn(reference.shape, generator=generator, dtype=reference.dtype),
        "last place off": lambda: reference * (1 + eps),
        "one wrong": one_off,
        "all wrong": lambda: reference + 0.1,
    }


def seconds(call: Callable[[], object]) -> float:
    """Of the processor, which other work on the machine adds less to."""
    start = time.process_time()
    call()
    return time.process_time() - start


def peak() -> float:
    """The largest memory this process has had so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def print_memory(elements: int) -> None:
    small = states(BATCH * WIDTH * 100, torch.float32)
    ours(small, small), theirs(small, small)
    reference = states(elements, torch.float32)
    candidate = reference.clone()
    candidate[1:] += 1.0
    for name, side in (("rnncheck", ours), ("assert_close", theirs)):
        before = peak()
        side(candidate, reference)
        print(f"extra memory of {name}, float32, all wrong: {peak() - before:.1f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--elements", type=int, default=10_000_000)
    parser.add_argument("--turns", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, one thread, {options.elements:,} elements; rnncheck / assert_close")
    print_memory(options.elements)
    print(f"{'dtype':<8} {'case':<15} {'rnncheck':>11} {'assert_close':>13} {'median':>7} {'min':>6} {'max':>6}")
    for dtype in (torch.float32, torch.float64):
        reference = states(options.elements, dtype)
        for case, make in candidates(reference).items():
            candidate = make()
            turns = [
                (seconds(lambda: ours(candidate, reference)), seconds(lambda: theirs(candidate, reference)))  # noqa: B023
                for _ in range(options.turns + 1)
            ][1:]
            ratios = [a / b for a, b in turns]
            a, b = (statistics.median(side) * 1e3 for side in zip(*turns, strict=True))
            print(
                f"{str(dtype).removeprefix('torch.'):<8} {case:<15} {a:>8.1f} ms {b:>10.1f} ms "
                f"{statistics.median(ratios):>7.3f} {min(ratios):>6.3f} {max(ratios):>6.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
