"""Reports an error in the user's code at its file and line, without rnncheck's own frames."""

import ast
import linecache
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from traceback import walk_tb
from typing import NamedTuple

import torch
from torch import nn

from rnncheck.errors import CannotRun, RnncheckError
from rnncheck.extras import extra_of
from rnncheck.implementations.uses import NotOffered, WrongUse
from rnncheck.text import as_options, printable
from rnncheck.user_code.own_code import is_own, shown, source_line

LONGEST_MESSAGE = 600  # of a message
IN_TORCHSCRIPT = "The following operation failed in the TorchScript interpreter"  # and after it what failed
CAUSE = re.compile(r"\w*(Error|Exception): .")


class CandidateError(CannotRun):
    """The candidate's code raised. `reached` are the lines of its code in the traceback, the innermost last.

    `always` is what it raised, and where, if every call raised the same at one line.
    """

    def __init__(self, message: str, reached: tuple[int, ...] = (), always: str = "") -> None:
        super().__init__(message)
        self.reached, self.always = reached, always

    @property
    def in_its_code(self) -> bool:
        """Whether a line of its code is known."""
        return bool(self.reached)


class Hint(NamedTuple):
    """What to try, in words, and the options of the model for that, if it is options."""

    said: str
    fits: Mapping[str, int] = {}


def to_add(why: str, **fits: int) -> Hint:
    """The hint to add these options."""
    return Hint(f"{why}; add {as_options(fits)}", fits)


class NoStates(CannotRun):
    """The candidate's code ran, and what it returned has no states."""


def furthest(problems: Sequence[CannotRun]) -> CannotRun:
    """The first of those that got furthest in the candidate's code; what ran to its end got further than all others."""
    ran = [each for each in problems if isinstance(each, NoStates)]
    return max(ran or problems, key=lambda each: each.reached if isinstance(each, CandidateError) else ())


@contextmanager
def blaming(what: str, own: Path | None = None) -> Iterator[None]:
    """A context that turns errors of the candidate's code into a `CandidateError`. `own` is the candidate's file."""
    try:
        yield
    except (RnncheckError, NotOffered, WrongUse, KeyboardInterrupt, torch.cuda.OutOfMemoryError, MemoryError):
        raise
    except BaseException as problem:  # a candidate may have one of its own
        raise blamed(problem, what, own) from problem


def blamed(problem: BaseException, what: str, own: Path | None = None) -> CandidateError:
    """`my_lstm.py:14 in forward: RuntimeError: ...` and the line; without such a line, what was being done."""
    said = told(problem)
    if isinstance(problem, SyntaxError) and problem.filename and problem.lineno:
        source = source_line(problem.filename, problem.lineno)
        return CandidateError(f"{shown(problem.filename)}:{problem.lineno}: {said}{source}", (problem.lineno,))
    walked = walk_tb(problem.__traceback__)
    frames = [(each.f_code, line) for each, line in walked if is_own(each.f_code.co_filename, own)]
    if not frames:
        return CandidateError(f"{what}: {said}")
    code, line = frames[-1]
    function = "" if code.co_name == "<module>" else f" in {code.co_name}"
    source = source_line(code.co_filename, line)
    message = f"{shown(code.co_filename)}:{line}{function}: {said}{source}"
    return CandidateError(message, tuple(begun(each.co_filename, number) for each, number in frames))


def begun(filename: str, line: int) -> int:
    """The first line of the statement that a line is part of: arguments are computed before a call."""
    starts = [start for start, end in statements(filename) if start <= line <= end]
    return max(starts, default=line)


@lru_cache(maxsize=64)
def statements(filename: str) -> tuple[tuple[int, int], ...]:
    """The first and the last line of every statement in a file that is not made of others."""
    try:
        tree = ast.parse("".join(linecache.getlines(filename)))
    except (SyntaxError, ValueError, RecursionError):
        return ()
    return tuple(
        (each.lineno, each.end_lineno or each.lineno)
        for each in ast.walk(tree)
        if isinstance(each, ast.stmt) and not hasattr(each, "body")
    )


def told(problem: BaseException) -> str:
    """What was raised, in one line; of TorchScript's error, the one inside."""
    if isinstance(problem, SystemExit):
        return f"it calls exit({problem.code if problem.code is not None else ''})"
    message = problem.msg if isinstance(problem, SyntaxError) else str(problem)
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    if lines and lines[0].startswith(IN_TORCHSCRIPT) and (causes := [line for line in lines if CAUSE.match(line)]):
        return printable(causes[-1], LONGEST_MESSAGE)
    shown = [printable(lines[0], LONGEST_MESSAGE)] if lines else []
    return ": ".join([type(problem).__name__, *shown]) + install_line(problem)


def install_line(problem: BaseException) -> str:
    """How to install the package of a module that was not found, if it is among rnncheck's optional ones."""
    module = problem.name if isinstance(problem, ModuleNotFoundError) else None
    extra = extra_of((module or "").partition(".")[0])
    return f"; pip install 'rnncheck[{extra}]'" if extra else ""


def is_hopeless(problem: CannotRun) -> bool:
    """Whether its code names what is not defined, or what a module does not have, or calls itself without end, which
    hardly another call changes.
    """
    cause = problem.__cause__
    if isinstance(cause, AttributeError) and cause.__traceback__ is not None:
        *_, (frame, _) = walk_tb(cause.__traceback__)
        return frame.f_code is nn.Module.__getattr__.__code__
    return isinstance(cause, NameError | RecursionError) and not isinstance(cause, UnboundLocalError)
