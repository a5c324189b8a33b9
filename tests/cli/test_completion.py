"""The shell completes commands, options and their values, and is told nothing slow."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli.test_start_up import SLOW

from rnncheck.cli.completion import implementations


def completed(words: str, *python: str) -> "subprocess.CompletedProcess[str]":
    """What bash asks when the user presses Tab behind the last of these words."""
    asked = {"_RNNCHECK_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    command = [sys.executable, *python, "-m", "rnncheck"]
    return subprocess.run(command, env=os.environ | asked, capture_output=True, text=True, check=False)


@pytest.mark.sample(3)
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("rnncheck comp", ["compare"]),
        ("rnncheck compare --hidden", ["--hidden-size"]),
        ("rnncheck compare --cell ", ["rnn", "lstm", "gru"]),
        ("rnncheck compare --against variant:lig", ["variant:ligru"]),
        ("rnncheck faults state-le", ["state-leaks-between-calls"]),
    ],
)
def test_commands_options_and_values_are_completed(words: str, offered: list[str]) -> None:
    ended = completed(words)
    assert (ended.returncode, ended.stdout.split(), ended.stderr) == (0, offered, "")


@pytest.mark.parametrize(
    ("incomplete", "offered"),
    [
        ("tor", ["torch"]),
        ("equinox:G", ["equinox:GRUCell"]),
        ("keras:L", ["keras:LSTM"]),
        ("fault:gate-or", ["fault:gate-order"]),
        ("fault:unexpl", []),  # it cannot be planted
        ("fo", ["folder/"]),
        ("folder/", ["folder/broken.py", "folder/mine.py", "folder/model.onnx"]),
        ("folder/mi", ["folder/mine.py:MyLSTM", "folder/mine.py:MyGRU"]),
        ("folder/mine.py:MyG", ["folder/mine.py:MyGRU"]),
        ("folder/br", ["folder/broken.py"]),
        ("nowhere/", []),
    ],
)
def test_candidates_are_completed(
    incomplete: str, offered: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "mine.py").write_text("raise SystemExit\nclass MyLSTM: pass\nclass _Own: pass\nclass MyGRU: pass\n")
    for name in ("broken.py", "model.onnx", "notes.txt", ".hidden.py"):
        (folder / name).write_text("class")
    monkeypatch.chdir(tmp_path)
    assert implementations(incomplete) == offered


def test_completion_imports_nothing_slow() -> None:
    imported = completed("rnncheck compare --hidden", "-X", "importtime").stderr
    assert {line.rpartition("|")[2].strip().partition(".")[0] for line in imported.splitlines()} & SLOW == set()


def test_it_is_installed_in_the_home_of_the_user(tmp_path: Path) -> None:
    if os.name != "posix":
        pytest.skip("bash reads its settings from the home of the user on POSIX systems")
    script = f'"{sys.executable}" -m rnncheck --install-completion'
    environment = os.environ | {"HOME": str(tmp_path)}
    ended = subprocess.run(["bash", "-c", script + "; exit $?"], env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert "rnncheck" in (tmp_path / ".bash_completions" / "rnncheck.sh").read_text()
    assert "rnncheck.sh" in (tmp_path / ".bashrc").read_text()


def test_a_candidate_that_exits_is_no_completion(rnncheck: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import sys\nsys.exit(0)\n")
    assert rnncheck("compare", f"{tmp_path / 'mine.py'}:MyRNN").code == 4
