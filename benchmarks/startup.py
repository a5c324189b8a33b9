"""How long whole processes take, as ratios of one that only imports torch and runs a small nn.RNN.

    python benchmarks/startup.py [--repeats 15]

The processes take turns, so that a busy machine slows them alike. One thread each.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

OWN = f"{Path(__file__).parents[1] / 'examples' / 'candidates' / 'classifier_rnn.py'}:ClassifierRNN"
BARE = [sys.executable, "-c", "import torch; torch.nn.RNN(8, 16)(torch.rand(30, 4, 8))"]
RNNCHECK = [sys.executable, "-m", "rnncheck"]
PROCESSES = {
    "import torch, run nn.RNN(8, 16)": BARE,
    "rnncheck compare": [*RNNCHECK, "compare"],
    "rnncheck compare --cell lstm": [*RNNCHECK, "compare", "--cell", "lstm"],
    "rnncheck compare file.py:Class": [*RNNCHECK, "compare", OWN],
    "rnncheck compare --format json": [*RNNCHECK, "compare", "--format", "json"],
    "rnncheck --help": [*RNNCHECK, "--help"],
    "rnncheck compare --help": [*RNNCHECK, "compare", "--help"],
    "rnncheck --version": [*RNNCHECK, "--version"],
    "rnncheck compare --no-such-option": [*RNNCHECK, "compare", "--no-such-option"],
    "rnncheck compare --hidden-size 0": [*RNNCHECK, "compare", "--hidden-size", "0"],
    "rnncheck run no-such.csv": [*RNNCHECK, "run", "no-such.csv"],
}


def seconds(command: list[str]) -> tuple[float, float]:
    """Until the first line on stdout or stderr, and until the end. In a pipe rnncheck shows no progress."""
    started = time.perf_counter()
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        first = time.perf_counter() - started
        process.stdout.read()
    return first, time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in PROCESSES}
    for command in PROCESSES.values():
        seconds(command)  # warms the file cache and writes the bytecode
    for _ in range(repeats):
        for name, command in PROCESSES.items():
            times[name].append(seconds(command))
    bare = [whole for _, whole in next(iter(times.values()))]
    print(f"{'process':44}  {'first line s':>12}  {'median s':>8}  {'ratio':>6}  {'min':>6}  {'max':>6}")
    for name, taken in times.items():
        ratios = [whole / other for (_, whole), other in zip(taken, bare, strict=True)]
        print(
            f"{name:44}  {statistics.median(first for first, _ in taken):12.3f}  "
            f"{statistics.median(whole for _, whole in taken):8.3f}  "
            f"{statistics.median(ratios):6.3f}  {min(ratios):6.3f}  {max(ratios):6.3f}"
        )


if __name__ == "__main__":
    main()
