"""`--report FORMAT=FILE`: every format, however the check ends."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree

import pytest

from rnncheck.cli.repeat import quoted
from rnncheck.reporters.formats import FileFormat

FORMATS = get_args(FileFormat)
ENDINGS = {
    0: ["compare", "--no-witness", "--no-backward"],
    1: ["compare", "--atol", "0", "--hidden-size", "64", "--seq-len", "50", "--no-diagnose"],
    2: ["compare", "--hidden-size", "0"],
    4: ["compare", "nowhere.py:Layer"],
    5: ["run", "DATA", "--allow-nonfinite", "--no-backward"],
}
VERDICTS = {0: "equivalent", 1: "mismatch", 2: "error", 4: "error", 5: "inconclusive"}


@pytest.mark.parametrize("code", ENDINGS)
def test_every_format_is_written_however_the_check_ends(
    code: int, rnncheck: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "DATA").write_text("a,b\n1,2\nnan,3\n4,5\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    wanted = [argument for name in FORMATS for argument in ("--report", f"{name}={name}.out")]
    outcome = rnncheck(*ENDINGS[code], *wanted, "-q")
    assert outcome.code == code
    facts = json.loads((tmp_path / "json.out").read_text())
    assert (facts["verdict"], facts["exit_code"]) == (VERDICTS[code], code)
    assert facts["command"].startswith(f"rnncheck {ENDINGS[code][0]}")
    word = "could not run" if code in (2, 4) else VERDICTS[code]
    for name in ("markdown", "html"):
        assert word in (tmp_path / f"{name}.out").read_text()
    assert (tmp_path / "summary.md").read_text() == (tmp_path / "markdown.out").read_text()
    suite = ElementTree.parse(tmp_path / "junit.out").getroot()[0]
    assert float(suite.attrib["time"]) == sum(float(each.attrib["time"]) for each in suite.iter("testcase"))
    assert code not in (0, 1, 5) or float(suite.attrib["time"]) > 0
    assert (tmp_path / "github.out").read_text().startswith("::")


def test_json_on_stdout_is_json_for_an_error_too(rnncheck: Callable[..., Any]) -> None:
    outcome = rnncheck("compare", "nowhere.py:Layer", "--format", "json")
    assert outcome.code == 4
    assert json.loads(outcome.stdout)["reason"] == "nowhere.py does not exist"
    assert outcome.stderr == "error: nowhere.py does not exist\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--report", "xml=a.xml"], "json, junit, github, markdown, html"),
        (["--report", "json"], "--report json=report.json"),
        (["--report", "json=a", "--report", "html=a"], "two reports would be written to a"),
        (["--report", "github", "--format", "json"], "would both go to stdout"),
    ],
)
def test_a_report_that_has_no_place_is_refused(arguments: list[str], said: str, rnncheck: Callable[..., Any]) -> None:
    outcome = rnncheck("compare", *arguments)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert said in outcome.stderr


def test_the_command_in_a_report_repeats_it(rnncheck: Callable[..., Any]) -> None:
    options = ["--cell", "lstm", "--no-bias", "--bidirectional", "--lengths", "3,2", "--no-witness", "--no-backward"]
    facts = json.loads(rnncheck("compare", "numpy", *options, "--format", "json").stdout)
    assert facts["command"].startswith("rnncheck compare numpy --")
    assert set(facts["command"].split()) == {"rnncheck", "compare", "numpy", *options}


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
@pytest.mark.parametrize("word", ["two words", "new\nline's.csv", "tab\there", "\x1b[31m", "über\n", "\U000e0001x"])
def test_a_shell_reads_each_word_of_it_as_it_was(word: str) -> None:
    printed = subprocess.run(["bash", "-c", f"printf %s {quoted(word)}"], capture_output=True, text=True, check=True)
    assert printed.stdout == word
    assert quoted(word).isprintable()


def test_a_byte_of_a_file_name_that_is_no_text_stays_that_byte() -> None:
    assert quoted("\udcffname.csv") == "$'\\xffname.csv'"
