"""The series under examples/ run as their README says."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnncheck.errors import ExitCode

EXAMPLES = Path(__file__).parents[2] / "examples"
RUNS = {
    "sunspots": ("sunspots.csv", "--columns", "SUNACTIVITY", "--normalize", "standard"),
    "elnino": ("elnino.csv", "--drop", "YEAR", "--normalize", "standard", "--cell", "lstm"),
    "co2": ("co2.csv", "--columns", "co2", "--missing", "ffill", "--normalize", "minmax", "--cell", "gru"),
}
SHAPES = {"sunspots": [309, 1, 1], "elnino": [61, 1, 12], "co2": [2284, 1, 1]}


@pytest.mark.sample(2)
@pytest.mark.parametrize("series", RUNS)
def test_every_series_is_read_whole_and_both_sides_agree_on_it(rnncheck: Callable[..., Any], series: str) -> None:
    file, *options = RUNS[series]
    outcome = rnncheck("run", EXAMPLES / file, *options, "--format", "json")
    report = json.loads(outcome.stdout)
    assert outcome.code == ExitCode.EQUIVALENT
    assert report["verdict"] == "equivalent"
    assert report["sequences"]["shape"] == SHAPES[series]


@pytest.mark.parametrize("series", RUNS)
def test_its_command_stands_in_the_readme_of_the_examples(series: str) -> None:
    file, *options = RUNS[series]
    command = " ".join(["rnncheck run", f"examples/{file}", *options])
    assert command in (EXAMPLES / "README.md").read_text()


def test_missing_cells_are_refused_by_line_and_column_unless_told_otherwise(rnncheck: Callable[..., Any]) -> None:
    outcome = rnncheck("run", EXAMPLES / "co2.csv", "--columns", "co2")
    assert outcome.code == ExitCode.CANNOT_RUN
    assert outcome.stdout == ""
    assert "co2.csv:8" in outcome.stderr
    assert "column 2 ('co2')" in outcome.stderr
    assert "--missing" in outcome.stderr


def test_a_gap_filled_from_above_is_the_value_above(rnncheck: Callable[..., Any], tmp_path: Path) -> None:
    filled, above = tmp_path / "filled.csv", None
    lines = (EXAMPLES / "co2.csv").read_text().splitlines()
    for number, line in enumerate(lines[1:], 1):
        date, above = line.split(",")[0], line.split(",")[1] or above
        lines[number] = f"{date},{above}"
    filled.write_text("\n".join(lines) + "\n")
    by_option = rnncheck("run", EXAMPLES / "co2.csv", "--columns", "co2", "--missing", "ffill", "--format", "json")
    by_hand = rnncheck("run", filled, "--columns", "co2", "--format", "json")
    assert by_hand.code == by_option.code == ExitCode.EQUIVALENT
    assert json.loads(by_hand.stdout)["comparisons"] == json.loads(by_option.stdout)["comparisons"]


def test_the_csv_files_are_left_as_they_were_distributed() -> None:
    rows = {name: (EXAMPLES / f"{name}.csv").read_text().splitlines() for name in SHAPES}
    assert {name: len(lines) - 1 for name, lines in rows.items()} == {name: shape[0] for name, shape in SHAPES.items()}
    assert sum(line.endswith(",") for line in rows["co2"]) == 59
