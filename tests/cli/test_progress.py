"""What a terminal shows while a check takes long."""

import io
import time

import pytest

from rnncheck.cli import progress
from rnncheck.cli.progress import ProgressLine


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_how_long_something_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.5)
    stream = Terminal()
    with ProgressLine(stream, "reading mine.py:MyLSTM"):
        time.sleep(1.3)
    assert "reading mine.py:MyLSTM, 1 s" in stream.getvalue()
    assert stream.getvalue().endswith("\r\x1b[2K")


def test_elsewhere_it_shows_nothing_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.1)
    stream = io.StringIO()
    with ProgressLine(stream, "reading mine.py:MyLSTM"):
        time.sleep(0.3)
    assert stream.getvalue() == ""


def test_a_log_gets_no_line_when_all_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    stream = io.StringIO()
    with ProgressLine(stream, "reading mine.py:MyLSTM") as line:
        line(12, 12)
        assert stream.getvalue() == ""
        line(6, 12)
    assert stream.getvalue().startswith("compared 6 of 12 (50%) timesteps")
