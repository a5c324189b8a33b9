"""Several checks as one table: a row for each candidate, and below it what is wrong."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.cells import cell_len, chop_cells
from rich.text import Text

from rnncheck.report import Verdict
from rnncheck.reporters.numbers import times
from rnncheck.reporters.terminal.frame import STYLES
from rnncheck.reporters.terminal.layout import GAP, TableColumn, hanging, table, unbroken
from rnncheck.reporters.terminal.screen import Screen

Check = tuple[str, Mapping[str, Any]]  # a name, and the JSON report
NARROWEST_NAME = 12  # columns for a name, on a screen however narrow


def checks(found: Sequence[Check], exit_code: int, screen: Screen) -> list[Text]:
    """One table and the number of equivalent candidates. The facts are those of the JSON reports."""
    verdicts = [facts["verdict"] for _, facts in found]
    styles = [STYLES.get(each, "bold red") for each in verdicts]
    marks = [getattr(screen.glyphs, each, screen.glyphs.exceeded) for each in verdicts]
    columns = [
        TableColumn("  verdict", [f"{mark} {each}" for mark, each in zip(marks, verdicts, strict=True)], False, styles),
        TableColumn("of limit", [largest(facts) for _, facts in found]),
        TableColumn("faults caught", [planted(facts) for _, facts in found]),
    ]
    room = max(screen.width - sum(each.width + GAP for each in columns), NARROWEST_NAME)
    names = [ending(screen.clean(name, 1000), room, screen.glyphs.skipped) for name, _ in found]
    lines = table([*columns, TableColumn("candidate", names, right=False)], screen.width, indent=0)
    for name, facts in found:
        if facts["verdict"] != Verdict.EQUIVALENT:
            lines += [Text(), *explained(name, facts, screen)]
    passed = verdicts.count(Verdict.EQUIVALENT)
    mark = screen.glyphs.exceeded if exit_code else screen.glyphs.equivalent
    said = f"{mark} {passed} of {len(found)} equivalent"
    return [*lines, Text(), Text(said, "bold red" if exit_code else "bold green").append(f"  (exit code {exit_code})")]


def ending(name: str, width: int, skipped: str) -> str:
    """The name, or its end if it is too long: the end of a path says more than its start."""
    return name if cell_len(name) <= width else skipped + chop_cells(name[::-1], width - len(skipped))[0][::-1]


def largest(facts: Mapping[str, Any]) -> str:
    """The largest share of the limit over all quantities."""
    used = [float(each["budget_used"]) for each in facts.get("comparisons", []) if each["compared"]]
    return times(max(used)) if used else "-"


def planted(facts: Mapping[str, Any]) -> str:
    witness = facts.get("witness")
    return f"{witness['caught']} of {witness['planted']}" if witness else "-"


def explained(name: str, facts: Mapping[str, Any], screen: Screen) -> Iterable[Text]:
    """Why a candidate did not pass, the fix, and the command that checks it alone."""
    lines = [Text(screen.clean(name, 200), "bold")]
    said = [("reason", " ".join(re.sub(r"\n(?=\S)", "; ", facts.get("reason") or "").split()))]
    for each in facts.get("findings", [])[:2]:
        said += [(each["slug"], each["message"]), ("mend", each["mend"])]
    for label, text in [*said, ("repeat", facts.get("command"))]:
        if text:
            start = Text(f"  {screen.clean(label)}  ", "dim")
            lines += hanging(start, Text(unbroken(screen.clean(text, 2000))), screen.width, min(start.cell_len, 26))
    return lines
