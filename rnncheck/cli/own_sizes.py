"""Runs a check with the sizes that a candidate allows, where it refuses the default ones.

A class may fix a size in its code, or take one size for two. Only options that nobody gave are changed.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from rnncheck.cli.options import CheckOptions, size_of
from rnncheck.errors import CannotRun
from rnncheck.text import as_options

if TYPE_CHECKING:
    from rnncheck.report import Report

Options = TypeVar("Options", bound=CheckOptions)


def with_own_sizes(
    options: Options, attempt: "Callable[[Options], Report]", columns: int | None = None
) -> "tuple[Report, dict[str, Any]]":
    """The report of `attempt`, and the options that were set for it. `columns` is the input size of given data.

    Raises the `CannotRun` of the last attempt. One error may hide another, so each option may be set in its turn.
    """
    found: dict[str, Any] = {}
    while True:
        tried = replace(options, **found)
        try:
            report = attempt(tried)
        except CannotRun as problem:
            fits = beside_data(problem.fits, tried, columns)
            if not fits or any(getattr(tried, name) is not None for name in fits):
                raise told(problem, fits, found, columns) from problem.__cause__
            found |= fits
        else:
            note = [f"sizes that this code allows were used: {as_options(found)}"] if found else []
            return replace(report, notes=[*note, *report.notes]), found


def beside_data(fits: Mapping[str, int], options: CheckOptions, columns: int | None) -> Mapping[str, int]:
    """The options that fit beside data of so many columns: where both sizes must be equal, H follows the data."""
    if columns is None or fits.get("input_size", columns) == columns:
        return fits
    return {"hidden_size": columns} if fits == {"input_size": size_of(options, "hidden_size")} else {}


def told(problem: CannotRun, fits: Mapping[str, int], found: Mapping[str, int], columns: int | None) -> CannotRun:
    """The error with what was tried, and what to do beside data."""
    if fits != problem.fits:
        problem = problem.hinted(f"The data has {columns} columns, and they are the input size")
        if fits:
            problem.args = (str(problem).replace(f"add {as_options(problem.fits)}", f"set {as_options(fits)}"),)
    return problem.hinted(f"This was tried with {as_options(found)}, as its code allows") if found else problem
