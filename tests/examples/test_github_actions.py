"""The commands of the workflow example run, and fail the job when they should."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from rnncheck.errors import ExitCode

WORKFLOW = (Path(__file__).parents[2] / "examples" / "github-actions.yml").read_text()
ONE_LINE, BLOCK = (
    re.compile(r"^ +(?:- )?run: (?!\|)(.+)$", re.M),
    re.compile(r"^( +)(?:- )?run: \|\n((?:\1 +.*\n)+)", re.M),
)
SCRIPTS = [
    script.replace("${{ matrix.cell }}", "gru")
    for script in [*ONE_LINE.findall(WORKFLOW), *(textwrap.dedent(body) for _, body in BLOCK.findall(WORKFLOW))]
    if "rnncheck compare" in script
]


def shell(script: str, folder: Path, rnncheck: str) -> "subprocess.CompletedProcess[str]":
    """Runs a step as GitHub does (bash -e), with `rnncheck` on the path being that shell command."""
    (folder / "bin").mkdir()
    command = folder / "bin" / "rnncheck"
    command.write_text(f"#!/bin/sh\n{rnncheck}\n")
    command.chmod(0o755)
    paths = {"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(
        ["bash", "-e", "-c", script], cwd=folder, env=os.environ | paths, capture_output=True, text=True, check=False
    )


def test_the_workflow_has_both_steps() -> None:
    assert len(SCRIPTS) == 2


@pytest.mark.parametrize("script", SCRIPTS)
def test_each_step_passes_on_layers_that_agree(script: str, tmp_path: Path) -> None:
    quick = "--paths none --no-witness --no-backward"  # the longest parts of a check do not matter here
    ended = shell(script, tmp_path, f'exec "{sys.executable}" -m rnncheck "$@" {quick}')
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("code", [ExitCode.MISMATCH, ExitCode.USAGE, ExitCode.CANNOT_RUN, ExitCode.INCONCLUSIVE])
@pytest.mark.parametrize("script", SCRIPTS)
def test_each_step_fails_on_every_other_exit_code(script: str, code: ExitCode, tmp_path: Path) -> None:
    assert shell(script, tmp_path, f"exit {int(code)}").returncode != 0


def test_a_mismatch_is_told_from_a_check_that_could_not_run(tmp_path: Path) -> None:
    *_, telling = SCRIPTS
    folders = [tmp_path / name for name in ("mismatch", "could_not_run")]
    for folder in folders:
        folder.mkdir()
    assert "the layers differ" in shell(telling, folders[0], "exit 1").stdout
    assert "nothing was proved: rnncheck ended with 4" in shell(telling, folders[1], "exit 4").stdout
