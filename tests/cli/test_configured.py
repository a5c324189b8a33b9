"""`rnncheck check`: the candidates of a pyproject.toml, one table, the exit code of the worst."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnncheck.cli import configured
from rnncheck.reporters.terminal import render_checks

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
    rows = {line.split()[-1]: line.split()[1] for line in ended.stdout.splitlines()[1:4]}
    assert rows == {"right": "equivalent", "wrong": "mismatch", "missing": "error"}
    assert ended.stdout.splitlines()[-1].endswith("1 of 3 equivalent  (exit code 1)")
    assert "nowhere.py does not exist" in ended.stdout
    assert "rnncheck compare fault:gate-order:i,f,o,g --cell lstm" in ended.stdout
    right = json.loads((project / "right.json").read_text())
    assert (right["spec"]["cell"], right["sequences"]["lengths"], right["witness"]) == ("gru", [3, 2], None)


def test_only_those_that_are_named_are_checked(rnncheck: Callable[..., Any], project: Path) -> None:
    assert rnncheck("check", "right").code == 0
    assert rnncheck("check", "missing").code == 4
    unknown = rnncheck("check", "other")
    assert unknown.code == 2
    assert "there are right, wrong, missing" in unknown.stderr


def test_the_folder_of_the_reports_is_made_or_refused_before_anything_runs(
    rnncheck: Callable[..., Any], project: Path
) -> None:
    assert rnncheck("check", "right", "--report", "json=reports/%.json").code == 0
    assert json.loads((project / "reports" / "right.json").read_text())["verdict"] == "equivalent"
    (project / "file").write_text("")
    for pattern, code, said in (
        ("json=file/%.json", 4, "write file/right.json: its folder, {folder}, is not a folder; give another path"),
        ("jsn=reports/%.json", 2, "--report is jsn=reports/%.json; it must be FORMAT=FILE"),
    ):
        ended = rnncheck("check", "--report", pattern)
        assert (ended.code, ended.stdout) == (code, "")
        assert said.format(folder=project / "file") in ended.stderr


SAME_FILE = """
[[tool.rnncheck.candidates]]
name = "a b"
candidate = "numpy"
[[tool.rnncheck.candidates]]
name = "a/b"
candidate = "no-such"
"""


def test_each_candidate_has_a_report_of_its_own(rnncheck: Callable[..., Any], project: Path) -> None:
    (project / "pyproject.toml").write_text(SAME_FILE)
    refused = rnncheck("check", "--report", "json=all.json")
    assert (refused.code, refused.stdout) == (2, "")
    assert "each of the 2 candidates would write its report to all.json" in refused.stderr
    assert rnncheck("check", "--report", "json=%.json").code == 2
    codes = {path.name: json.loads(path.read_text())["exit_code"] for path in project.glob("*.json")}
    assert codes == {"a-b.json": 0, "a-b-2.json": 2}
    assert rnncheck("check", "a b", "--report", "json=one.json").code == 0


@pytest.mark.parametrize(
    ("config", "code", "said"),
    [
        ("[tool.rnncheck]", 4, "has no [[tool.rnncheck.candidates]]"),
        ("[[tool.rnncheck.candidates]]\nname = 'a'", 2, "needs candidate"),
        ("[tool.rnncheck]\nhiden-size = 3\n[[tool.rnncheck.candidates]]\ncandidate = 'numpy'", 2, "mean hidden-size?"),
        ("[tool", 4, "is not valid TOML"),
        ("[tool.rnncheck]\noutput = 'a'\n[[tool.rnncheck.candidates]]\ncandidate = 'numpy'", 2, "has output, which"),
        ("# \xff", 4, "is not valid TOML"),
        ("[tool]\nrnncheck = 3", 2, "rnncheck must be a table"),
    ],
)
def test_a_file_that_says_nothing_usable_is_told(
    config: str, code: int, said: str, rnncheck: Callable[..., Any], project: Path
) -> None:
    (project / "pyproject.toml").write_bytes(config.encode("latin-1"))
    ended = rnncheck("check")
    assert (ended.code, ended.stdout) == (code, "")
    assert said in ended.stderr


def test_none_is_begun_after_a_signal(
    rnncheck: Callable[..., Any], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = []

    def facts(command: Any, entry: configured.Configured, *rest: Any, **more: Any) -> dict[str, Any]:
        begun.append(entry.name)
        return {"verdict": "inconclusive", "exit_code": 130, "reason": "stopped", "command": None}

    monkeypatch.setattr(configured, "facts", facts)
    assert rnncheck("check").code == 130
    assert begun == ["right"]


def test_a_reason_of_several_lines_is_one_paragraph() -> None:
    failed = {"verdict": "error", "exit_code": 4, "reason": "it raises\n    ValueError\nMend it", "command": None}
    assert "reason  it raises ValueError; Mend it" in render_checks([("mine", failed)], 4)
