"""What ratios, intervals and a stated speed come to, and every format a benchmark is written in."""

import csv
import io
import json
from dataclasses import replace

import pytest

from rnncheck.bench.timing import ROUNDS, interval
from rnncheck.errors import CannotRun
from rnncheck.reporters.bench import reporter
from rnncheck.reporters.terminal import render_bench
from rnncheck.timings import Bench, Outcome, Pass, Ratio, Row, Size, Spread, bench_of


def row(speed: Ratio, run: Pass = "forward", hidden_size: int = 8) -> Row:
    theirs = Spread(2e-3, 1.9e-3, 2.2e-3, 90)
    ours = Spread(theirs.median / speed.value, 1e-3, 3e-3, 90)
    return Row(Size(20, 3, 4, hidden_size), run, False, ours, theirs, speed, 0.5, 2**20, None)


FASTER, SLOWER, SAME = Ratio(1.5, 1.2, 1.7), Ratio(0.5, 0.4, 0.6), Ratio(1.01, 0.9, 1.1)
FOUND = Bench(
    "my_lstm.py:MyLSTM",
    "torch",
    {"cell": "lstm", "num_layers": 1, "dtype": "float32", "device": "cpu"},
    1,
    [row(FASTER), row(SLOWER, "forward and backward"), row(SAME, hidden_size=16)],
    notes=["my_lstm.py:MyLSTM was not timed compiled: it is no torch.nn.Module"],
    command="rnncheck bench my_lstm.py:MyLSTM",
)


@pytest.mark.parametrize(
    ("speed", "outcome"), [(FASTER, "faster"), (SLOWER, "slower"), (SAME, "no measurable difference")]
)
def test_a_difference_is_measurable_where_the_interval_leaves_out_one(speed: Ratio, outcome: str) -> None:
    assert speed.outcome == outcome


def test_the_interval_leaves_out_one_round_at_either_end() -> None:
    found = interval([5.0, *range(2, ROUNDS - 1), 0.1, 100.0])
    assert found == Ratio(5.0, 2.0, 7.0)


@pytest.mark.parametrize(
    ("fail_below", "code"),
    [(None, 0), (0.3, 0), (0.45, 5), (0.7, 6), (2.0, 6)],
)
def test_only_what_is_certainly_slower_fails(fail_below: float | None, code: int) -> None:
    assert replace(FOUND, fail_below=fail_below).exit_code == code


def test_a_change_is_as_uncertain_as_both_speeds() -> None:
    assert Ratio(2.0, 1.5, 3.0).over(Ratio(1.0, 0.5, 1.5)) == Ratio(2.0, 1.0, 6.0)


def test_json_is_read_back() -> None:
    told = json.loads(reporter("json").render(FOUND))
    assert (told["schema"], told["exit_code"], told["rows"][0]["outcome"]) == ("rnncheck/bench/1", 0, Outcome.FASTER)
    again = bench_of(told, "old.json")
    assert [each.key for each in again.rows] == [each.key for each in FOUND.rows]
    assert [each.speed for each in again.rows] == [each.speed for each in FOUND.rows]


@pytest.mark.parametrize("told", [[], {}, {"schema": "rnncheck/report/1"}])
def test_what_is_no_benchmark_is_told(told: object) -> None:
    with pytest.raises(CannotRun, match="it lacks schema rnncheck/bench/1"):
        bench_of(told, "old.json")


TOLD = json.loads(reporter("json").render(FOUND))
STOPPED = TOLD["rows"][0] | {"speed": {"value": 0.0, "low": 0.0, "high": 1.0}}


@pytest.mark.parametrize(
    "change", [{"rows": [{}]}, {"rows": None}, {"rows": [{"run": "sideways"}]}, {"rows": [STOPPED]}, {"model": []}]
)
def test_a_damaged_benchmark_is_told(change: dict[str, object]) -> None:
    told = TOLD | change
    with pytest.raises(CannotRun, match=r"old\.json is damaged"):
        bench_of(told, "old.json")


def test_csv_has_a_line_for_each_row() -> None:
    header, *lines = csv.reader(io.StringIO(reporter("csv").render(FOUND)))
    assert [dict(zip(header, each, strict=True))["speed"] for each in lines] == ["1.5", "0.5", "1.01"]


@pytest.mark.parametrize("format", ["markdown", "html"])
def test_pages_have_the_answer_and_every_speed(format: str) -> None:
    if format == "html":
        pytest.importorskip("jinja2", reason="the HTML page needs jinja2")
    page = reporter(format).render(FOUND)
    assert all(f"{each.speed.value:.2f} x" in page for each in FOUND.rows)
    assert "compute the same LSTM" in page


@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_screen_keeps_its_width(width: int, verbose: bool) -> None:
    changed = replace(FOUND, rows=[replace(each, change=FASTER) for each in FOUND.rows])
    for found in (FOUND, changed):
        lines = render_bench(found, width=width, verbose=verbose).splitlines()
        assert max(map(len, lines)) <= width
        assert lines[0].startswith("✓ MyLSTM and torch compute the same LSTM")
        assert sum("1.50 x" in line for line in lines) >= 1
