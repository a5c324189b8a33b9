"""The report on the screen: the verdict first, then where and how much, then what it was found on."""

from collections.abc import Mapping
from typing import IO

from rich.text import Text

from rnncheck.report import Report, Verdict
from rnncheck.reporters.doctor import doctor
from rnncheck.reporters.findings import findings
from rnncheck.reporters.layout import hanging, held
from rnncheck.reporters.quantities import quantities
from rnncheck.reporters.screen import Screen, screen_for
from rnncheck.reporters.summary import notes, summary
from rnncheck.reporters.timesteps import timesteps
from rnncheck.reporters.verdict import sentences, verdict_line
from rnncheck.reporters.witness import witness

__all__ = ["render", "render_doctor", "verdict_line"]

STYLES = {Verdict.EQUIVALENT: "bold green", Verdict.MISMATCH: "bold red", Verdict.INCONCLUSIVE: "bold yellow"}


def render(report: Report, stream: IO[str] | None = None, width: int | None = None) -> str:
    """The whole report as text for `stream`: its width, its encoding, and colours if it shows them.

    Without a stream the text is for a file: plain, of the usual width.
    """
    screen = screen_for(stream, width)
    sections = [_verdict(report, screen), findings(report, screen), quantities(report, screen)]
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
