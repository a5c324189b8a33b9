"""The result of a sweep in sentences, for all formats."""

from rnncheck.report import Finding, Verdict
from rnncheck.reporters.numbers import count
from rnncheck.sweep_report import Region, SweepReport
from rnncheck.text import printable, short

UNEXPLAINED = "unexplained"


def verdict_line(report: SweepReport) -> str:
    """The verdict and its evidence on one line. The first word is the verdict."""
    return f"{report.verdict}: {'; '.join([*sentences(report), *(title(each) for each in report.regions)])}"


def sentences(report: SweepReport) -> list[str]:
    """Sentences that explain the verdict, the most important first."""
    candidate, reference = (printable(short(each), 60) for each in (report.candidate, report.reference))
    wrong = [each for each in report.regions if each.raises is None]
    said = []
    if report.reason is not None:
        said.append(printable(report.reason, 1000))
    if wrong:
        ways = "one region" if len(wrong) == 1 else f"{len(wrong)} regions"
        said.append(f"{candidate} differs from {reference} in {ways} of the configurations tried")
    elif report.verdict is Verdict.EQUIVALENT:
        said.append(f"{candidate} and {reference} differ in no configuration tried")
    every = "all " if report.complete else ""
    said.append(
        f"{every}{count(report.compared)} configurations compared in {report.seconds:,.0f} s, "
        f"and {count(report.judged)} checked in full"
    )
    if report.undecided:
        said.append(f"{count(report.undecided)} could not be decided")
    if report.unjudged and report.verdict is Verdict.MISMATCH:
        said.append(
            f"{count(report.unjudged)} more differ or fail in a quick comparison; raise --budget to check them in full"
        )
    return said


def title(region: Region) -> str:
    """The configurations where the candidate is wrong, in one clause."""
    if region.raises is not None:
        return f"cannot run: {region.in_words}"
    return f"wrong: {region.in_words}"


def facts(region: Region) -> list[tuple[str, str]]:
    """The facts of a region, each with a label."""
    told = [("seen", f"in {count(region.configurations)} of the configurations")] if region.configurations else []
    told += [("also", each) for each in region.also]
    if region.raises is not None:
        told.append(("raises", printable(" ".join(region.raises.split()), 500)))
    told += [(each.slug, message(each)) for each in region.findings]
    told += [("mend", each.mend) for each in region.findings if each.mend and each.slug != UNEXPLAINED]
    if region.command:
        ending = "" if region.command_exit_code is None else f"  (exit code {region.command_exit_code})"
        told.append(("repeat", f"{region.command}{ending}"))
    return told


def message(finding: Finding) -> str:
    """The message of a region: the fault that explains it, or else how it differs."""
    return finding.message.rpartition("; ")[2] if finding.slug == UNEXPLAINED else finding.message


def tried(report: SweepReport) -> list[tuple[str, str]]:
    """The options that varied and the configurations that could not run, each with a label."""
    told = [("varied", ", ".join(report.varied))]
    if report.not_offered:
        told.append(("not offered", ", ".join(report.not_offered)))
    told += [("not run", f"{count(times)}: {printable(why, 300)}") for why, times in report.refused.items()]
    told += [("note", each) for each in report.notes]
    return told + ([("repeat", report.command)] if report.command else [])
