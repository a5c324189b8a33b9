"""What the two sides are called at the head of their columns."""

from rich.cells import cell_len

from rnncheck.report import Report
from rnncheck.reporters.screen import Screen


def side_names(report: Report, screen: Screen, room: int) -> tuple[str, str]:
    """Their names if they fit and differ, `file.py:Class` as `Class`; else their roles."""
    candidate, reference = (screen.clean(side.name.rsplit(":", 1)[-1]) for side in (report.candidate, report.reference))
    if candidate == reference or not 0 < max(cell_len(candidate), cell_len(reference)) <= room:
        return "candidate", "reference"
    return candidate, reference
