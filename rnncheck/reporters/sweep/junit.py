"""The report of a sweep as JUnit XML: a test case for each region, and one for all that was found to agree."""

from xml.etree import ElementTree

from rnncheck.report import Verdict
from rnncheck.reporters.junit import clean, written
from rnncheck.reporters.sweep.words import facts, sentences, title
from rnncheck.sweep_report import Region, SweepReport


def render(report: SweepReport) -> str:
    """One test suite. A region that differs is a failure; what could not be run or decided is an error."""
    named = clean(f"rnncheck.{report.candidate} against {report.reference}")
    cases = [*(case(each, named) for each in report.regions), whole(report, named)]
    return written(cases, {"verdict": report.verdict, "command": report.command}, report.seconds)


def case(region: Region, named: str) -> ElementTree.Element:
    element = ElementTree.Element("testcase", {"classname": named, "name": clean(region.in_words), "time": "0"})
    kind, what = ("failure", "mismatch") if region.raises is None else ("error", "could-not-run")
    problem = ElementTree.SubElement(element, kind, {"message": clean(title(region)), "type": what})
    problem.text = "\n".join(clean(f"{name}: {text}") for name, text in facts(region))
    return element


def whole(report: SweepReport, named: str) -> ElementTree.Element:
    """The case for the configurations outside all regions."""
    told = {"classname": named, "name": "all other configurations", "time": f"{report.seconds:.3f}"}
    element = ElementTree.Element("testcase", told)
    if report.verdict is Verdict.INCONCLUSIVE and not report.regions:
        message = clean("; ".join(sentences(report)))
        ElementTree.SubElement(element, "error", {"message": message, "type": "inconclusive"})
    return element
