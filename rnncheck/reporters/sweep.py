"""The report of a sweep: sentences and facts, and each format made of them."""

from collections.abc import Callable
from html import escape
from typing import IO
from xml.etree import ElementTree

from rich.text import Text

from rnncheck.report import Finding, Verdict
from rnncheck.reporters.github import FILE, LEVELS, escaped
from rnncheck.reporters.json_file import dump
from rnncheck.reporters.junit import clean, written
from rnncheck.reporters.markdown import MARKS, block, joined, prose
from rnncheck.reporters.numbers import count
from rnncheck.reporters.terminal.frame import mark
from rnncheck.reporters.terminal.layout import entry, hanging, unbroken
from rnncheck.reporters.terminal.screen import Screen, screen_for
from rnncheck.sweep_report import Region, SweepReport
from rnncheck.text import printable, short

UNEXPLAINED = "unexplained"
LABELS = 14  # the column where facts begin on a screen
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;"
    "background:#fff}h2{font-size:1.05rem;margin:2rem 0 .5rem}dt{color:#57606a;float:left;clear:left;width:8rem}"
    "dd{margin:0 0 .4rem 9rem}code{font:14px ui-monospace,monospace;overflow-wrap:anywhere}"
    "@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}dt{color:#8b949e}}"
)


def verdict_line(report: SweepReport) -> str:
    """The verdict and its evidence on one line. The first word is the verdict."""
    return f"{report.verdict}: {'; '.join([*sentences(report), *(title(each) for each in report.regions)])}"


def sentences(report: SweepReport) -> list[str]:
    """Sentences that explain the verdict, the most important first."""
    candidate, reference = (printable(short(each), 60) for each in (report.candidate, report.reference))
    wrong = [each for each in report.regions if each.raises is None]
    said = []
    if report.reason is not None:
        said.append(printable(" ".join(report.reason.split()), 1000))
    if wrong:
        ways = "one region" if len(wrong) == 1 else f"{len(wrong)} regions"
        said.append(f"{candidate} differs from {reference} in {ways} of the configurations tried")
    elif report.verdict is Verdict.EQUIVALENT:
        said.append(f"{candidate} and {reference} differ in no configuration tried")
    whole = report.complete and report.compared > 1 and not (report.not_offered or report.refused)
    said.append(
        f"{'all ' * whole}{count(report.compared)} configuration{'s' * (report.compared != 1)} compared in "
        f"{report.seconds:,.0f} s, and {count(report.judged)} checked in full"
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
    told = [("varied", ", ".join(report.varied))] if report.varied else []
    if report.not_offered:
        told.append(("not offered", ", ".join(report.not_offered)))
    for why, times in report.refused.items():
        told.append(("not run", f"{count(times)}: {printable(' '.join(why.split()), 300)}"))
    told += [("note", each) for each in report.notes]
    return told + ([("repeat", report.command)] if report.command else [])


def table(report: SweepReport, stream: IO[str] | None = None, width: int | None = None) -> str:
    screen = screen_for(stream, width)
    label = mark(report.verdict, screen).append("  ")
    lines: list[Text] = []
    for sentence in sentences(report):
        said = Text(unbroken(screen.clean(sentence, 2000)))
        lines += hanging(Text() if lines else label, said, screen.width, label.cell_len)
    for number, each in enumerate(report.regions, 1):
        lines += [Text(), *on_screen(number, each, screen)]
    lines.append(Text())
    for name, text in tried(report):
        lines += entry(name, screen.clean(text, 2000), screen.width)
    lines.append(mark(report.verdict, screen).append(f"  (exit code {int(report.exit_code)})", "not bold"))
    return screen.rendered(lines)


def on_screen(number: int, region: Region, screen: Screen) -> list[Text]:
    """One region: its configurations, its message and the command that repeats it."""
    said = Text(unbroken(screen.clean(title(region), 1000)), "bold")
    lines = hanging(Text(f"{number:>3}  ", "bold red"), said, screen.width, 5)
    for name, text in facts(region):
        start = Text(f"     {screen.clean(name)}  ", "dim")
        lines += hanging(start, Text(unbroken(screen.clean(text, 2000))), screen.width, max(LABELS, start.cell_len))
    return lines


def junit(report: SweepReport) -> str:
    """One test suite. A region that differs is a failure; what could not be run or decided is an error."""
    named = clean(f"rnncheck.{report.candidate} against {report.reference}")
    cases = [*(case(each, named) for each in report.regions), whole(report, named)]
    return written(cases, {"verdict": report.verdict, "command": report.command}, report.seconds)


def case(region: Region, named: str) -> ElementTree.Element:
    element = ElementTree.Element("testcase", {"classname": named, "name": clean(region.in_words), "time": "0"})
    kind, what = ("failure", "mismatch") if region.raises is None else ("error", "could-not-run")
    problem = ElementTree.SubElement(element, kind, {"message": clean(title(region)), "type": what})
    problem.text = "\n".join(clean(f"{name}: {text}") for name, text in facts(region))
    return element


def whole(report: SweepReport, named: str) -> ElementTree.Element:
    """The case for the configurations outside all regions."""
    told = {"classname": named, "name": "all other configurations", "time": f"{report.seconds:.3f}"}
    element = ElementTree.Element("testcase", told)
    if report.verdict is Verdict.INCONCLUSIVE and not report.regions:
        message = clean("; ".join(sentences(report)))
        ElementTree.SubElement(element, "error", {"message": message, "type": "inconclusive"})
    return element


def markdown(report: SweepReport) -> str:
    """Verdict and regions, each with the command that repeats it."""
    parts = [f"## {MARKS[report.verdict]} rnncheck sweep: {report.verdict}"]
    parts.append("\n".join(f"- {prose(each)}" for each in sentences(report)))
    for each in report.regions:
        said = [f"- {name}: {prose(text)}" for name, text in facts(each) if name != "repeat"]
        parts += [f"### {prose(title(each))}", "\n".join(said), block(each.command) if each.command else ""]
    below = [f"- {name}: {prose(said)}" for name, said in tried(report) if name != "repeat"]
    again = f"\n\n{block(report.command)}" if report.command else ""
    parts.append("<details><summary>What was tried</summary>\n\n" + "\n".join(below) + f"{again}\n\n</details>")
    return joined(parts)


def github(report: SweepReport) -> str:
    """One annotation at the candidate's file and line."""
    found = FILE.fullmatch(report.candidate_location)
    place = {} if found is None else {key: value for key, value in found.groupdict().items() if value}
    lines = [*sentences(report)]
    for each in report.regions:
        lines += [title(each), *(f"{name}: {text}" for name, text in facts(each))]
    values = {**place, "title": f"rnncheck sweep: {report.verdict}"}
    properties = ",".join(f"{name}={escaped(value, ':,')}" for name, value in values.items())
    said = "\n".join(printable(each, 1000) for each in lines)
    return f"::{LEVELS[Verdict(report.verdict)]} {properties}::{escaped(said)}\n"


def html(report: SweepReport) -> str:
    """One page without scripts and without anything to load."""
    said = "".join(f"<p>{for_html(each)}</p>" for each in sentences(report))
    regions = "".join(section(number, each) for number, each in enumerate(report.regions, 1))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>rnncheck sweep: {report.verdict}</title><style>{STYLE}</style></head><body>"
        f"<h1>{MARKS[report.verdict]} {report.verdict}</h1>{said}{regions}"
        f"<h2>What was tried</h2>{definitions(tried(report))}"
        "</body></html>\n"
    )


def section(number: int, region: Region) -> str:
    return f"<section><h2>{number}. {for_html(title(region))}</h2>{definitions(facts(region))}</section>"


def definitions(entries: list[tuple[str, str]]) -> str:
    """Labels with what they stand for; a command as code."""
    rows = (
        f"<dt>{for_html(name)}</dt><dd>{f'<code>{for_html(said)}</code>' if name == 'repeat' else for_html(said)}</dd>"
        for name, said in entries
    )
    return f"<dl>{''.join(rows)}</dl>"


def for_html(said: str) -> str:
    return escape(printable(said, 2000))


FORMATS: dict[str, Callable[[SweepReport], str]] = {
    "json": lambda report: dump(report.to_dict()),
    "junit": junit,
    "github": github,
    "markdown": markdown,
    "html": html,
}


def render(report: SweepReport, format: str, stream: IO[str] | None = None) -> str:
    """The report in one of the formats, or as a table for `stream`, or for a file where there is none."""
    return table(report, stream) if format == "table" else FORMATS[format](report)
