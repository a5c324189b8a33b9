"""The report as JSON: one object, always valid, in ASCII."""

import json
from collections.abc import Mapping
from typing import Any

from rnncheck.report import Failure, Report, plain

WIDTH = 120
INDENT = "  "
ENCODER = json.JSONEncoder(allow_nan=False, default=str)  # a fact of an unforeseen kind must not cost the report


def render(report: Report | Failure) -> str:
    """The JSON report, schema `rnncheck/report/1`, which `docs/report.schema.json` describes."""
    return _written(report.to_dict()) + "\n"


def dump(facts: Mapping[str, Any]) -> str:
    """Facts as one JSON object; NaN and infinities become the strings "NaN", "Infinity", "-Infinity"."""
    return _written(plain(facts)) + "\n"


def _written(value: Any, margin: str = "") -> str:
    """One value: on one line if it is a row of numbers or fits there, else with one member per line."""
    deeper = margin + INDENT
    if isinstance(value, dict):
        members = [f"{ENCODER.encode(key)}: {_written(each, deeper)}" for key, each in value.items()]
        opening, closing = "{", "}"
    elif isinstance(value, list) and any(isinstance(each, dict | list) for each in value):
        members = [_written(each, deeper) for each in value]
        opening, closing = "[", "]"
    else:
        return ENCODER.encode(value)
    line = f"{opening}{', '.join(members)}{closing}"
    if margin and len(margin) + len(line) <= WIDTH and "\n" not in line:
        return line
    return f"{opening}\n{deeper}" + f",\n{deeper}".join(members) + f"\n{margin}{closing}"
