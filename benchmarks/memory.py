"""The peak memory of a whole check, against a process that runs both layers and holds their outputs.

Run it as `python benchmarks/memory.py --cells rnn lstm`. Both are resident memory as the kernel counts it. At the sizes
given by default a check takes minutes.
"""

import argparse
import subprocess
import sys

BOTH = """
import torch
from rnncheck import scratch
torch.set_num_threads(1)
theirs = torch.nn.{name}({input_size}, {hidden_size})
mine = scratch.{name}({input_size}, {hidden_size})
mine.load_state_dict(theirs.state_dict())
x = torch.randn({seq_len}, {batch_size}, {input_size})
with torch.inference_mode():
    outputs = mine(x), theirs(x)
"""


def peak(*arguments: str) -> float:
    """Of one process, in MiB, as one more process counts it, whose only child that is."""
    count = "import resource, subprocess, sys; print(subprocess.run(sys.argv[1:], capture_output=True).returncode, "
    count += "resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    said = subprocess.run([sys.executable, "-c", count, *arguments], capture_output=True, text=True, check=True)
    code, memory = said.stdout.split()
    if code != "0":
        sys.exit(f"{' '.join(arguments)[:200]} ended with {code}")
    return int(memory) / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", nargs="+", default=["rnn", "gru", "lstm"])
    for option, value in (("hidden-size", 1024), ("seq-len", 1000), ("batch-size", 64), ("input-size", 64)):
        parser.add_argument(f"--{option}", type=int, default=value)
    asked = vars(parser.parse_args())
    sizes = [f"--{name.replace('_', '-')}={value}" for name, value in asked.items() if name != "cells"]
    alone = peak(sys.executable, "-c", "import torch")
    print(f"import torch: {alone:,.0f} MiB")
    for cell in asked["cells"]:
        runs = peak(sys.executable, "-c", BOTH.format(name=cell.upper(), **asked))
        check = peak(sys.executable, "-m", "rnncheck", "compare", "--cell", cell, "--quiet", *sizes)
        share = (check - alone) / (runs - alone)
        print(f"{cell}: check {check:,.0f} MiB, two runs {runs:,.0f} MiB; above import torch {share:.2f} times as much")
