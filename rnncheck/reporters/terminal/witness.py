"""The self-test after a pass: the planted faults that the check would miss, and those that cannot show."""

from collections.abc import Iterable, Sequence

from rich.text import Text

from rnncheck.report import Report, Unseen
from rnncheck.reporters.terminal.layout import entry
from rnncheck.reporters.terminal.screen import Screen

FEW = 3  # variants of one fault that are named
MOST = 12  # reasons that are shown; the JSON report has all


def witness(report: Report, screen: Screen) -> list[Text]:
    """The faults that the check missed, that cannot show, or that it did not try, grouped by the reason."""
    if (found := report.witness) is None:
        return []
    kinds = {"missed": found.missed, "cannot show": found.hidden, "not tried": found.untried}
    return [line for label, faults in kinds.items() for line in _listed(label, faults, screen)]


def _listed(label: str, faults: Sequence[Unseen], screen: Screen) -> list[Text]:
    by_reason: dict[str, list[Unseen]] = {}
    for each in faults:
        by_reason.setdefault(each.why, []).append(each)
    lines: list[Text] = []
    for why, unseen in list(by_reason.items())[:MOST]:
        said = f"{', '.join(_names(unseen))}: {why}"
        lines += entry("" if lines else label, screen.clean(said, 2000), screen.width)
    if len(by_reason) > MOST:
        rest = sum(map(len, list(by_reason.values())[MOST:]))
        lines += entry("", f"and {rest} more, all of them in the JSON report", screen.width)
    return lines


def _names(faults: Iterable[Unseen]) -> list[str]:
    """Each slug once, with its variants or their number."""
    variants: dict[str, list[str]] = {}
    for each in faults:
        variants.setdefault(each.slug, []).append(each.variant)
    return [slug + _which(each) for slug, each in variants.items()]


def _which(variants: Sequence[str]) -> str:
    if variants == [""]:
        return ""
    if len(variants) > FEW:
        return f" ({len(variants)} variants)"
    return f" ({' | '.join(variant or 'plain' for variant in variants)})"
