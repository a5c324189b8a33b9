"""The outermost handler: turns every outcome into an exit code and a message.

Python ends with 1 for any uncaught exception and for a stdout that was closed early; here 1 means only a mismatch.
"""

import atexit
import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import Any, NoReturn

import typer

from rnncheck.cli import signals
from rnncheck.cli.in_child_process import end_with, in_child_process
from rnncheck.cli.streams import STDERR, STDOUT, lead_to_stderr, occupy_closed, say
from rnncheck.errors import INTERRUPTED, ExitCode, Interrupted, RnncheckError, Stopped

# typer's base of all usage errors, wherever typer keeps its click
COMMAND_LINE_ERROR: Any = typer.BadParameter.__bases__[0]
PRINT = {"-h", "--help", "--version", "faults"}  # where no code of a user's is run
COMPLETION = {"--install-completion", "--show-completion"}  # typer's own, which exit by themselves


def main() -> NoReturn:
    """The entry point of the command line."""
    occupy_closed()
    if not PRINT.intersection(sys.argv[1:]) and not completes(sys.argv[1:]):
        try:
            in_child_process()
        except KeyboardInterrupt as problem:  # that was held back until the child process was there
            end(explain(problem))
    end(run(sys.argv[1:]))


def end(code: int) -> NoReturn:
    """Ends the process with this code, without the exit handlers that a candidate may have registered."""
    really = os._exit
    end_with(code)
    os._exit = lambda status: really(code)
    with suppress(BaseException):
        sys.stdout.flush()
    with suppress(BaseException):
        lead_to_stderr()
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(BaseException):
            stream.flush()
    really(code)


def run(arguments: list[str]) -> int:
    """Runs one command and returns its exit code. No exception leaves it."""
    prepare_streams()
    signals.catch()
    try:
        from rnncheck.cli.app import command

        code = command()(arguments, prog_name="rnncheck", standalone_mode=False)
        sys.stdout.flush()
        return int(code or ExitCode.EQUIVALENT)
    except BaseException as problem:
        if isinstance(problem, SystemExit) and completes(arguments) and not isinstance(problem.__context__, OSError):
            return ExitCode.CANNOT_RUN if problem.code else ExitCode.EQUIVALENT
        return explain(problem)


def completes(arguments: list[str]) -> bool:
    """Whether typer only completes a command line for the shell, or sets that up; no check is run then."""
    return "_RNNCHECK_COMPLETE" in os.environ or bool(COMPLETION.intersection(arguments[:1]))


def prepare_streams() -> None:
    """Streams that were closed are opened; one that cannot encode a character escapes it."""
    sys.stdout = sys.stdout or open(STDOUT, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(STDERR, "w", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def explain(problem: BaseException) -> int:
    """Says on stderr what went wrong, in one or two lines, and returns the exit code for it."""
    if isinstance(problem, Interrupted):
        problem = problem.interrupt
    if isinstance(problem, SystemExit) and isinstance(problem.__context__, OSError):
        problem = problem.__context__  # typer turns a stdout closed early into exit 1
    match problem:
        case BrokenPipeError():
            discard_stdout()
            return ExitCode.STDOUT_CLOSED
        case Stopped():
            say(INTERRUPTED)
            return problem.exit_code
        case KeyboardInterrupt() | typer.Abort():
            say(INTERRUPTED)
            return ExitCode.INTERRUPTED
        case RnncheckError():
            say(f"error: {problem}")
            return problem.exit_code
        case COMMAND_LINE_ERROR():
            message, context = problem.format_message(), getattr(problem, "ctx", None)
            if message.startswith("Usage:"):  # no command at all
                say(message)
            else:
                say(f"error: {message}" + (f"\nTry '{context.command_path} --help'." if context else ""))
            return ExitCode.USAGE
        case typer.Exit():
            return problem.exit_code
        case OSError() if problem.filename is None:  # every file is opened by name: this is a stream
            discard_stdout()
            say(f"error: stdout cannot be written: {problem.strerror}; use --output FILE")
            return ExitCode.CANNOT_RUN
        case MemoryError() | RuntimeError() if isinstance(problem, MemoryError) or "memory" in str(problem):
            say("error: there is not enough memory for this; choose smaller sizes, or --window N for long data")
            return ExitCode.CANNOT_RUN
        case _:
            import traceback

            say("".join(traceback.format_exception(problem)).rstrip())
            say("error: this is a bug in rnncheck; please report it with the lines above")
            return ExitCode.BUG


def discard_stdout() -> None:
    """Lets the interpreter flush at exit without failing again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
