"""The pytest plugin, in test runs of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CLASS = """
import torch
from torch import nn


class MyRNN(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.x2h, self.h2h = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)

    def forward(self, x, h):
        states = []
        for x_t in x:
            h = torch.tanh(self.x2h(x_t) + self.h2h(h))
            states.append(h)
        return torch.stack(states), h
"""
TESTS = """
import pytest
from mine import MyRNN


@pytest.mark.rnncheck(dtypes=["float32", "float64"], witness=False, diagnose=False, paths="none", hidden_size=5)
def test_mine(rnncheck):
    report = rnncheck(MyRNN)
    assert report.spec.hidden_size == 5
"""


def pytest_run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Without the other plugins that are installed here, which take most of the time."""
    command = [sys.executable, "-m", "pytest", "-p", "rnncheck.pytest_plugin", "-p", "no:cacheprovider", "-q"]
    return subprocess.run(
        [*command, "--color=no", "--rootdir", str(folder), *arguments, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "conftest.py").write_text("import sys, pathlib; sys.path.insert(0, str(pathlib.Path(__file__).parent))")
    (tmp_path / "test_mine.py").write_text(TESTS)
    (tmp_path / "mine.py").write_text(CLASS)
    return tmp_path


@pytest.mark.slow
def test_the_marker_makes_a_test_for_each_dtype_and_the_option_a_report_for_each(folder: Path) -> None:
    ended = pytest_run(folder, "--rnncheck-report", "out")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "2 passed" in ended.stdout
    written = sorted(path.name for path in (folder / "out").iterdir())
    assert written == [
        f"test_mine.py-test_mine-{dtype}.{end}" for dtype in ("float32", "float64") for end in ("html", "json")
    ]
    assert json.loads((folder / "out" / written[3]).read_text())["spec"]["dtype"] == "float64"


@pytest.mark.slow
def test_a_failure_is_short_and_says_what_where_and_how_to_mend_it(folder: Path) -> None:
    (folder / "mine.py").write_text(CLASS.replace("tanh", "relu"))
    ended = pytest_run(folder, "-k", "float32")
    assert ended.returncode == 1
    told = ended.stdout.split("FAILURES")[1]
    for said in ("rnncheck: mismatch", "first difference at t = 0", "Repeat it: rnncheck compare mine.py:MyRNN"):
        assert said in told
    assert len(told.splitlines()) < 20
    assert "Traceback" not in told


def test_a_run_that_does_not_use_it_imports_no_torch(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text("import sys\ndef test_other():\n    assert 'torch' not in sys.modules\n")
    ended = pytest_run(tmp_path)
    assert ended.returncode == 0, ended.stdout
