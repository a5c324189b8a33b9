"""Several checks as one table: a row for each candidate, and below it what is wrong with those that fail."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.text import Text

from rnncheck.report import Verdict
from rnncheck.reporters.numbers import times
from rnncheck.reporters.terminal.frame import STYLES
from rnncheck.reporters.terminal.layout import Column, hanging, held, table
from rnncheck.reporters.terminal.screen import Screen

Check = tuple[str, Mapping[str, Any]]  # a name, and the JSON report
NAME = 34


def checks(found: Sequence[Check], screen: Screen) -> list[Text]:
    """One table; the facts are those of the JSON reports."""
    verdicts = [facts["verdict"] for _, facts in found]
    styles = [STYLES.get(each, "bold red") for each in verdicts]
    marks = [getattr(screen.glyphs, each, screen.glyphs.exceeded) for each in verdicts]
    columns = [
        Column("  verdict", [f"{mark} {each}" for mark, each in zip(marks, verdicts, strict=True)], False, styles),
        Column("candidate", [screen.clean(name, NAME) for name, _ in found], right=False),
        Column("of limit", [largest(facts) for _, facts in found]),
        Column("planted faults", [planted(facts) for _, facts in found]),
        Column("finding", [", ".join(slugs(facts))[:NAME] for _, facts in found], right=False),
    ]
    lines = table(columns, screen.width, indent=0)
    for name, facts in found:
        if facts["verdict"] != Verdict.EQUIVALENT:
            lines += [Text(), *explained(name, facts, screen)]
    return lines


def largest(facts: Mapping[str, Any]) -> str:
    """The largest share of the limit that any quantity used."""
    used = [float(each["budget_used"]) for each in facts.get("comparisons", []) if each["compared"]]
    return times(max(used)) if used else "-"


def planted(facts: Mapping[str, Any]) -> str:
    witness = facts.get("witness")
    return f"{witness['caught']} of {witness['planted']}" if witness else "-"


def slugs(facts: Mapping[str, Any]) -> list[str]:
    return [each["slug"] for each in facts.get("findings", [])]


def explained(name: str, facts: Mapping[str, Any], screen: Screen) -> Iterable[Text]:
    """Why one did not pass, how to mend it, and the command that shows it alone."""
    lines = [Text(screen.clean(name, 200), "bold")]
    said = [("reason", facts.get("reason"))]
    for each in facts.get("findings", [])[:2]:
        said += [(each["slug"], each["message"]), ("mend", each["mend"])]
    for label, text in [*said, ("repeat", facts.get("command"))]:
        if text:
            start = Text(f"  {screen.clean(label)}  ", "dim")
            lines += hanging(start, Text(held(screen.clean(text, 2000))), screen.width, min(start.cell_len, 26))
    return lines
