"""The report of a sweep as Markdown, as an annotation for GitHub, and as an HTML page."""

from html import escape

from rnncheck.report import Verdict
from rnncheck.reporters.github import FILE, LEVELS, escaped
from rnncheck.reporters.markdown import MARKS, block, joined, prose
from rnncheck.reporters.sweep.words import facts, sentences, title, tried
from rnncheck.sweep_report import Region, SweepReport
from rnncheck.text import printable

STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;"
    "background:#fff}h2{font-size:1.05rem;margin:2rem 0 .5rem}dt{color:#57606a;float:left;clear:left;width:8rem}"
    "dd{margin:0 0 .4rem 9rem}code{font:14px ui-monospace,monospace;overflow-wrap:anywhere}"
    "@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}dt{color:#8b949e}}"
)


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
    said = "".join(f"<p>{text(each)}</p>" for each in sentences(report))
    regions = "".join(section(number, each) for number, each in enumerate(report.regions, 1))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>rnncheck sweep: {report.verdict}</title><style>{STYLE}</style></head><body>"
        f"<h1>{MARKS[report.verdict]} {report.verdict}</h1>{said}{regions}"
        f"<h2>What was tried</h2>{listed(tried(report))}"
        "</body></html>\n"
    )


def section(number: int, region: Region) -> str:
    return f"<section><h2>{number}. {text(title(region))}</h2>{listed(facts(region))}</section>"


def listed(entries: list[tuple[str, str]]) -> str:
    """Labels with what they stand for; a command as code."""
    rows = (
        f"<dt>{text(name)}</dt><dd>{f'<code>{text(said)}</code>' if name == 'repeat' else text(said)}</dd>"
        for name, said in entries
    )
    return f"<dl>{''.join(rows)}</dl>"


def text(said: str) -> str:
    return escape(printable(said, 2000))
