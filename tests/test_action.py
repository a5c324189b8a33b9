"""The steps of action.yml run as GitHub runs them, with a `pip` that only writes down what it was asked."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

ROOT = Path(__file__).parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
DEFAULTS = {f"${{{{ inputs.{name} }}}}": each["default"] for name, each in ACTION["inputs"].items()}
INSTALL, CHECK = (step for step in ACTION["runs"]["steps"] if "run" in step)
QUICK = "--no-backward --no-lockstep --no-witness --no-diagnose --paths none"
CANDIDATES = ROOT / "examples" / "candidates"
Shell = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Runs a step in a folder of its own; inputs that are not given have their defaults."""
    stubs = {
        "pip": 'printf "%s\\n" "$*" >> pip.txt',
        "python": f'exec "{sys.executable}" "$@"',
        "rnncheck": f'exec "{sys.executable}" -m rnncheck "$@"',
    }
    (tmp_path / "bin").mkdir()
    for name, script in stubs.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "bin" / name).chmod(0o755)

    def run(step: dict[str, dict[str, str]], **inputs: str) -> "subprocess.CompletedProcess[str]":
        values = DEFAULTS | {f"${{{{ inputs.{name} }}}}": value for name, value in inputs.items()}
        given = {name: values[text] for name, text in step["env"].items()}
        github = {
            "PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_OUTPUT": str(tmp_path / "output.txt"),
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
        }
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        environment = os.environ | github | given
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    return run


def test_every_input_is_used_and_every_one_used_is_declared() -> None:
    text = (ROOT / "action.yml").read_text()
    assert {name for name in ACTION["inputs"] if f"inputs.{name}" not in text} == set()
    assert set(INSTALL["env"].values()) | set(CHECK["env"].values()) <= set(DEFAULTS)


def test_it_installs_the_code_that_it_stands_beside(shell: Shell, tmp_path: Path) -> None:
    assert shell(INSTALL).returncode == 0
    assert (tmp_path / "pip.txt").read_text() == f"install {ROOT}\n"


def test_torch_comes_from_the_index_that_is_named(shell: Shell, tmp_path: Path) -> None:
    assert shell(INSTALL, **{"torch-index": "an-index"}).returncode == 0
    assert (tmp_path / "pip.txt").read_text() == f"install torch --index-url an-index\ninstall {ROOT}\n"


@pytest.mark.slow
def test_a_right_candidate_passes_and_leaves_its_reports(shell: Shell, tmp_path: Path) -> None:
    ended = shell(CHECK, candidate="scratch", args=f"{QUICK} --cell gru")
    assert ended.returncode == 0, ended.stderr
    assert "::notice" in ended.stdout
    assert (tmp_path / "output.txt").read_text() == "exit-code=0\n"
    assert "equivalent" in (tmp_path / "summary.md").read_text()
    assert ElementTree.parse(tmp_path / "rnncheck-reports" / "rnncheck.xml").findall(".//failure") == []


@pytest.mark.slow
def test_a_wrong_one_fails_the_step_at_its_file_and_line(shell: Shell, tmp_path: Path) -> None:
    ended = shell(CHECK, candidate=f"{CANDIDATES / 'drop_in_lstm.py'}:DropInLSTM", args=QUICK)
    assert ended.returncode == 1, ended.stderr
    assert "::error" in ended.stdout
    assert "drop_in_lstm.py,line=" in ended.stdout
    assert (tmp_path / "output.txt").read_text() == "exit-code=1\n"
    assert ElementTree.parse(tmp_path / "rnncheck-reports" / "rnncheck.xml").findall(".//failure")


@pytest.mark.slow
def test_without_a_candidate_all_of_pyproject_are_checked(shell: Shell, tmp_path: Path) -> None:
    quick = "backward = false\nlockstep = false\nwitness = false\npaths = 'none'\n"
    wrong = (
        f"[[tool.rnncheck.candidates]]\ncandidate = 'scratch'\n[[tool.rnncheck.candidates]]\ncandidate = '{ROOT}/no'\n"
    )
    (tmp_path / "pyproject.toml").write_text(f"[tool.rnncheck]\n{quick}{wrong}")
    assert shell(CHECK).returncode == 4
    reports = [path.name for path in (tmp_path / "rnncheck-reports").iterdir()]
    assert len(reports) == 2
    assert "scratch.xml" in reports


def test_arguments_that_cannot_be_split_end_the_step_before_anything_is_checked(shell: Shell, tmp_path: Path) -> None:
    ended = shell(CHECK, candidate="scratch", args="--arg 'name=no end")
    assert ended.returncode != 0
    assert "No closing quotation" in ended.stderr
    assert not (tmp_path / "output.txt").exists()
