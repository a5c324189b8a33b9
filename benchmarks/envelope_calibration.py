"""Does the rounding envelope pass what is right and fail what is wrong? Prints the tables of docs/envelope.md.

python -m benchmarks.envelope_calibration --configs 2000 --seed 0
"""

import argparse
import time
import warnings

import torch

from benchmarks.envelope import fixed_tolerance, gradients, power, right, tf32

PARTS = {
    "right": right.table,
    "tf32": tf32.table,
    "power": power.table,
    "fixed": fixed_tolerance.table,
    "gradients": gradients.table,
}
SHARES = {"right": 1.0, "tf32": 0.25, "power": 1.0, "fixed": 0.25, "gradients": 0.25}  # of the configurations


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--configs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for part in options.only:
        start = time.perf_counter()
        with torch.inference_mode(part != "gradients"):
            PARTS[part](max(int(options.configs * SHARES[part]), 1), options.seed)
        print(f"\n{part}: {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
