"""The report on the screen: the verdict first, then where and how much, then what it was found on."""

from collections.abc import Mapping
from typing import IO

from rich.text import Text

from rnncheck.report import Finding, Report, Verdict
from rnncheck.reporters.layout import hanging, held
from rnncheck.reporters.numbers import plain
from rnncheck.reporters.paths import paths
from rnncheck.reporters.quantities import quantities
from rnncheck.reporters.screen import Screen, screen_for
from rnncheck.reporters.summary import notes, summary
from rnncheck.reporters.timesteps import timesteps
from rnncheck.reporters.verdict import sentences, verdict_line, witness

WIDEST = 26  # of a name, with its margins, beside which its text stands


def findings(report: Report, screen: Screen) -> list[Text]:
    lines: list[Text] = []
    for finding in report.findings:
        lines += _finding(finding, screen)
    return lines


def _finding(finding: Finding, screen: Screen) -> list[Text]:
    name = Text(f"  {screen.clean(finding.slug)}  ", "bold")
    message = Text(held(screen.clean(finding.message, 2000)))
    column = name.cell_len if name.cell_len <= WIDEST else 4
    lines = hanging(name, message, screen.width, column) if column > 4 else [name, *_indented(message, screen, column)]
    if finding.mend:
        for label, said in (("mend", finding.mend), ("more", f"rnncheck faults {finding.slug}")):
            lines += _indented(Text().append(f"{label}  ", "dim").append(held(screen.clean(said, 500))), screen, column)
    return lines


def _indented(text: Text, screen: Screen, column: int) -> list[Text]:
    return hanging(Text(), text, screen.width, column)


def doctor(facts: Mapping[str, object], screen: Screen) -> list[Text]:
    """A heading for each section, its facts below in two columns; facts that are in no section come first."""
    sections = {key: value for key, value in facts.items() if isinstance(value, Mapping)}
    loose = {key: value for key, value in facts.items() if key not in sections}
    keys = [screen.clean(key) for section in (loose, *sections.values()) for key in section]
    column = 2 + max(map(len, keys), default=0) + 2
    lines = _rows(loose, screen, column)
    for heading, section in sections.items():
        lines += [Text()] if lines else []
        lines += [Text(screen.clean(heading), "bold"), *_rows(section, screen, column)]
    return lines


def _rows(section: Mapping[str, object], screen: Screen, column: int) -> list[Text]:
    lines: list[Text] = []
    for key, value in section.items():
        lines += hanging(Text(f"  {screen.clean(key)}", "dim"), Text(plain(value, screen)), screen.width, column)
    return lines


__all__ = ["render", "render_doctor", "verdict_line"]

STYLES = {Verdict.EQUIVALENT: "bold green", Verdict.MISMATCH: "bold red", Verdict.INCONCLUSIVE: "bold yellow"}


def render(report: Report, stream: IO[str] | None = None, width: int | None = None) -> str:
    """The whole report as text for `stream`: its width, its encoding, and colours if it shows them.

    Without a stream the text is for a file: plain, of the usual width.
    """
    screen = screen_for(stream, width)
    sections = [_verdict(report, screen), findings(report, screen), quantities(report, screen)]
    sections += [paths(report, screen)]
    sections += [timesteps(report, each, screen) for each in report.comparisons if each.per_timestep]
    sections += [witness(report, screen), notes(report, screen), summary(report, screen)]
    lines: list[Text] = []
    for section in filter(None, sections):
        lines += [Text(), *section] if lines else section
    return screen.rendered(lines)


def render_doctor(facts: Mapping[str, object], stream: IO[str] | None = None, width: int | None = None) -> str:
    """What `rnncheck doctor` found, by section."""
    screen = screen_for(stream, width)
    return screen.rendered(doctor(facts, screen))


def _verdict(report: Report, screen: Screen) -> list[Text]:
    mark = getattr(screen.glyphs, report.verdict)
    label = Text(f"{mark} {report.verdict}  ", STYLES[report.verdict])
    lines: list[Text] = []
    for sentence in sentences(report):
        said = Text(held(screen.clean(sentence, 10_000)))
        lines += hanging(Text() if lines else label, said, screen.width, label.cell_len)
    return lines
