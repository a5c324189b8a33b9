"""The report as JUnit XML: a test case for each quantity and path, and one for the verdict."""

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from rnncheck.report import Comparison, Failure, Report, Verdict
from rnncheck.reporters.numbers import count, difference, of_limit
from rnncheck.reporters.overview import mode_in_words
from rnncheck.reporters.verdict import sentences
from rnncheck.text import printable


def render(report: Report | Failure) -> str:
    """One test suite, as Jenkins, GitLab and GitHub actions read it."""
    cases = [verdict_case(report)]
    if isinstance(report, Report):
        cases = [*(case(each, class_name(report)) for each in report.comparisons), *cases]
    return written(cases, {"verdict": report.verdict, "command": report.command}, report.seconds)


def written(cases: Sequence[ElementTree.Element], properties: Mapping[str, str | None], seconds: float) -> str:
    """The XML of one test suite with these cases."""
    failures, errors = (sum(each.find(kind) is not None for each in cases) for kind in ("failure", "error"))
    counts = {"tests": str(len(cases)), "failures": str(failures), "errors": str(errors), "time": f"{seconds:.3f}"}
    root = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(root, "testsuite", {"name": "rnncheck", **counts, "skipped": "0"})
    told = ElementTree.SubElement(suite, "properties")
    for name, value in properties.items():
        if value:
            ElementTree.SubElement(told, "property", {"name": name, "value": clean(value)})
    suite.extend(cases)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=False).join(
        ("<?xml version='1.0' encoding='UTF-8'?>\n", "\n")
    )


def class_name(report: Report | Failure) -> str:
    """The two sides as the class name of the cases."""
    sides = (report.candidate, report.reference)
    candidate, reference = (clean(each if isinstance(each, str) else each.name) for each in sides)
    return f"rnncheck.{candidate} against {reference}"


def case(comparison: Comparison, named: str) -> ElementTree.Element:
    """One quantity, which fails if it is beyond the limit."""
    words = f"{comparison.quantity}, {mode_in_words(comparison.mode)}"
    element = ElementTree.Element("testcase", {"classname": named, "name": clean(words), "time": "0"})
    if not comparison.agrees:
        message = clean(comparison.problem or beyond(comparison))
        ElementTree.SubElement(element, "failure", {"message": message, "type": "mismatch"}).text = detail(comparison)
    elif not comparison.compared:
        ElementTree.SubElement(element, "skipped", {"message": "nothing in it could be judged"})
    return element


def beyond(comparison: Comparison) -> str:
    return (
        f"{count(comparison.exceeded)} of {count(comparison.compared)} values are beyond the limit; "
        f"largest difference {difference(comparison.max_abs)}, {of_limit(comparison.budget_used)}"
    )


def detail(comparison: Comparison) -> str:
    """The place of the largest difference, and both sides' values there."""
    lines = []
    if (first := comparison.first_divergence) is not None:
        lines.append(f"first: t {first.t}, batch row {first.batch}, unit {first.unit}, layer {first.layer}")
    if (at := comparison.at) is not None:
        values = f"{comparison.candidate_value:.9g} instead of {comparison.reference_value:.9g}"
        lines.append(f"largest: t {at.t}, batch row {at.batch}, unit {at.unit}, layer {at.layer}: {values}")
    return "\n".join(lines)


def verdict_case(report: Report | Failure) -> ElementTree.Element:
    """The verdict itself: an error if nothing was decided, a failure if the two sides are not the same.

    Its time is that of the whole check, which compares all quantities at once.
    """
    named = {"classname": class_name(report), "name": "verdict", "time": f"{report.seconds:.3f}"}
    element = ElementTree.Element("testcase", named)
    if isinstance(report, Failure):
        ElementTree.SubElement(element, "error", {"message": clean(report.reason), "type": "could-not-run"})
    elif report.verdict is Verdict.MISMATCH:
        said = [f"{each.slug}: {each.message}" for each in report.findings] + [
            f"mend: {each.mend}" for each in report.findings if each.mend
        ]
        failure = ElementTree.SubElement(
            element, "failure", {"message": clean(sentences(report)[0]), "type": "mismatch"}
        )
        failure.text = "\n".join(clean(each) for each in [*sentences(report)[1:], *said])
    elif report.verdict is Verdict.INCONCLUSIVE:
        ElementTree.SubElement(element, "error", {"message": clean(sentences(report)[0]), "type": "inconclusive"})
    return element


def clean(text: str) -> str:
    """Text on one line, without characters that XML does not allow."""
    return printable(text, 2000)
