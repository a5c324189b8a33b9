"""The command line, in this process and as a process of its own."""

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
        return subprocess.Popen([sys.executable, "-m", "rnncheck", *map(str, arguments)], **streams)

    return start
