"""Neither stdout nor the exit code is the candidate's, whatever it does to either."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

LOUD = """
import atexit, os, sys
from torch import nn

atexit.register(lambda: print("printed at exit"))
atexit.register(lambda: os._exit(0))


class MyRNN(nn.RNN):
    def forward(self, x, h=None):
        os.write(1, b"written by number\\n")
        sys.__stdout__.write("written behind the back\\n")
        output, h = super().forward(x, h)
        return output * 2, h
"""


def test_a_mismatch_stays_one_and_its_json_whole(process: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "loud.py"
    path.write_text(LOUD)
    running = process("compare", f"{path}:MyRNN", "--format", "json", "--no-diagnose", "--no-backward")
    written, said = running.communicate(timeout=60)
    assert running.returncode == 1
    assert json.loads(written)["verdict"] == "mismatch"
    for each in ("by number", "behind the back"):
        assert each in said
        assert each not in written


@pytest.mark.parametrize("where", ["at import", "in forward"])
def test_a_candidate_that_ends_the_process_cannot_be_run(
    rnncheck: Callable[..., Any], tmp_path: Path, where: str
) -> None:
    ends = "os._exit(0)"
    path = tmp_path / "ends.py"
    first, inside = (ends, "pass") if where == "at import" else ("", ends)
    path.write_text(
        f"import os\nfrom torch import nn\n{first}\n"
        f"class MyRNN(nn.RNN):\n    def forward(self, x, h=None):\n        {inside}\n"
    )
    ended = rnncheck("compare", f"{path}:MyRNN")
    assert (ended.code, ended.stdout) == (4, "")
    assert "it calls exit(0)" in ended.stderr
    assert ends in ended.stderr
