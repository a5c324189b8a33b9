"""What must be quick imports nothing slow."""

import subprocess
import sys
from pathlib import Path

import pytest
from user_code.sources import RNN

SLOW = {"torch", "numpy", "rich", "safetensors"}


def imported_by(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*sys.modules, file=sys.stderr)"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    return {name.partition(".")[0] for name in ended.stderr.splitlines()[-1].split()}


def test_importing_the_command_line_imports_nothing_slow() -> None:
    assert not imported_by("import rnncheck.cli.app") & SLOW


@pytest.mark.sample(6)
@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["compare", "--help"],
        ["run", "--help"],
        ["faults", "--help"],
        ["faults", "nonsense"],
        ["compare", "--no-such-option"],
        ["compare", "--hidden-size", "0"],
        ["compare", "--device", "tpu"],
        ["compare", "no-such-implementation"],
        ["compare", "fault:no-such-fault"],
        ["compare", "--strict", "--no-witness"],
        ["compare", "--rows", "some"],
        ["compare", "--timeout", "5"],
        ["compare", "--arg", "sizes=[1, 2"],
        ["adapt", "--help"],
        ["adapt", "scratch"],
        ["sweep", "--help"],
        ["sweep", "--vary", "nonsense"],
        ["compare", "--lengths", "3,x"],
        ["run", "data.csv", "--window", "0"],
    ],
    ids=" ".join,
)
def test_help_and_usage_errors_import_nothing_slow(arguments: list[str]) -> None:
    assert not imported_by(f"from rnncheck.cli.outcome import run\nrun({arguments!r})") & SLOW


@pytest.mark.parametrize("arguments", [["faults"], ["faults", "no-recurrence"]], ids=" ".join)
def test_the_catalogue_of_faults_is_shown_without_torch(arguments: list[str]) -> None:
    assert not imported_by(f"from rnncheck.cli.outcome import run\nrun({arguments!r})") & {"torch", "numpy"}


def test_a_data_file_that_cannot_be_read_is_refused_before_torch_is_imported() -> None:
    assert "torch" not in imported_by("from rnncheck.cli.outcome import run\nrun(['run', 'no-such.csv'])")


def test_a_check_imports_neither_the_compiler_nor_symbolic_algebra_of_torch(tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(RNN)
    command = ["compare", "-q", f"{mine}:MyRNN", "--against", "scratch"]
    code = f"from rnncheck.cli.outcome import run\nassert run({command!r}) == 0"
    script = f"import sys\n{code}\nprint(*sys.modules, file=sys.stderr)"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    modules = ended.stderr.split()
    assert "torch" in modules
    assert "torch._dynamo" not in modules
    assert "torch._inductor" not in modules
    assert "sympy" not in modules
