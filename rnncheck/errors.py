"""The errors and their exit codes.

A script may rely on the codes: 1 is a mismatch and nothing else, so every other way to end has a
number of its own.
"""

from collections.abc import Mapping
from copy import copy
from enum import IntEnum
from types import MappingProxyType
from typing import Self


class ExitCode(IntEnum):
    """The exit codes of the process."""

    EQUIVALENT = 0  # everything planned was compared and agrees
    MISMATCH = 1  # and nothing else ever gives 1
    USAGE = 2  # the command is wrong: unknown option, impossible spec
    BUG = 3  # a bug in rnncheck
    CANNOT_RUN = 4  # data, weights, candidate, device, backend or output path
    INCONCLUSIVE = 5  # ran, but this evidence cannot decide
    SLOWER = 6  # bench: slower than --fail-below allows
    HUNG_UP = 129
    INTERRUPTED = 130
    STDOUT_CLOSED = 141
    TERMINATED = 143


class RnncheckError(Exception):
    """An error explained in one or two lines: what is wrong, where, what is allowed, and what to do."""

    exit_code = ExitCode.BUG


class UsageError(RnncheckError):
    """The command is wrong: an unknown option, or an impossible spec."""

    exit_code = ExitCode.USAGE


class CannotRun(RnncheckError):
    """The command is right, but something that it names cannot be used.

    `fits` are options of the model with which it may run, such as {"input_size": 4}; the message says them, too.
    """

    exit_code = ExitCode.CANNOT_RUN
    fits: Mapping[str, int] = MappingProxyType({})

    def hinted(self, said: str, fits: Mapping[str, int] | None = None) -> Self:
        """The same error with one more line."""
        problem = copy(self)
        problem.args, problem.fits = (f"{self}\n{said}",), fits or self.fits
        return problem


class DataError(CannotRun):
    """A data file that cannot be read without guessing."""


class WeightsError(CannotRun):
    """Weights that do not fit the spec, or a weights file that cannot be read."""


class DeviceError(CannotRun):
    """A device that was not found."""


class RefusedError(CannotRun):
    """An implementation does not support something in the spec."""


class OutputError(CannotRun):
    """A report that cannot be written to the given place."""


class Stopped(KeyboardInterrupt):
    """A signal ended the run; it carries the exit code of that signal."""

    def __init__(self, exit_code: ExitCode) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


INTERRUPTED = "interrupted before there was a verdict"


class Interrupted(BaseException):
    """Carries a Ctrl-C or a signal past typer, which would make an exit without a word of it."""

    def __init__(self, interrupt: KeyboardInterrupt) -> None:
        super().__init__(interrupt)
        self.interrupt = interrupt


def exit_code_of(problem: BaseException) -> ExitCode:
    """The exit code for this exception."""
    match problem:
        case RnncheckError() | Stopped():
            return problem.exit_code
        case KeyboardInterrupt():
            return ExitCode.INTERRUPTED
        case MemoryError() | RuntimeError() if isinstance(problem, MemoryError) or "memory" in str(problem):
            return ExitCode.CANNOT_RUN
        case _:
            return ExitCode.BUG
