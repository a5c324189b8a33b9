"""The pytest plugin: the fixture and the marker `rnncheck`, and `--rnncheck-report DIR`.

It imports torch and the rest of rnncheck only in a test that asks for the fixture.
"""

import re
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from rnncheck.report import Report

MARKER = (
    "rnncheck(cells=[...], dtypes=[...], devices=[...], **options): run the test once for each cell, dtype and device; "
    "every check of the fixture rnncheck gets these options"
)
AXES = {"cells": "cell", "dtypes": "dtype", "devices": "device"}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("rnncheck")
    group.addoption(
        "--rnncheck-report",
        metavar="DIR",
        type=Path,
        help="write an HTML and a JSON report of every check of the fixture rnncheck into DIR",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrises a test over the cells, dtypes and devices of its nearest marker."""
    if "rnncheck" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("rnncheck")
    listed = {one: marker.kwargs[many] for many, one in AXES.items() if marker and many in marker.kwargs}
    if listed:
        options = [dict(zip(listed, values, strict=True)) for values in product(*listed.values())]
        names = ["-".join(map(str, each.values())) for each in options]
        metafunc.parametrize("rnncheck", options, ids=names, indirect=True)


class Checker:
    """The fixture: `rnncheck(candidate, **options)` fails the test unless the candidate is equivalent."""

    def __init__(self, options: dict[str, Any], folder: Path | None, name: str) -> None:
        self._options, self._folder, self._name, self._number = options, folder, name, 0

    def __call__(self, candidate: object, **options: Any) -> "Report":
        """Compares, and fails the test with a short text: what differs, where, how to mend it, how to repeat it."""
        __tracebackhide__ = True
        report = self.check(candidate, **options)
        if report.verdict != "equivalent":
            from rnncheck.reporters.verdict import lines_of

            pytest.fail("\n".join([f"rnncheck: {report.verdict}", *lines_of(report)]), pytrace=False)
        return report

    def check(self, candidate: object, **options: Any) -> "Report":
        """`rnncheck.check` with the options of the marker; never fails the test."""
        from rnncheck.api import check

        report = check(candidate, **{**self._options, **options})
        if self._folder is not None:
            self._write(report, self._folder)
        return report

    def _write(self, report: "Report", folder: Path) -> None:
        from rnncheck.reporters.formats import reporter

        folder.mkdir(parents=True, exist_ok=True)
        self._number += 1
        number = f"-{self._number}" if self._number > 1 else ""
        for name, ending in (("json", "json"), ("html", "html")):
            text = reporter(name).render(report)
            (folder / f"{self._name}{number}.{ending}").write_text(text, encoding="utf-8")


@pytest.fixture
def rnncheck(request: pytest.FixtureRequest) -> Checker:
    """Compares a layer with torch.nn: rnncheck(MyLSTM, hidden_size=8) fails the test unless they are equivalent."""
    marker = request.node.get_closest_marker("rnncheck")
    shared = {key: value for key, value in marker.kwargs.items() if key not in AXES} if marker else {}
    name = re.sub(r"[^\w.-]+", "-", request.node.nodeid).strip("-")
    return Checker({**shared, **getattr(request, "param", {})}, request.config.getoption("--rnncheck-report"), name)
