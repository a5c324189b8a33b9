"""The report as JSON: one object, always valid, in ASCII, so that it survives every pipe and every encoding."""

import json
from collections.abc import Mapping
from typing import Any

from rnncheck.report import Report, plain

WIDTH = 120
INDENT = "  "


def render(report: Report) -> str:
    """The JSON report, schema `rnncheck/report/1`."""
    return dump(report.to_dict())


def dump(facts: Mapping[str, Any]) -> str:
    """Facts as one JSON object; NaN and infinities become the strings "NaN", "Infinity", "-Infinity"."""
    return _written(plain(facts), "") + "\n"


def _written(value: Any, margin: str) -> str:
    """One value: on one line if it fits there, as rows of numbers do, else one member per line."""
    line = json.dumps(value, allow_nan=False)
    if not isinstance(value, dict | list) or not value or (margin and len(margin) + len(line) < WIDTH):
        return line
    deeper = margin + INDENT
    if isinstance(value, dict):
        members = [f"{json.dumps(key)}: {_written(each, deeper)}" for key, each in value.items()]
        opening, closing = "{", "}"
    else:
        members = [_written(each, deeper) for each in value]
        opening, closing = "[", "]"
    return f"{opening}\n{deeper}" + f",\n{deeper}".join(members) + f"\n{margin}{closing}"
