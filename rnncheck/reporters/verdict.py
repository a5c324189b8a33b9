"""The verdict in sentences: who was compared, where they differ first, by how much, and the limit."""

import math

from rnncheck.report import Comparison, Divergence, Report, Verdict, Witness
from rnncheck.reporters.numbers import count, in_words, of_limit, percent, told_apart
from rnncheck.reporters.overview import is_gradient, is_path, mode_in_words, most_used, problems
from rnncheck.reporters.units import units_of
from rnncheck.text import printable, short

LIMIT = 60  # of a name
LINE = 160  # of the verdict line of a mismatch
KINDS = ("states", "gradients", "values of these paths")


def verdict_line(report: Report) -> str:
    """The verdict, the first finding and its evidence on one line of plain text; the first word is the verdict.

    A mismatch is short: its fault, both sides, and of the evidence as much as fits.
    """
    found = [(printable(each.slug), printable(each.message, 1000)) for each in report.findings[:1]]
    if report.verdict is not Verdict.MISMATCH:
        return f"{report.verdict}: {'; '.join([*map(': '.join, found), *sentences(report)])}"
    sides, *evidence = _mismatch(report)
    line = ": ".join([report.verdict, *(slug for slug, _ in found), sides])
    named = [message.partition("; ")[0] for slug, message in found if slug != "unexplained"]
    for each in [*named, *evidence]:
        longer = f"{line}; {each}"
        line = longer if len(longer) <= LINE else line
    return line


def lines_of(report: Report) -> list[str]:
    """What is wrong, the name of the fault, the fix and the command that repeats it, one line each."""
    lines = [*sentences(report), *(f"{each.slug}: {each.message}" for each in report.findings)]
    lines += [f"Mend: {each.mend}" for each in report.findings if each.mend]
    repeat = [f"Repeat it: {report.command}"] if report.command else []
    return [printable(line, 1000) for line in [*lines, *repeat]]


def sentences(report: Report) -> list[str]:
    """Sentences that explain the verdict, the most important first."""
    match report.verdict:
        case Verdict.EQUIVALENT:
            witness = [] if report.witness is None else [summed_up(report.witness)]
            return [*_agreement(report), *_restrictions(report), *witness]
        case Verdict.MISMATCH:
            return [*_mismatch(report), *_conventions(report), *_restrictions(report)]
        case Verdict.INCONCLUSIVE:
            reason = printable(report.reason or "this evidence cannot decide", 1000)
            return [reason, *_conventions(report), *_restrictions(report)]


def summed_up(witness: Witness) -> str:
    """The result of planting known faults, in one clause."""
    if not witness.planted:
        return "no known fault can show here, so this check proves little"
    would = f"{witness.caught} of {witness.planted} planted faults would be caught"
    hidden = [f"{len(witness.hidden)} more cannot show here"] if witness.hidden else []
    count = len(witness.untried)
    untried = [f"{count} {'was' if count == 1 else 'were'} not tried"] if count else []
    return "; ".join([would, *hidden, *untried])


def _agreement(report: Report) -> list[str]:
    candidate, reference = _names(report)
    own = f" ({', '.join(_own(report))})" if report.conventions else ""
    said = f"{candidate} computes the same {report.spec.cell.upper()} as {reference}{own}"
    judged = [each for each in report.comparisons if each.compared]
    values = f"{count(sum(each.compared for each in judged))} values compared"
    if all(each.max_abs == 0 for each in judged):
        return [said, f"{values}, no difference at all"]
    most = most_used(judged)
    return [said, f"{values}; largest difference {percent(most.budget_used)} of the limit"]


def _own(report: Report) -> list[str]:
    return [printable(each, 200) for each in report.conventions]


def _conventions(report: Report) -> list[str]:
    """Sentences about conventions, which are no faults."""
    return [f"a convention of this layer, not a fault: {', '.join(_own(report))}"] if report.conventions else []


def _restrictions(report: Report) -> list[str]:
    """Sentences about restrictions under which the two sides were compared."""
    return [f"note that {printable(each, 500)}" for each in report.restrictions]


def _mismatch(report: Report) -> list[str]:
    candidate, reference = _names(report)
    parts = [f"{candidate} does not compute the same {report.spec.cell.upper()} as {reference}"]
    if report.first_divergence is not None:
        parts.append(_parting(report, report.first_divergence))
    elif otherwise := paths_apart(report):
        parts[0] = (
            f"{candidate} agrees with {reference} in a normal run, but not where it is used in another way: "
            f"{', '.join(map(mode_in_words, otherwise))}"
        )
    for each in problems(report.comparisons):
        parts.append(f"{each.quantity}: {printable(each.problem or '', 1000)}")
    exceeded = [each for each in report.comparisons if each.exceeded]
    if exceeded:
        parts.append(_extent(exceeded, report))
    return parts


def paths_apart(report: Report) -> list[str]:
    """The modes of the paths on which the two sides differ, each once."""
    return list(dict.fromkeys(each.mode for each in report.comparisons if is_path(each) and not each.agrees))


def _parting(report: Report, first: Divergence) -> str:
    values = values_at(report, first)
    against = ": {} instead of {}".format(*told_apart(*values)) if values else ""
    return f"first difference at t = {count(first.t)}, {place_in_words(report, first)}{against}"


def place_in_words(report: Report, first: Divergence) -> str:
    """`output, batch row 2, unit 1`; the layer and the direction only where there are several."""
    parts = [first.quantity, f"batch row {first.batch}", f"unit {first.unit}"]
    if report.spec.num_layers > 1:
        parts.append(f"layer {first.layer}")
    if report.spec.bidirectional:
        parts.append(f"{first.direction} direction")
    return ", ".join(parts)


def _extent(exceeded: list[Comparison], report: Report) -> str:
    """How many values are beyond the limit, and how far the largest difference is, or the worst where that is another;
    of gradients only where the states agree, of paths only where the normal run does.
    """
    kind = min(map(kind_of, exceeded))
    alike = [each for each in report.comparisons if kind_of(each) == kind]
    wrong, compared = (sum(getattr(each, name) for each in alike) for name in ("exceeded", "compared"))
    beyond = f"{count(wrong)} of {count(compared)} {KINDS[kind]} are beyond the limit"
    found = [each for each in exceeded if kind_of(each) == kind]
    largest = max(found, key=lambda each: each.max_abs)
    if math.isinf(largest.max_abs):
        return f"{beyond}, some of them finite on one side only"
    budget = largest.max_abs / largest.envelope_at_max if largest.envelope_at_max else math.inf
    if budget <= 1:
        return f"{beyond}; the worst is {of_limit(max(each.budget_used for each in found))}"
    return f"{beyond}; differences up to {in_words(largest.max_abs)}, {of_limit(budget)}"


def kind_of(comparison: Comparison) -> int:
    """The index of its kind in `KINDS`."""
    return 2 if is_path(comparison) else int(is_gradient(comparison))


def values_at(report: Report, first: Divergence) -> tuple[float, float] | None:
    """Both sides' values at the first difference, if the report keeps that timestep and batch row."""
    for comparison in report.comparisons:
        if comparison.quantity == first.quantity and comparison.shown_batch == first.batch:
            column = units_of(report, comparison).centre
            for step in comparison.per_timestep:
                if step.t == first.t and column is not None:
                    return step.candidate[column], step.reference[column]
    return None


def _names(report: Report) -> tuple[str, str]:
    return printable(short(report.candidate.name), LIMIT), printable(short(report.reference.name), LIMIT)
