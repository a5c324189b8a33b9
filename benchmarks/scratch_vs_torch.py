"""How long the scratch layers take, as a ratio to `torch.nn`'s in the same run: below 1.00 is faster.

    python benchmarks/scratch_vs_torch.py [--quick] [--seconds 6] [--cell LSTM]

One thread, CPU, float32. What is counted is processor time, which on one thread of an idle machine is the time on the
clock; and the two sides take turns, so that a neighbour who fills the caches slows both. Each ratio is of one turn to
the turn next to it; the table has their median, smallest and largest.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from rnncheck import scratch

SHAPES = [(30, 1, 2, 1), (100, 1, 16, 32), (100, 32, 64, 128), (10000, 1, 32, 64), (1000, 64, 256, 512)]
QUICK_SHAPES = SHAPES[:3]


def forward(layer: torch.nn.Module, x: torch.Tensor) -> Callable[[], None]:
    def call() -> None:
        with torch.inference_mode():
            layer(x)

    return call


def forward_and_backward(layer: torch.nn.Module, x: torch.Tensor) -> Callable[[], None]:
    x = x.clone().requires_grad_()

    def call() -> None:
        layer.zero_grad()
        x.grad = None
        layer(x)[0].sum().backward()

    return call


def seconds(call: Callable[[], None], repeats: int) -> float:
    start = time.process_time()
    for _ in range(repeats):
        call()
    return (time.process_time() - start) / repeats


def ratios(ours: Callable[[], None], theirs: Callable[[], None], budget: float) -> tuple[float, list[float]]:
    """The median time of theirs, and ours to theirs turn by turn: at least three turns, then while the budget lasts."""
    ours(), theirs()
    repeats = max(1, round(0.002 / seconds(theirs, 3)))
    end = time.perf_counter() + budget
    turns: list[tuple[float, float]] = []
    while len(turns) < 3 or time.perf_counter() < end:
        a, b = (seconds(call, repeats) for call in ((ours, theirs) if len(turns) % 2 else (theirs, ours)))
        turns.append((a, b) if len(turns) % 2 else (b, a))
    return statistics.median(theirs for _, theirs in turns), [ours / theirs for ours, theirs in turns]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the three small shapes, a second each")
    parser.add_argument("--seconds", type=float, default=6.0, help="time for each row of the table")
    parser.add_argument("--cell", nargs="+", default=["RNN", "GRU", "LSTM"], help="only these: RNN GRU LSTM")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, one thread, float32; scratch / torch.nn, below 1.00 is faster")
    print(
        f"{'pass':<17} {'cell':<5} {'T, B, I, H':<20} {'torch.nn':>12} {'median':>7} {'min':>6} {'max':>6} {'turns':>6}"
    )
    for name, work in (("forward", forward), ("forward+backward", forward_and_backward)):
        for cell in options.cell:
            for shape in QUICK_SHAPES if options.quick else SHAPES:
                t, b, i, h = shape
                theirs, ours = getattr(torch.nn, cell)(i, h), getattr(scratch, cell)(i, h)
                ours.load_state_dict(theirs.state_dict())
                x = torch.randn(t, b, i)
                time_of_theirs, found = ratios(
                    work(ours, x), work(theirs, x), 1.0 if options.quick else options.seconds
                )
                print(
                    f"{name:<17} {cell:<5} {', '.join(map(str, shape)):<20} {time_of_theirs * 1e3:>9.3f} ms "
                    f"{statistics.median(found):>7.2f} {min(found):>6.2f} {max(found):>6.2f} {len(found):>6}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
