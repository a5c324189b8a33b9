"""`rnncheck check`: the candidates of a pyproject.toml, one table, the exit code of the worst."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CONFIG = """
[tool.rnncheck]
witness = false
backward = false

[[tool.rnncheck.candidates]]
name = "right"
candidate = "numpy"
cell = "gru"
lengths = [3, 2]

[[tool.rnncheck.candidates]]
name = "wrong"
candidate = "fault:gate-order:i,f,o,g"
cell = "lstm"
diagnose = false

[[tool.rnncheck.candidates]]
name = "missing"
candidate = "nowhere.py:Layer"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text(CONFIG)
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    return tmp_path


def test_all_are_checked_and_the_exit_code_is_that_of_the_worst(rnncheck: Callable[..., Any], project: Path) -> None:
    ended = rnncheck("check", "--report", "json=%.json")
    assert ended.code == 1
    rows = {line.split()[2]: line.split()[1] for line in ended.stdout.splitlines()[1:4]}
    assert rows == {"right": "equivalent", "wrong": "mismatch", "missing": "error"}
    assert "nowhere.py is not there" in ended.stdout
    assert "rnncheck compare fault:gate-order:i,f,o,g --cell lstm" in ended.stdout
    right = json.loads((project / "right.json").read_text())
    assert (right["spec"]["cell"], right["sequences"]["lengths"], right["witness"]) == ("gru", [3, 2], None)


def test_only_those_that_are_named_are_checked(rnncheck: Callable[..., Any], project: Path) -> None:
    assert rnncheck("check", "right").code == 0
    assert rnncheck("check", "missing").code == 4
    unknown = rnncheck("check", "other")
    assert unknown.code == 2
    assert "there are right, wrong, missing" in unknown.stderr


@pytest.mark.parametrize(
    ("config", "code", "said"),
    [
        ("[tool.rnncheck]", 4, "has no [[tool.rnncheck.candidates]]"),
        ("[[tool.rnncheck.candidates]]\nname = 'a'", 2, "needs candidate"),
        ("[tool.rnncheck]\nhiden-size = 3\n[[tool.rnncheck.candidates]]\ncandidate = 'numpy'", 2, "mean hidden-size?"),
        ("[tool", 4, "is no TOML"),
    ],
)
def test_a_file_that_says_nothing_usable_is_told(
    config: str, code: int, said: str, rnncheck: Callable[..., Any], project: Path
) -> None:
    (project / "pyproject.toml").write_text(config)
    ended = rnncheck("check")
    assert (ended.code, ended.stdout) == (code, "")
    assert said in ended.stderr
