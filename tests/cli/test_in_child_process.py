"""A candidate that crashes, hangs or ends the process by itself is told in a sentence, with exit code 4."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnncheck.cli import in_child_process
from rnncheck.cli.in_child_process import explained, outcome
from rnncheck.errors import ExitCode

Process = Callable[..., "subprocess.Popen[str]"]
linux = pytest.mark.skipif(sys.platform != "linux", reason="only there is a process attended")
LAYER = """import atexit, ctypes, os, time
from torch import nn

class Mine(nn.RNN):
    def forward(self, x, h=None):
        {line}
        return super().forward(x, h)
"""


def ended(process: Process, folder: Path, line: str, *options: str) -> tuple[int, str, str]:
    (folder / "mine.py").write_text(LAYER.replace("{line}", line))
    started = process("compare", "mine.py:Mine", "-q", "--no-witness", "--paths", "none", *options, cwd=folder)
    stdout, stderr = started.communicate(timeout=300)
    return started.returncode, stdout, stderr


@pytest.mark.sample(1)
@linux
@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "ctypes.string_at(0)",
            "mine.py:6 in forward: the process crashed here: Segmentation fault (SIGSEGV)\n    ctypes",
        ),
        ("ctypes.CDLL(None)._exit(0)", "the candidate's code ended the process, with exit code 0, before"),
        ("os.kill(os.getpid(), 9)", "the process was killed from outside"),
    ],
)
def test_what_ends_the_process_is_told(process: Process, tmp_path: Path, line: str, said: str) -> None:
    code, stdout, stderr = ended(process, tmp_path, line)
    assert (code, stdout) == (4, "")
    assert stderr.startswith(f"error: {said}")


@linux
def test_a_hang_ends_at_the_timeout_with_the_line_where_it_was(process: Process, tmp_path: Path) -> None:
    line = "\n            ".join(("while True:", "try:", "    time.sleep(60)", "except BaseException:", "    pass"))
    code, stdout, stderr = ended(process, tmp_path, line, "--timeout", "4")
    assert (code, stdout) == (4, "")
    assert "did not end within 4 s; --timeout S" in stderr
    assert stderr.startswith("error: mine.py:8 in forward: the check did not end")
    assert stderr.endswith("\n    time.sleep(60)\n")


@linux
def test_a_verdict_stands_even_if_the_process_crashes_afterwards(process: Process, tmp_path: Path) -> None:
    code, stdout, stderr = ended(process, tmp_path, "atexit.register(ctypes.string_at, 0)", "--timeout", "300")
    assert (code, stdout.startswith("equivalent"), stderr) == (0, True, "")


@linux
def test_the_process_ends_with_its_parent(process: Process, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(LAYER.replace("{line}", "print(os.getpid(), flush=True); time.sleep(300)"))
    with process("compare", "mine.py:Mine", cwd=tmp_path) as started:
        assert started.stderr is not None
        child = int(started.stderr.readline())
        started.kill()
        started.wait()
        deadline = time.monotonic() + 20
        while running(child) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not running(child)


def running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_without_a_process_that_watches_a_timeout_is_refused(rnncheck: Callable[..., Any]) -> None:
    refused = rnncheck("compare", "--timeout", "5")
    assert refused.code == 2
    assert "leave it out" in refused.stderr


@pytest.mark.parametrize(
    ("told", "status", "code"),
    [(b"\0ended 1\0", 1, 1), (b"Timeout (0:00:01)!\n\0ended 5\0", 1, 5), (b"", 1, 4), (b"", -2, 130)],
)
def test_an_exit_code_that_nobody_told_is_not_believed(
    told: bytes, status: int, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert outcome(told, status) == code
    assert bool(capsys.readouterr().err) == (code == ExitCode.CANNOT_RUN)


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_a_crash_outside_of_the_candidate_names_the_innermost_line() -> None:
    told = 'Fatal Python error: Segmentation fault\n\n  File "/x/torch/rnn.py", line 3 in run\n'
    assert explained(told, -signal.SIGSEGV).startswith("/x/torch/rnn.py:3 in run: the process crashed here")


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_a_crash_in_rnncheck_s_own_code_names_no_line() -> None:
    told = f'Fatal Python error: Aborted\n\n  File "{in_child_process.__file__}", line 3 in run\n'
    assert explained(told, -signal.SIGABRT).startswith("the process crashed: Aborted (SIGABRT); native code")


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_a_crash_in_what_rnncheck_calls_of_python_names_no_line() -> None:
    frames = f'  File "{os.__file__}", line 1 in string\n  File "{in_child_process.__file__}", line 3 in run\n'
    told = f"Fatal Python error: Aborted\n\n{frames}"
    assert explained(told, -signal.SIGABRT).startswith("the process crashed: Aborted (SIGABRT); native code")
