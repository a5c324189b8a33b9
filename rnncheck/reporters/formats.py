"""The formats of a report, one module each, imported on first use."""

from importlib import import_module
from typing import Literal, Protocol, cast, get_args

from rnncheck.report import Failure, Report

FileFormat = Literal["json", "junit", "github", "markdown", "html"]
MODULES: dict[str, str] = {each: each for each in get_args(FileFormat)} | {"json": "json_file"}


class Reporter(Protocol):
    """The interface of a format's module."""

    def render(self, report: Report | Failure) -> str:
        """The report, or the reason why there is none, as text for a file. `CannotRun` if a package is missing."""


def reporter(name: str) -> Reporter:
    """The module of that format."""
    return cast(Reporter, import_module(f"rnncheck.reporters.{MODULES[name]}"))
