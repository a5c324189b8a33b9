"""A benchmark as text: the screen and the file formats, one module each."""

from importlib import import_module
from typing import Literal, Protocol, cast, get_args

from rnncheck.timings import Bench

BenchFileFormat = Literal["json", "csv", "markdown", "html"]
MODULES: dict[str, str] = {each: each for each in get_args(BenchFileFormat)} | {"json": "json_file", "csv": "csv_file"}


class BenchReporter(Protocol):
    """The interface of a format's module."""

    def render(self, bench: Bench) -> str:
        """The benchmark as text for a file. Raises `CannotRun` if a package is missing."""


def reporter(name: str) -> BenchReporter:
    """The module of that format."""
    return cast(BenchReporter, import_module(f"rnncheck.reporters.bench.{MODULES[name]}"))
