"""Every format, of every kind of report and of an error: valid by its schema, and saying what it has to."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from lxml import etree
from reporters.samples import SAMPLES
from reporters.strategies import reports

from rnncheck.report import Failure, Report, Verdict
from rnncheck.reporters.formats import FileFormat, reporter

ROOT = Path(__file__).parents[2]
SCHEMA = Draft202012Validator(json.loads((ROOT / "docs" / "report.schema.json").read_text()))
XSD = etree.XMLSchema(etree.parse(Path(__file__).with_name("junit.xsd")))
FAILURE = Failure(
    4, "lessons/rnn.py:3 raises <ValueError>: 100 % wrong", "lessons/rnn.py:RNN", "torch", "rnncheck compare"
)
some = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.mark.parametrize("name", get_args(FileFormat))
def test_every_format_says_the_verdict_or_why_there_is_none(name: str) -> None:
    for sample in ("equivalent", "mismatch", "inconclusive"):
        report = SAMPLES[sample]()
        assert report.verdict in reporter(name).render(report)
    assert "100 %" in reporter(name).render(FAILURE).replace("%25", "%")


@some
@given(reports())
def test_any_report_is_valid_by_its_schema(report: Report) -> None:
    SCHEMA.validate(json.loads(reporter("json").render(report)))
    XSD.assertValid(etree.fromstring(reporter("junit").render(report).encode()))
    assert reporter("github").render(report).count("\n") == 1
    balanced(reporter("html").render(report))
    reporter("markdown").render(report)


def test_an_error_is_valid_too() -> None:
    SCHEMA.validate(json.loads(reporter("json").render(FAILURE)))
    XSD.assertValid(etree.fromstring(reporter("junit").render(FAILURE).encode()))
    balanced(reporter("html").render(FAILURE))


def test_the_schema_refuses_what_is_no_report() -> None:
    facts = json.loads(reporter("json").render(SAMPLES["equivalent"]()))
    for wrong in ({"verdict": "passed"}, {"schema": "rnncheck/report/2"}, {"exit_code": "1"}, {"comparisons": [{}]}):
        assert not SCHEMA.is_valid(facts | wrong)


def test_junit_has_a_case_for_each_quantity_and_way_of_running_it() -> None:
    root = etree.fromstring(reporter("junit").render(SAMPLES["wrong_shape"]()).encode())
    outcomes = {case.get("name"): [each.tag for each in case] for case in root.iter("testcase")}
    assert outcomes == {"output, normal run": [], "h_n, normal run": ["failure"], "verdict": ["failure"]}
    assert (root.get("tests"), root.get("failures")) == ("3", "2")
    undecided = etree.fromstring(reporter("junit").render(SAMPLES["inconclusive"]()).encode())
    assert undecided.get("errors") == "1"


def test_github_gets_an_annotation_at_the_file_and_line_of_the_candidate() -> None:
    said = reporter("github").render(SAMPLES["a_class_of_ones_own"]())
    assert said.startswith("::notice file=lessons/gru.py,line=3,title=rnncheck%3A equivalent::")
    assert reporter("github").render(FAILURE).startswith("::error file=lessons/rnn.py,title=")
    assert "file=" not in reporter("github").render(SAMPLES["equivalent"]())


def test_markdown_lets_nobody_write_markup() -> None:
    said = reporter("markdown").render(SAMPLES["nasty_names"]())
    assert "<script>" not in said
    assert "\x1b" not in said


class Balance(HTMLParser):
    """Elements that are opened and closed, and addresses that are asked for."""

    VOID = ("meta", "br", "hr", "img", "input", "link")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.asked: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.asked += [value or "" for name, value in attributes if name in ("src", "href") and value[:1] != "#"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def balanced(page: str) -> None:
    balance = Balance()
    balance.feed(page)
    assert balance.open == []
    assert balance.asked == []  # nothing from the network, nor from beside it


@pytest.mark.parametrize("sample", SAMPLES)
def test_the_page_is_small_and_lets_nobody_write_markup(sample: str) -> None:
    page = reporter("html").render(SAMPLES[sample]())
    assert len(page.encode()) < 500_000
    assert not re.search(r"<script|javascript:|@import|url\(", page)


def test_the_page_plots_the_worst_unit_first_and_explains_the_finding() -> None:
    page = reporter("html").render(SAMPLES["wide"]())
    assert re.findall(r"<figcaption><strong>([^<]*)</strong>", page)[0] == "unit 37"
    assert page.count('<path class="band"') >= 2 * 12


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
@pytest.mark.sample(1)
@pytest.mark.parametrize("sample", ["wide", "equivalent"])
def test_a_browser_shows_the_page(sample: str, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(reporter("html").render(SAMPLES[sample]()), encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1200,1600"]
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    command = [str(CHROMIUM), *flags, profile, f"--screenshot={tmp_path / 'page.png'}", path.as_uri()]
    subprocess.run(command, capture_output=True, check=True, timeout=120)
    assert (tmp_path / "page.png").stat().st_size > 20_000
    dumped = subprocess.run(
        [str(CHROMIUM), *flags, profile, "--dump-dom", path.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
    report = SAMPLES[sample]()
    assert f"<h1>{report.verdict}</h1>" in dumped
    assert ("what is allowed" in dumped) == (report.verdict in Verdict)
