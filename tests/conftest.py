"""The command line, in this process and as a process of its own; and which cases of a long test are run by default."""

import os
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import settings

from rnncheck.cli.outcome import run

settings.register_profile("short", max_examples=40)  # of a test that says no number
settings.load_profile("short")


@dataclass(frozen=True)
class Outcome:
    code: int
    stdout: str
    stderr: str


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of the cases of a test marked `sample(n)`, n spread evenly are run; the others are slow, and `explained`."""
    cases = defaultdict(list)
    for item in items:
        if (marker := item.get_closest_marker("sample")) is not None:
            cases[item.nodeid.partition("[")[0], *marker.args].append(item)
    for (_, kept), found in cases.items():
        chosen = {round(number * (len(found) - 1) / max(kept - 1, 1)) for number in range(kept)}
        for index, item in enumerate(found):
            if index not in chosen:
                item.add_marker("slow")
    for item in items:
        if item.get_closest_marker("slow") is not None:
            item.add_marker("explained")


# What takes most of a check's time and few tests are about, by the marker of those: the paths; the known faults that
# are tried after a mismatch or planted after a pass; the seconds in which a wrong layer is read beside each of them.
LEFT_OUT = (
    ("paths", "rnncheck.checking.examine.UNASKED", "none"),
    ("paths", "rnncheck.sweep.judging.PATHS", "none"),
    ("explained", "rnncheck.checking.examine.account_for", lambda *_: None),
    ("patient", "rnncheck.mapping.budget.FOR_FAULTS", 0.1),
)


@pytest.fixture(autouse=True)
def _left_out(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    for marker, what, instead in LEFT_OUT:
        if request.node.get_closest_marker(marker) is None:
            monkeypatch.setattr(what, instead)


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
