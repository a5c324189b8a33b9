"""The full report on the screen, `-v`."""

from rich.text import Text

from rnncheck.report import Report
from rnncheck.reporters.terminal.findings import findings
from rnncheck.reporters.terminal.frame import framed, verdict
from rnncheck.reporters.terminal.paths import paths
from rnncheck.reporters.terminal.quantities import quantities
from rnncheck.reporters.terminal.screen import Screen
from rnncheck.reporters.terminal.summary import notes, summary
from rnncheck.reporters.terminal.timesteps import timesteps
from rnncheck.reporters.terminal.witness import witness


def full(report: Report, screen: Screen) -> list[Text]:
    """Every section, the most important first."""
    sections = [verdict(report, screen), findings(report, screen), quantities(report, screen)]
    sections += [paths(report, screen)]
    sections += [timesteps(report, each, screen) for each in report.comparisons if each.per_timestep]
    sections += [witness(report, screen), notes(report, screen), summary(report, screen)]
    return framed(sections, report, screen)
