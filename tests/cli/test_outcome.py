"""However a run ends, its exit code says how; 1 is a mismatch and nothing else."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnncheck.cli import outcome
from rnncheck.errors import CannotRun, ExitCode, Stopped, UsageError

LONG = ["compare", "--seq-len", "5000000", "--batch-size", "1"]
QUICK = ["compare", "--paths", "none", "--no-witness", "--no-backward"]
posix = pytest.mark.skipif(os.name != "posix", reason="signals and special files as POSIX has them")


def test_the_exit_codes_are_the_documented_ones() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "EQUIVALENT": 0,
        "MISMATCH": 1,
        "USAGE": 2,
        "BUG": 3,
        "CANNOT_RUN": 4,
        "INCONCLUSIVE": 5,
        "SLOWER": 6,
        "HUNG_UP": 129,
        "INTERRUPTED": 130,
        "STDOUT_CLOSED": 141,
        "TERMINATED": 143,
    }


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (UsageError("wrong"), 2),
        (CannotRun("unusable"), 4),
        (RuntimeError("unforeseen"), 3),
        (SystemExit(1), 3),
        (MemoryError(), 4),
        (KeyboardInterrupt(), 130),
        (Stopped(ExitCode.TERMINATED), 143),
        (Stopped(ExitCode.HUNG_UP), 129),
    ],
    ids=repr,
)
def test_what_escapes_a_command_ends_with_a_code_of_its_own(
    problem: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(*arguments: object, **options: object) -> None:
        raise problem

    monkeypatch.setattr("rnncheck.cli.app.command", lambda: failing)
    assert outcome.run(["compare"]) == code
    said = capsys.readouterr().err
    assert ("Traceback" in said) == (code == ExitCode.BUG)


def test_a_mismatch_is_exit_1_and_the_report_is_on_stdout(rnncheck: Callable[..., Any]) -> None:
    ended = rnncheck("compare", "--atol", "0", "--hidden-size", "64", "--seq-len", "50")
    assert ended.code == 1
    assert "mismatch" in ended.stdout.splitlines()[0]
    assert ended.stderr == ""


def test_what_cannot_be_decided_is_exit_5(rnncheck: Callable[..., Any], tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_text("a,b\n1,2\nnan,3\n4,5\n")
    ended = rnncheck("run", data, "--allow-nonfinite")
    assert ended.code == 5
    assert "inconclusive" in ended.stdout.splitlines()[0]


def test_a_device_that_is_not_there_is_exit_4_and_lists_those_that_are(rnncheck: Callable[..., Any]) -> None:
    ended = rnncheck("compare", "--device", "cuda:99")
    assert ended.code == 4
    assert "available: cpu" in ended.stderr
    assert ended.stdout == ""


@pytest.mark.sample(1)
@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_a_long_run_with_its_code_and_a_partial_report(
    process: Callable[..., Any], number: int, code: int, tmp_path: Path
) -> None:
    path = tmp_path / "report.json"
    running = process(*LONG, "--format", "json", "-o", path)
    # The first chunk has been compared once progress is told.
    assert "compared" in running.stderr.readline()
    running.send_signal(number)
    running.communicate(timeout=60)
    assert running.returncode == code
    assert '"exit_code": ' + str(code) in path.read_text()
    assert "before the end of the data" in path.read_text()


@pytest.mark.parametrize("command", [["compare"], ["check"]])
@pytest.mark.parametrize(
    ("interrupt", "code"), [(KeyboardInterrupt(), 130), (Stopped(ExitCode.TERMINATED), 143)], ids=repr
)
def test_an_interrupt_before_a_verdict_is_told(
    command: list[str],
    interrupt: BaseException,
    code: int,
    rnncheck: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    def interrupted(*arguments: object) -> None:
        raise interrupt

    monkeypatch.setattr("rnncheck.checking.check.check", interrupted)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[[tool.rnncheck.candidates]]\ncandidate = 'numpy'\n")
    ended = rnncheck(*command, "--report", "json=report.json")
    assert (ended.code, ended.stderr, ended.stdout) == (code, "interrupted before there was a verdict\n", "")
    told = json.loads((tmp_path / "report.json").read_text())
    assert (told["exit_code"], told["reason"]) == (code, "interrupted before there was a verdict")


@posix
def test_a_signal_while_torch_is_imported_ends_with_its_code_too(process: Callable[..., Any]) -> None:
    running = process(*LONG)
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
    for _ in range(3000 if children.exists() else 40):  # until it has started the process that imports torch
        time.sleep(0.01)
        if children.exists() and children.read_text():
            break
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in said


@posix
def test_a_reader_that_leaves_early_is_exit_141(process: Callable[..., Any]) -> None:
    reading, writing = os.pipe()
    running = process(*QUICK, "--seq-len", "2000", "--rows", "all", stdout=writing)
    os.close(writing)
    os.close(reading)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 141
    assert "error" not in said
    assert "Traceback" not in said


@pytest.mark.sample(1)
@posix
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", [QUICK, [*QUICK, "-q"], [*QUICK, "--format", "json"], ["doctor"]])
def test_a_full_stdout_is_exit_4_and_says_so(process: Callable[..., Any], arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        running = process(*arguments, stdout=full)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 4
    assert "stdout cannot be written" in said
    assert "Traceback" not in said


@pytest.mark.sample(2)
@pytest.mark.parametrize("arguments", [["--help"], ["doctor"], QUICK, ["compare", "--device", "тест"]])
def test_an_ascii_terminal_is_no_reason_to_fail(process: Callable[..., Any], arguments: list[str]) -> None:
    running = process(*arguments, env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    printed, said = running.communicate(timeout=60)
    assert running.returncode == (2 if "тест" in arguments else 0)
    assert (printed + said).isascii()


def test_a_terminal_width_that_is_no_number_is_no_reason_to_fail(
    process: Callable[..., Any], rnncheck: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    running = process("--help", env={**os.environ, "TERMINAL_WIDTH": "abc", "COLUMNS": "abc"})
    running.communicate(timeout=60)
    assert running.returncode == 0
    monkeypatch.setenv("COLUMNS", "abc")
    assert rnncheck(*QUICK).code == 0


def test_an_output_path_that_cannot_be_written_is_refused_before_the_work(
    rnncheck: Callable[..., Any], tmp_path: Path
) -> None:
    for option in ("--output", "--save-weights"):
        ended = rnncheck(*LONG, option, tmp_path / "no" / "such" / "folder.json")
        assert ended.code == 4
        assert "Traceback" not in ended.stderr


def test_help_and_version_are_exit_0(rnncheck: Callable[..., Any]) -> None:
    for arguments in (["--help"], ["-h"], ["--version"], ["compare", "--help"], ["run", "-h"], ["doctor", "--help"]):
        ended = rnncheck(*arguments)
        assert ended.code == 0
        assert ended.stderr == ""
        assert "rnncheck" in ended.stdout


def test_no_command_at_all_shows_the_help_and_is_exit_2(rnncheck: Callable[..., Any]) -> None:
    ended = rnncheck()
    assert ended.code == 2
    assert "compare" in ended.stdout + ended.stderr


def test_doctor_tells_versions_devices_and_switches(rnncheck: Callable[..., Any]) -> None:
    ended = rnncheck("doctor")
    assert ended.code == 0
    for word in ("torch", "numpy", "cpu", "tf32"):
        assert word in ended.stdout


@posix
def test_a_report_for_a_stdout_that_is_closed_from_the_start_is_an_error(tmp_path: Path) -> None:
    options = ["--atol", "0", "--hidden-size", "64", "--seq-len", "50", "--no-diagnose"]
    command = shlex.join([sys.executable, "-m", "rnncheck", *QUICK, *options])
    lost = subprocess.run(f"{command} >&-", shell=True, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert lost.returncode == 4
    assert "stdout cannot be written" in lost.stderr
    kept = tmp_path / "report.txt"
    closed = subprocess.run(f"{command} -o {shlex.quote(str(kept))} <&- >&- 2>&-", shell=True, timeout=60, check=False)
    assert closed.returncode == 1
    assert "mismatch" in kept.read_text()
