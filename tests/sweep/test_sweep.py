"""Whole sweeps: right layers agree, planted faults are found, and nothing undecided is a mismatch."""

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sweep.planted import planted

from rnncheck.errors import CannotRun, DeviceError, RefusedError
from rnncheck.model.spec import Cell
from rnncheck.report import Verdict
from rnncheck.reporters.sweep import facts, sentences
from rnncheck.sweep import explore
from rnncheck.sweep.judging import Judgement
from rnncheck.sweep.quick import Comparer
from rnncheck.sweep.sides import Sides
from rnncheck.sweep.space import space_of
from rnncheck.sweep.sweep import SweepPlan, sweep
from rnncheck.sweep_report import SweepReport

FAST = ["dtype=float64", "weight-scale=1"]


def swept(
    candidate: str, configurations: int, vary: list[str] | None = None, fix: list[str] | None = None
) -> SweepReport:
    space = space_of(vary or [], FAST if fix is None else fix)
    return sweep(SweepPlan(Sides(candidate), space, configurations=configurations, diagnose="fault" in candidate))


@pytest.mark.sample(1)
@pytest.mark.parametrize("candidate", ["scratch", "numpy"])
def test_a_right_layer_differs_nowhere(candidate: str) -> None:
    report = swept(candidate, 150, fix=[])
    assert (report.verdict, report.exit_code, list(report.regions)) == (Verdict.EQUIVALENT, 0, [])
    assert report.compared > 100


@pytest.mark.slow
def test_a_tail_of_units_is_found_shrunk_and_named(tmp_path: Path) -> None:
    report = swept(planted(tmp_path, "H > 8 and H % 8"), 150)
    assert (report.verdict, report.exit_code) == (Verdict.MISMATCH, 1)
    (region,) = report.regions
    assert region.in_words == "hidden_size from 9 on, where it is not a multiple of 8"
    assert region.smallest["hidden_size"] == 9
    assert region.command_exit_code == 1
    assert region.configurations > 5


@pytest.mark.slow
def test_a_few_units_of_rounding_too_much_are_found(tmp_path: Path) -> None:
    """More than right layers differ by, and less than their gradients may: the full judge decides."""
    slightly = planted(tmp_path, "H > 8", what="output += 10 * 2.0**-52")
    report = swept(slightly, 150)
    assert report.verdict is Verdict.MISMATCH
    assert [each.in_words for each in report.regions] == ["hidden_size from 9 on"]


@pytest.mark.slow
def test_two_causes_are_two_regions(tmp_path: Path) -> None:
    report = swept(planted(tmp_path, "B > 16 or (H % 4 == 0 and T > 2)"), 300, ["H=1..12", "T=1..6", "B=1..24"], [])
    assert sorted(each.in_words for each in report.regions) == [
        "T from 3 on and hidden_size that is a multiple of 4",
        "batch_size above 16",
    ]
    assert sum(each.configurations for each in report.regions) > 50


@pytest.mark.explained
def test_what_is_wrong_everywhere_is_one_region() -> None:
    (region,) = swept("fault:gate-order", 40, ["H=2..9", "T=1..5"], ["cell=lstm"]).regions
    assert region.in_words == "in every configuration"
    assert "gate-order" in {each.slug for each in region.findings}


def test_what_raises_is_no_mismatch(tmp_path: Path) -> None:
    report = swept(planted(tmp_path, "T > 8", "raise ValueError('too long')"), 60, ["T=1..20"])
    assert (report.verdict, report.exit_code) == (Verdict.INCONCLUSIVE, 4)
    (region,) = report.regions
    assert region.in_words == "T from 9 on"
    assert "too long" in (region.raises or "")
    assert "\\n" not in dict(facts(region))["raises"]


@pytest.mark.slow
@pytest.mark.paths
def test_what_the_full_judge_alone_sees_is_found_too(tmp_path: Path) -> None:
    report = swept(planted(tmp_path, "self.training"), 20, ["T=2..5"], [])
    assert report.exit_code == 1
    (region,) = report.regions
    assert "path:train-mode, which only the full check compares" in region.in_words


def test_what_cannot_be_compared_at_all_is_an_error() -> None:
    with pytest.raises(RefusedError, match="not in float16"):
        swept("numpy", 5, ["T=2..5"], ["dtype=float16"])


@pytest.mark.parametrize(
    ("vary", "lacking"),
    [
        (["dtype=float32,float16"], "dtype float16 (numpy: it computes in float64 or float32"),
        (["dtype=float16,float32", "cell=gru,lstm"], "dtype float16"),
    ],
)
def test_a_value_that_was_asked_for_and_not_run_leaves_the_sweep_undecided(vary: list[str], lacking: str) -> None:
    report = swept("numpy", 50, vary, [])
    assert (report.verdict, report.exit_code) == (Verdict.INCONCLUSIVE, 5)
    assert f"not run, though it was asked for: {lacking}" in (report.reason or "")
    assert "all " not in sentences(report)[1]


CELL = "import torch\n\n\nclass OneLSTM(torch.nn.LSTM):\n    def __init__(self, input_size, hidden_size):\n"
CELL += "        super().__init__(input_size, hidden_size)\n"


@pytest.mark.slow
def test_of_a_class_of_one_cell_and_one_layer_others_are_left_out_unless_they_were_asked_for(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(CELL)
    candidate = f"{tmp_path / 'one.py'}:OneLSTM"
    assert swept(candidate, 9, ["cell", "H=2..3"], []).exit_code == 0
    for asked in ("num-layers=1,2", "cell=lstm,gru"):
        report = swept(candidate, 9, [asked], [])
        assert report.exit_code == 5
        assert {each.split()[0] for each in report.not_offered} == {asked.split("=")[0]}
        assert "\\n" not in " ".join(sentences(report))


def test_a_candidate_without_the_first_cell_is_tried_with_the_others() -> None:
    report = swept("variant:ligru", 20, ["cell", "H=2..9"], [])
    assert report.compared == 8
    assert set(report.not_offered) == {"cell rnn", "cell lstm"}


def test_a_device_that_is_not_there_is_an_error_at_once() -> None:
    for vary, fix in ((["device=cpu,cuda:77"], []), ([], ["device=cuda:77"])):
        with pytest.raises(DeviceError, match="device cuda:77 was not found"):
            swept("scratch", 9, vary, fix)


def test_a_complete_sweep_of_a_small_space_says_so() -> None:
    report = swept("scratch", 10_000, ["H=1..4", "cell"], [])
    assert report.complete
    assert report.compared == 12


def findings(report: SweepReport) -> list[object]:
    told = [(each.where, dict(each.smallest), each.configurations) for each in report.regions]
    return [report.drawn, report.compared, report.judged, *told]


@pytest.mark.slow
def test_configurations_are_counted_and_not_the_checks_of_smaller_ones() -> None:
    report = swept("fault:no-recurrence", 4)
    assert report.drawn == 4
    assert report.judged <= 4 + len(Cell)  # those drawn, and a small one of each cell
    assert sum(each.configurations for each in report.regions) <= 4
    said = sentences(report)[1]
    assert said.startswith("4 configurations compared in ")
    assert said.endswith(f" s, and {report.judged} checked in full")


@pytest.mark.slow  # each worker is a process that imports torch
def test_workers_find_the_same_as_one_process(tmp_path: Path) -> None:
    sides, space = Sides(planted(tmp_path, "B > 16")), space_of(["B=1..24,T=1..4"], ["dtype=float64"])
    plan = SweepPlan(sides, space, configurations=60, diagnose=False)
    assert findings(sweep(replace(plan, workers=2))) == findings(sweep(plan))


@pytest.mark.slow
def test_a_sweep_that_was_stopped_finds_the_same(tmp_path: Path) -> None:
    sides, space = Sides(planted(tmp_path, "B > 16")), space_of(["B=1..24,T=1..4"], ["dtype=float64"])
    plan = SweepPlan(sides, space, configurations=60, diagnose=False)
    alone = findings(sweep(plan))
    state = tmp_path / "state.json"
    first = sweep(replace(plan, configurations=30, state=state))
    again = sweep(replace(plan, state=state))
    assert first.drawn == 30
    assert findings(again)[3:] == alone[3:]


@pytest.mark.slow
def test_a_worker_that_dies_twice_on_the_same_configurations_is_an_error(tmp_path: Path) -> None:
    candidate = planted(tmp_path, "T == 6", "import os; os.kill(os.getpid(), 9)")
    with pytest.raises(CannotRun, match="died twice"):
        sweep(SweepPlan(Sides(candidate), space_of(["T=1..9"], []), workers=2))


@pytest.mark.slow
def test_the_command_says_what_it_found_in_every_format_and_how_to_repeat_it(
    rnncheck: Callable[..., Any], tmp_path: Path
) -> None:
    candidate = planted(tmp_path, "T > 4")
    files = {name: tmp_path / f"report.{name}" for name in ("json", "junit", "github", "markdown", "html")}
    reports = [word for name, path in files.items() for word in ("--report", f"{name}={path}")]
    outcome = rnncheck("sweep", candidate, "--vary", "T=1..9,B=1..3", "--no-diagnose", *reports)
    assert outcome.code == 1
    assert "wrong: T from 5 on" in outcome.stdout
    told = json.loads(files["json"].read_text())
    (region,) = told["regions"]
    assert (told["schema"], region["in_words"]) == ("rnncheck/sweep/1", "T from 5 on")
    assert files["junit"].read_text().count("<testcase") == 2
    assert files["github"].read_text().startswith("::error file=")
    for name, path in files.items():
        assert name == "github" or "T from 5 on" in path.read_text()
    assert rnncheck(*shlex.split(region["command"])[1:], "-q").code == 1


@pytest.mark.parametrize(
    "arguments",
    [["--budget", "soon"], ["--vary", "nothing"], ["--fix", "cell=none"], ["trace.onnx"]],
    ids=" ".join,
)
def test_a_wrong_command_is_refused(arguments: list[str], rnncheck: Callable[..., Any]) -> None:
    outcome = rnncheck("sweep", *arguments)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert outcome.stderr.startswith("error: ")


def test_a_time_that_ends_after_next_to_nothing_decides_nothing(rnncheck: Callable[..., Any]) -> None:
    outcome = rnncheck("sweep", "--budget", "0.01s", "--fix", "cell=rnn", "-q")
    assert outcome.code == 5
    assert outcome.stdout.startswith("inconclusive: the time ended after ")
    assert rnncheck("sweep", "--budget", "60s", "--vary", "H=1..2", "-q").code == 0  # these are all that there are


ODD = """
from torch import nn

class WrongBackwards(nn.RNN):
    def forward(self, x, hx=None):
        output, h = super().forward(x, hx)
        return output.detach() + 2 * (output - output.detach()), h

class Leaking(nn.RNN):
    last = None
    def forward(self, x, hx=None):
        output, h = super().forward(x, hx)
        output, self.last = output + 1e-3 * (self.last == x.shape), x.shape
        return output, h
"""


def test_gradients_that_are_wrong_have_no_boundary_in_t(tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(ODD)
    report = swept(f"{tmp_path / 'odd.py'}:WrongBackwards", 80, ["T=1..40", "seed"], [])
    assert report.exit_code == 1
    assert [each.in_words for each in report.regions] == ["in every configuration"]


def test_what_the_first_full_check_leaves_open_is_not_equivalent(tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(ODD)
    report = swept(f"{tmp_path / 'odd.py'}:Leaking", 40, ["T=1..9", "seed"], [])
    assert (report.verdict, report.exit_code) == (Verdict.INCONCLUSIVE, 5)
    assert "keeps state between calls" in (report.reason or "")


def test_a_full_check_that_cannot_be_run_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explore, "judged", lambda *_, **__: Judgement(None, raised="too large"))
    comparer, space = Comparer(*Sides("scratch").loaded()), space_of(["T=1..9", "seed"], [])
    found = explore.explore(comparer, space, 0, explore.JUDGED - 1)
    assert (found.judged, found.undecided, found.suspects) == (1, 1, [])


@pytest.mark.sample(1)
@pytest.mark.paths
@pytest.mark.parametrize("where", ["H > 8 and H % 8", "B > 16"])
def test_a_wrong_size_is_no_cause_in_another_use(where: str, tmp_path: Path) -> None:
    report = swept(planted(tmp_path, where), 60, ["H=2..12,B=1..20,T=3..5"], [])
    assert len(report.regions) == 1
    assert "path:" not in report.regions[0].in_words
