"""The command line, in this process and as a process of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from rnncheck.cli.outcome import run


@dataclass(frozen=True)
class Outcome:
    code: int
    stdout: str
    stderr: str


@pytest.fixture
def rnncheck(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Runs one command in this process."""

    def command(*arguments: object) -> Outcome:
        code = run([str(each) for each in arguments])
        return Outcome(code, *capsys.readouterr())

    return command


@pytest.fixture
def process() -> Callable[..., "subprocess.Popen[str]"]:
    """Starts one command as a process, its streams piped unless told otherwise."""

    def start(*arguments: object, **options: object) -> "subprocess.Popen[str]":
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
        if os.name == "posix":  # a suite in the background of a shell inherits that Ctrl-C is ignored
            streams["preexec_fn"] = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
        return subprocess.Popen([sys.executable, "-m", "rnncheck", *map(str, arguments)], **streams)

    return start
