"""Runs a command in a child process, so that a crash, a hang or an exit of user code still ends with an error.

No handler in Python can catch what a candidate does in native code. So the command forks before anything slow is
imported. The parent waits, and ends with the exit code that the child told it. If the child told none, the parent reads
from a pipe at which line it was, as Python's faulthandler wrote it there. This is done on Linux alone: on macOS
libraries may not survive a fork, and Windows has none.
"""

import faulthandler
import os
import re
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

from rnncheck.cli.signals import ENDING, held_back
from rnncheck.cli.streams import say
from rnncheck.errors import ExitCode, UsageError
from rnncheck.user_code.own_code import is_own, shown, source_line

ENDED = re.compile(rb"\0ended (\d+)\0")
FRAME = re.compile(r'  File "(?P<file>.*)", line (?P<line>\d+) in (?P<function>.*)')
TIMEOUT = "Timeout ("  # with which a traceback begins that was written because time was up
RNNCHECK = str(Path(__file__).parents[1])
PYTHONS = str(Path(os.__file__).parent)  # the standard library
STOPPED: dict[int, ExitCode] = {2: ExitCode.INTERRUPTED, 15: ExitCode.TERMINATED, 1: ExitCode.HUNG_UP}  # by signal
MOST_BYTES = 1 << 16  # bytes of what the child tells

_channel: int | None = None  # the child's end of the pipe; None without a parent that attends


def in_child_process() -> None:
    """Continues in a child process. The parent waits, passes signals on, and ends as the child does."""
    global _channel
    if sys.platform != "linux":
        return
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # else, where it is ignored, how the child ends is lost
    reading, writing = os.pipe()
    with held_back():
        child = os.fork()
        if child:
            for number in ENDING:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    signal.signal(number, handing_on(child))
        else:
            os.close(reading)
            os.set_blocking(writing, False)  # nobody reads until the end, and what does not fit is not needed
            faulthandler.enable(writing)
            _channel = writing
    if child:
        os.close(writing)
        _, status = os.waitpid(child, 0)
        os.set_blocking(reading, False)  # a process that the candidate left behind may hold the other end
        with suppress(BlockingIOError):
            told = os.read(reading, MOST_BYTES)
            os._exit(outcome(told, os.waitstatus_to_exitcode(status)))
        os._exit(outcome(b"", os.waitstatus_to_exitcode(status)))


def handing_on(child: int) -> Callable[[int, FrameType | None], None]:
    def hand_on(number: int, frame: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            os.kill(child, number)

    return hand_on


def end_with(code: int) -> None:
    """Sends the exit code to the parent, which keeps it even if this process crashes later."""
    if _channel is not None:
        with suppress(OSError):
            os.write(_channel, b"\0ended %d\0" % code)


def end_with_parent() -> None:
    """Asks Linux to kill this process when its parent is killed."""
    if _channel is not None:
        import ctypes  # which torch has imported by then

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def require_parent() -> None:
    """Raises `UsageError` if there is no parent that could enforce a time limit."""
    if _channel is None:
        raise UsageError("--timeout works on Linux only; leave it out")


def limit(seconds: float) -> None:
    """Limits the time of this process from now on. Needs a parent."""
    assert _channel is not None
    faulthandler.dump_traceback_later(seconds, exit=True, file=_channel)


def outcome(told: bytes, status: int) -> int:
    """The exit code of a command whose process ended with `status`, negative for a signal; why, if it told no code."""
    if found := ENDED.findall(told):
        return int(found[-1])
    if -status in STOPPED:  # before anything could be said of it
        return STOPPED[-status]
    say(f"error: {explained(told.decode(errors='backslashreplace'), status)}")
    return ExitCode.CANNOT_RUN


def explained(told: str, status: int) -> str:
    """Why the process ended, and at which line."""
    where, line, own = place(told)
    if TIMEOUT in told:
        clock = re.search(r"Timeout \((\d+):(\d+):([\d.]+)\)", told)
        seconds = (
            sum(float(each) * unit for each, unit in zip(clock.groups(), (3600, 60, 1), strict=True)) if clock else 0
        )
        where, line = (where, line) if own else ("", "")  # of rnncheck's own code, the line is of no use
        return f"{where}the check did not end within {seconds:g} s; --timeout S gives it more time{line}"
    if status >= 0:
        return f"the candidate's code ended the process, with exit code {status}, before there was a verdict"
    number = signal.Signals(-status)
    what = signal.strsignal(number) or number.name
    if number is signal.SIGKILL:
        return "the process was killed from outside, perhaps because memory ran out; choose smaller sizes"
    if not where:
        return (
            f"the process crashed: {what} ({number.name}); native code that the candidate calls may have read or "
            "written beyond its tensors before; check the shapes of what it hands over"
        )
    return f"{where}the process crashed here: {what} ({number.name}){line}"


def place(told: str) -> tuple[str, str, bool]:
    """The innermost line of the candidate's own among those that were written down, else the innermost of all; and
    whether it is one of its own.
    """
    frames = [match.groupdict() for match in map(FRAME.fullmatch, told.splitlines()) if match]
    frames = [each for each in frames if each["file"] != sys.argv[0]]  # the script rnncheck
    own = [each for each in frames if is_own(each["file"])]
    callers = [each for each in frames if not each["file"].startswith(PYTHONS) or "site-packages" in each["file"]]
    ours = not own and bool(callers) and callers[0]["file"].startswith(RNNCHECK)  # not where it happened
    if not frames or ours or (TIMEOUT in told and not own):
        return "", "", False
    frame = (own or frames)[0]
    said = f"{shown(frame['file'])}:{frame['line']} in {frame['function']}: "
    return said, source_line(frame["file"], int(frame["line"])), bool(own)
