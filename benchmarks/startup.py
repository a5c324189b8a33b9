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


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    times: dict[str, list[float]] = {name: [] for name in PROCESSES}
    for command in PROCESSES.values():
        seconds(command)  # warms the file cache and writes the bytecode
    for _ in range(repeats):
        for name, command in PROCESSES.items():
            times[name].append(seconds(command))
    bare = next(iter(times.values()))
    print(f"{'process':44}  {'median s':>8}  {'ratio':>6}  {'min':>6}  {'max':>6}")
    for name, taken in times.items():
        ratios = [each / other for each, other in zip(taken, bare, strict=True)]
        print(
            f"{name:44}  {statistics.median(taken):8.3f}  "
            f"{statistics.median(ratios):6.3f}  {min(ratios):6.3f}  {max(ratios):6.3f}"
        )


if __name__ == "__main__":
    main()
