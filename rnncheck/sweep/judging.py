"""The full judge of one configuration: a whole check, as `rnncheck compare` does it."""

from dataclasses import dataclass

from rnncheck.checking.check import check
from rnncheck.checking.plan import Plan
from rnncheck.data.random import random_sequences
from rnncheck.errors import CannotRun, ExitCode, Stopped, UsageError
from rnncheck.evidence.paths.path import chosen
from rnncheck.implementations.protocol import Implementation
from rnncheck.report import Finding, Report, Verdict
from rnncheck.sweep.configuration import Configuration
from rnncheck.sweep.sides import anew

# Other ways of use, without other sizes, which a sweep tries itself.
PATHS = ",".join(each.slug for each in chosen("default") if each.slug != "other-sizes")


@dataclass(frozen=True)
class Judgement:
    """What the judge says of one configuration; `raised` where it could not be run."""

    verdict: Verdict | None
    reason: str | None = None
    findings: tuple[Finding, ...] = ()
    raised: str | None = None
    modes: tuple[str, ...] = ()  # in which something differs

    @property
    def exit_code(self) -> ExitCode:
        return ExitCode.CANNOT_RUN if self.verdict is None else self.verdict.exit_code

    @property
    def differs(self) -> bool:
        return self.verdict is Verdict.MISMATCH


def judged(
    sides: tuple[Implementation, Implementation], each: Configuration, *, paths: bool = False, diagnose: bool = False
) -> Judgement:
    """A check of it. `paths` also uses the layer in other ways; `diagnose` looks for the fault that explains it."""
    plan = Plan(
        spec=each.spec,
        sequences=random_sequences(
            each.input_size,
            each.seq_len,
            each.batch_size,
            lengths=each.row_lengths,
            seed=each.seed,
            init=each.init,
        ),
        candidate=anew(sides[0]),
        reference=anew(sides[1]),
        seed=each.seed,
        h0=each.h0,
        weight_scale=each.weight_scale,
        paths=PATHS if paths else "none",
        diagnose=diagnose,
        witness=False,
        rows=0,
    )
    try:
        report: Report = check(plan)
    except (CannotRun, UsageError) as problem:
        return Judgement(None, raised=str(problem))
    if report.exit_code > max(ExitCode.INCONCLUSIVE, report.verdict.exit_code):  # a signal ended it
        raise Stopped(ExitCode(report.exit_code))
    modes = tuple(dict.fromkeys(found.mode for found in report.comparisons if not found.agrees))
    return Judgement(report.verdict, report.reason, tuple(report.findings), modes=modes)
