"""A long CSV read, run on both sides and compared in chunks, against nn.RNN alone on the same data in one piece.

    python benchmarks/long_data.py [--rows 10000000]

10,000,000 rows of 8 columns make a file of about 760 MB; nn.RNN in one piece takes several GB of memory. Each part is a
process of its own on one thread; its peak memory is given above that of a bare `import torch`.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ONE_PIECE = """
import time, torch
torch.set_num_threads(1)
layer = torch.nn.RNN(8, 32)
x = torch.randn({rows}, 1, 8)
started = time.perf_counter()
with torch.inference_mode():
    layer(x)
print(time.perf_counter() - started)
"""


def write_csv(path: Path, rows: int) -> None:
    rng = np.random.default_rng(0)
    with path.open("w", encoding="ascii") as file:
        file.write(",".join(f"x{column}" for column in range(8)) + "\n")
        for start in range(0, rows, 100_000):
            block = rng.random((min(100_000, rows - start), 8))
            file.writelines(",".join(f"{value:.7f}" for value in row) + "\n" for row in block)


def measured(command: list[str]) -> tuple[float, float, str]:
    """Seconds, peak MiB and stdout of one process."""
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as stdout:
        process = subprocess.Popen(command, stdout=stdout, env={**os.environ, "OMP_NUM_THREADS": "1"})
        _, status, usage = os.wait4(process.pid, 0)
        if os.waitstatus_to_exitcode(status):
            sys.exit(f"{' '.join(command)[:80]} ended with {os.waitstatus_to_exitcode(status)}")
        stdout.seek(0)
        return time.perf_counter() - started, usage.ru_maxrss / 1024, stdout.read()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    rows = parser.parse_args().rows
    _, bare, _ = measured([sys.executable, "-c", "import torch"])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.csv"
        write_csv(path, rows)
        print(f"{rows:,} rows, {path.stat().st_size / 1e6:.0f} MB")
        command = [sys.executable, "-m", "rnncheck", "run", str(path), "--hidden-size", "32", "--quiet"]
        seconds, peak, verdict = measured(command)
    print(f"rnncheck run, both sides: {seconds:7.1f} s, {peak - bare:8.0f} MiB above import torch;  {verdict.strip()}")
    _, peak, taken = measured([sys.executable, "-c", ONE_PIECE.format(rows=rows)])
    print(f"nn.RNN alone, one piece:  {float(taken):7.1f} s, {peak - bare:8.0f} MiB above import torch")
    print(f"ratio of the times:       {seconds / float(taken):7.2f}")


if __name__ == "__main__":
    main()
