"""Writes data.csv and the two weights files, the inputs of this example, from the seed and from golden.json.

Run it as `python examples/notebook/make_inputs.py [FOLDER]`.
"""

import csv
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

HERE = Path(__file__).parent
# torch.nn's names of the parameters, and what the notebook's class calls them
NAMES = {"weight_ih_l0": "wax", "weight_hh_l0": "waa", "bias_ih_l0": "bax", "bias_hh_l0": "baa"}


def make_inputs(folder: Path) -> None:
    """The notebook's data as a CSV file, and the weights it printed, its nn.RNN's and its own class's."""
    torch.manual_seed(42)
    data = torch.rand(30, 2)
    with (folder / "data.csv").open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["x1", "x2"])
        rows.writerows([str(cell) for cell in row] for row in data.numpy())  # the shortest text that is this float32

    printed = json.loads((HERE / "golden.json").read_text())
    of_torch, of_class = printed["nn_rnn"], printed["notebook_scratch"]
    save_file({name: torch.tensor(of_torch[name]) for name in NAMES}, folder / "weights.safetensors")
    save_file(
        {name: torch.tensor(of_class[own]) for name, own in NAMES.items()}, folder / "notebook_weights.safetensors"
    )


if __name__ == "__main__":
    make_inputs(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
