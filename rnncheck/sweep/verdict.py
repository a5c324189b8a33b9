"""The verdict of a sweep, and what it tells of each cause."""

from collections.abc import Mapping

from rnncheck.errors import ExitCode
from rnncheck.report import Verdict
from rnncheck.sweep.causes import Cause
from rnncheck.sweep.judging import Judgement
from rnncheck.sweep_report import Region

FEWEST = 30  # compared: of a failure in one configuration of ten, 30 miss every one with a probability of 4 %


def verdict_of(
    causes: list[Cause],
    compared: int,
    undecided: int,
    unjudged: int,
    *,
    cut: bool = False,
    doubt: str | None = None,
    lacking: Mapping[str, str] | None = None,
) -> tuple[Verdict, ExitCode, str | None]:
    """A mismatch is one that the judge saw; what could not be run decides nothing, nor does what nobody judged.

    `cut` says that the time ended before enough was compared, `doubt` why the judge left a small configuration open,
    `lacking` which values were asked for that a side does not support, and why.
    """
    if any(each.judgement.differs for each in causes):
        return Verdict.MISMATCH, ExitCode.MISMATCH, None
    if causes:
        return Verdict.INCONCLUSIVE, ExitCode.CANNOT_RUN, "some configurations could not be run"
    if unjudged:
        why = f"{unjudged:,} configurations differ or fail in a quick comparison; raise --budget to check them in full"
        return Verdict.INCONCLUSIVE, ExitCode.INCONCLUSIVE, why
    if doubt is not None:
        return Verdict.INCONCLUSIVE, ExitCode.INCONCLUSIVE, doubt
    if cut:
        why = (
            f"the time ended after {compared:,} configurations, and fewer than {FEWEST} show too little; raise --budget"
        )
        return Verdict.INCONCLUSIVE, ExitCode.INCONCLUSIVE, why
    if compared <= undecided:
        return Verdict.INCONCLUSIVE, ExitCode.INCONCLUSIVE, "no configuration could be decided"
    if lacking:
        what, why = ", ".join(lacking), next(iter(lacking.values()))
        return Verdict.INCONCLUSIVE, ExitCode.INCONCLUSIVE, f"not run, though it was asked for: {what} ({why})"
    return Verdict.EQUIVALENT, ExitCode.EQUIVALENT, None


def doubt_of(judgement: Judgement) -> str:
    """Why a configuration was not decided: the finding, or else the reason."""
    told = [each.message for each in judgement.findings] or [judgement.reason or "it decides nothing"]
    return f"the full check of a small configuration is inconclusive: {told[0]}"


def region(cause: Cause, configurations: int) -> Region:
    return Region(
        where=cause.where,
        smallest=cause.smallest.options(),
        configurations=configurations,
        findings=cause.judgement.findings,
        modes=cause.judgement.modes,
        raises=cause.judgement.raised,
        command_exit_code=cause.repeated.exit_code if cause.repeated else None,
        also=tuple(" and ".join(rule.words for rule in each.conditions) or "everywhere" for each in cause.also),
    )
