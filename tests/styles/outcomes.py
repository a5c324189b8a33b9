"""What the whole check makes of a stranger's layer, with the options that its style says it needs and no others."""

import time
from dataclasses import dataclass

import torch
from styles.style import Style

from rnncheck.checking.check import check
from rnncheck.checking.plan import Plan
from rnncheck.data.random import random_sequences
from rnncheck.errors import CannotRun
from rnncheck.model.spec import Cell, Spec
from rnncheck.report import Report, Verdict

INPUT = Spec().input_size
NOT_OPTIONS = ("nonlinearity",)  # says what it is to be equal to, as the cell and the layers do


@dataclass(frozen=True)
class Outcome:
    """The report, or why there is none; `seconds` of processor time."""

    style: Style
    report: Report | None
    refusal: str | None
    seconds: float

    @property
    def slugs(self) -> list[str]:
        return [finding.slug for finding in self.report.findings] if self.report else []

    @property
    def right(self) -> bool:
        """Whether the verdict is the style's."""
        return self.report is not None and self.report.verdict is expected(self.style)

    @property
    def named(self) -> bool:
        """Whether its fault is, among those that explain all where any does."""
        if self.report is None or self.style.slug is None:
            return False
        sure = [finding.slug for finding in self.report.findings if finding.explains == 1.0]
        return self.style.slug in (sure or self.slugs)


def expected(style: Style) -> Verdict:
    return Verdict.EQUIVALENT if style.right else Verdict.MISMATCH


def options(style: Style) -> dict[str, object]:
    """What has to be said besides which layer it is to be equal to."""
    said = {name: value for name, value in style.options.items() if name not in NOT_OPTIONS}
    return said | ({"input_size": style.input_size} if style.input_size != INPUT else {})


def spec_of(style: Style) -> Spec:
    """The size of the input is the default's, unless the style has another; the state's is the default's."""
    return Spec(
        Cell(style.cell),
        style.input_size,
        num_layers=style.num_layers,
        nonlinearity=style.options.get("nonlinearity") if style.cell == "rnn" else None,
        bias=style.bias,
        bidirectional=style.bidirectional,
    )


def outcome(style: Style) -> Outcome:
    spec = spec_of(style)
    plan = Plan(
        spec,
        random_sequences(spec.input_size, 12, 3, seed=0),
        style.candidate,
        arguments=style.options.get("arg", {}),
    )
    report, refusal, began = None, None, time.process_time()
    try:
        report = check(plan)
    except CannotRun as problem:
        refusal = str(problem)
    return Outcome(style, report, refusal, time.process_time() - began)


def scratch_seconds(spec: Spec) -> float:
    """The same check of our own layer."""
    began = time.process_time()
    check(Plan(spec, random_sequences(spec.input_size, 12, 3, seed=0)))
    return time.process_time() - began


def one_thread() -> None:
    torch.set_num_threads(1)
