"""What the planted faults say of a pass: which of them it would have missed, and which cannot show in it."""

from collections.abc import Iterable, Sequence

from rich.text import Text

from rnncheck.report import Report, Unseen, Witness
from rnncheck.reporters.layout import entry
from rnncheck.reporters.screen import Screen

FEW = 3  # variants of one fault that are named
MOST = 12  # reasons that are shown; the JSON report has all


def summed_up(witness: Witness) -> str:
    """The witness in one clause, for the verdict."""
    if not witness.planted:
        return "no known fault can show here, so that this check could hardly have failed"
    would = f"this check would have caught {witness.caught} of {witness.planted} planted faults"
    hidden = [f"{len(witness.hidden)} more cannot show here"] if witness.hidden else []
    untried = [f"{len(witness.untried)} were not tried"] if witness.untried else []
    return "; ".join([would, *hidden, *untried])


def witness(report: Report, screen: Screen) -> list[Text]:
    """The faults that were not caught, by what they have in common."""
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
    """Each slug once, with its variants, or how many they are."""
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
