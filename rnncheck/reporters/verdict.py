"""The verdict in one sentence, and what the planted faults say of a pass."""

import math
from collections.abc import Iterable, Sequence

from rich.text import Text

from rnncheck.report import Comparison, Divergence, Report, Unseen, Verdict, Witness
from rnncheck.reporters.layout import entry
from rnncheck.reporters.numbers import count, in_words, of_allowed, percent, told_apart
from rnncheck.reporters.quantities import problems
from rnncheck.reporters.screen import Screen
from rnncheck.reporters.states import units_of
from rnncheck.text import printable

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
        said = f"{', '.join(_slugs(unseen))}: {why}"
        lines += entry("" if lines else label, screen.clean(said, 2000), screen.width)
    if len(by_reason) > MOST:
        rest = sum(map(len, list(by_reason.values())[MOST:]))
        lines += entry("", f"and {rest} more, all of them in the JSON report", screen.width)
    return lines


def _slugs(faults: Iterable[Unseen]) -> list[str]:
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


AS_WELL = "it agrees too where it is used in another way"
LIMIT = 60  # of a name


def verdict_line(report: Report) -> str:
    """The verdict, the first finding and its evidence on one line of plain text; the first word is the verdict."""
    found = [f"{printable(each.slug)}: {printable(each.message, 1000)}" for each in report.findings[:1]]
    return f"{report.verdict}: {'; '.join([*found, *sentences(report)])}"


def sentences(report: Report) -> list[str]:
    """What the verdict means, in plain words, the most important first."""
    match report.verdict:
        case Verdict.EQUIVALENT:
            witness = [] if report.witness is None else [summed_up(report.witness)]
            return [_agreement(report), *_used(report), *_restrictions(report), *witness]
        case Verdict.MISMATCH:
            return [*_mismatch(report), *_conventions(report), *_restrictions(report)]
        case Verdict.INCONCLUSIVE:
            reason = printable(report.reason or "this evidence cannot decide", 1000)
            return [reason, *_conventions(report), *_restrictions(report)]


def _agreement(report: Report) -> str:
    candidate, reference = _names(report)
    compared = f"{count(sum(each.compared for each in report.comparisons))} values compared"
    judged = [each for each in report.comparisons if each.compared]
    ran = [each for each in judged if each.mode == "free"] or judged
    if all(each.max_abs == 0 for each in judged):
        found = "no difference at all"
    else:
        most, anywhere = max(ran, key=lambda each: each.budget_used), max(each.budget_used for each in judged)
        found = f"{most.quantity} at most {in_words(most.max_abs)} apart, {of_allowed(most.budget_used)}"
        found += f", and nowhere more than {percent(anywhere)}" if anywhere > most.budget_used else ""
    own = f" ({', '.join(_own(report))})" if report.conventions else ""
    return f"{candidate} computes {reference}'s {report.spec.cell.upper()}{own}: {compared}, {found}"


def _used(report: Report) -> list[str]:
    """In how many other ways it was used."""
    gone = sum(bool(each.gone) for each in report.paths)
    return [f"it agrees too where it is used in {gone} other ways" if gone > 1 else AS_WELL] if gone else []


def _own(report: Report) -> list[str]:
    return [printable(each, 200) for each in report.conventions]


def _conventions(report: Report) -> list[str]:
    """What is no fault; an agreement's own sentence has it already."""
    return [f"taken as its own convention: {', '.join(_own(report))}"] if report.conventions else []


def _restrictions(report: Report) -> list[str]:
    """What even an agreement does not tell."""
    return [f"compared under a restriction: {printable(each, 500)}" for each in report.restrictions]


def _mismatch(report: Report) -> list[str]:
    parts = []
    if report.first_divergence is not None:
        parts.append(_parting(report, report.first_divergence))
    elif otherwise := [each for each in report.comparisons if each.mode.startswith("path:") and not each.agrees]:
        candidate, reference = _names(report)
        ways = list(dict.fromkeys(each.mode.removeprefix("path:") for each in otherwise))
        parts.append(
            f"{candidate} agrees with {reference} as it was first run, and not where it is used otherwise: "
            f"{', '.join(ways)}"
        )
    elif all(each.problem is None for each in report.comparisons):
        candidate, reference = _names(report)
        parts.append(f"{candidate} does not compute {reference}'s {report.spec.cell.upper()}")
    for each in problems(report.comparisons):
        parts.append(f"{each.quantity} cannot be compared: {printable(each.problem or '', 1000)}")
    exceeded = [each for each in report.comparisons if each.exceeded]
    if exceeded:
        parts.append(_extent(report, exceeded))
    return parts


def _parting(report: Report, first: Divergence) -> str:
    candidate, reference = _names(report)
    place = f"{first.quantity}, batch row {first.batch}, unit {first.unit}, layer {first.layer}, {first.direction}"
    values = values_at(report, first)
    against = ", where it has {} against {}".format(*told_apart(*values)) if values else ""
    return f"{candidate} parts from {reference} at t = {count(first.t)} ({place}){against}"


def _extent(report: Report, exceeded: list[Comparison]) -> str:
    wrong = sum(each.exceeded for each in exceeded)
    compared = sum(each.compared for each in report.comparisons)
    largest = max(each.max_abs for each in exceeded)
    worst = max(exceeded, key=lambda each: each.budget_used)
    beyond = f"{count(wrong)} of {count(compared)} values are further apart than allowed"
    if math.isinf(largest):
        return f"{beyond}, some of them finite on one side only"
    where = "" if len({each.quantity for each in exceeded}) == 1 else f" (of {worst.quantity})"
    return f"{beyond}, largest difference {in_words(worst.max_abs)}{where}, {of_allowed(worst.budget_used)}"


def values_at(report: Report, first: Divergence) -> tuple[float, float] | None:
    """Both sides' values where they part first, if that timestep and batch row are among those kept."""
    for comparison in report.comparisons:
        if comparison.quantity == first.quantity and comparison.shown_batch == first.batch:
            column = units_of(report, comparison).centre
            for step in comparison.per_timestep:
                if step.t == first.t and column is not None:
                    return step.candidate[column], step.reference[column]
    return None


def _names(report: Report) -> tuple[str, str]:
    return printable(report.candidate.name, LIMIT), printable(report.reference.name, LIMIT)
