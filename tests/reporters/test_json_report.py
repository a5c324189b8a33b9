"""JSON that every parser takes, whatever the numbers."""

import json
from pathlib import PurePosixPath
from typing import Any, NoReturn

import pytest
from hypothesis import HealthCheck, given, settings
from reporters.samples import SAMPLES
from reporters.strategies import reports
from syrupy.assertion import SnapshotAssertion

from rnncheck.report import Report
from rnncheck.reporters.json_file import dump, render


def strictly(text: str) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(reports())
def test_every_report_is_valid_json_of_the_same_facts(report: Report) -> None:
    text = render(report)
    assert text.isascii()
    assert text.endswith("}\n")
    assert strictly(text) == json.loads(json.dumps(report.to_dict(), allow_nan=False))


@pytest.mark.parametrize("sample", ["not_a_number", "nasty_names"])
def test_the_file_reads_well(sample: str, snapshot: SnapshotAssertion) -> None:
    assert render(SAMPLES[sample]()) == snapshot


def test_a_row_of_numbers_stays_on_one_line() -> None:
    row = [0.125] * 100
    assert f'"row": {row}' in dump({"steps": [{"row": row}]})


def test_an_empty_list_and_an_unforeseen_kind_of_fact_are_written_too() -> None:
    assert strictly(dump({"none": [], "path": PurePosixPath("a/b")})) == {"none": [], "path": "a/b"}
