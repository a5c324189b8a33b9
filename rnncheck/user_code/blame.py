"""Reports an error in the user's code at its file and line, without rnncheck's own frames."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb

import torch

from rnncheck.errors import CannotRun, RnncheckError
from rnncheck.text import printable
from rnncheck.user_code.own_code import is_own, shown, source_line

LONGEST = 600  # of a message


class CandidateError(CannotRun):
    """The candidate's code raised. `in_its_code` says whether a line of its code is known."""

    def __init__(self, message: str, in_its_code: bool = True) -> None:
        super().__init__(message)
        self.in_its_code = in_its_code


@contextmanager
def blaming(what: str, own: Path | None = None) -> Iterator[None]:
    """A context that turns errors of the candidate's code into a `CandidateError`. `own` is the candidate's file."""
    try:
        yield
    except (RnncheckError, KeyboardInterrupt, torch.cuda.OutOfMemoryError, MemoryError):
        raise
    except BaseException as problem:  # a candidate may have one of its own
        raise blamed(problem, what, own) from problem


def blamed(problem: BaseException, what: str, own: Path | None = None) -> CandidateError:
    """`my_lstm.py:14 in forward: RuntimeError: ...` and the line; without such a line, what was being done."""
    said = told(problem)
    if isinstance(problem, SyntaxError) and problem.filename and problem.lineno:
        source = source_line(problem.filename, problem.lineno)
        return CandidateError(f"{shown(problem.filename)}:{problem.lineno}: {said}{source}")
    frame = None
    for each, line in walk_tb(problem.__traceback__):
        if is_own(each.f_code.co_filename, own):
            frame = each, line
    if frame is None:
        return CandidateError(f"{what}: {said}", in_its_code=False)
    code, line = frame[0].f_code, frame[1]
    function = "" if code.co_name == "<module>" else f" in {code.co_name}"
    source = source_line(code.co_filename, line)
    return CandidateError(f"{shown(code.co_filename)}:{line}{function}: {said}{source}")


def told(problem: BaseException) -> str:
    if isinstance(problem, SystemExit):
        return f"it calls exit({problem.code if problem.code is not None else ''})"
    message = problem.msg if isinstance(problem, SyntaxError) else str(problem)
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return ": ".join([type(problem).__name__, *([printable(lines[0], LONGEST)] if lines else [])])
