"""docs/faults.md is made of the same pages as the screen."""

import re
from pathlib import Path

import pytest
from render_faults import PAGE

from rnncheck.faults.pages import pages
from rnncheck.reporters.faults_markdown import prose, render_catalogue, render_page

DOCS = PAGE.read_text(encoding="utf-8")


def test_the_page_in_the_docs_is_up_to_date() -> None:
    assert render_catalogue(list(pages().values())) == DOCS, "run scripts/render_faults.py"
    assert Path(PAGE).name == "faults.md"


def test_every_link_to_a_fault_leads_to_its_heading_and_to_no_other() -> None:
    headings = [re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in re.findall(r"^#+ (.*)$", DOCS, re.M)]
    assert re.findall(r"\]\(#(.*?)\)", DOCS) == list(pages())
    assert all(headings.count(slug) == 1 for slug in pages())


@pytest.mark.parametrize("slug", pages())
def test_a_page_has_both_equations_both_codes_and_the_hint(slug: str) -> None:
    told, page = pages()[slug], render_page(pages()[slug])
    for each in (
        *told.right.splitlines(),
        *told.wrong.splitlines(),
        told.right_code,
        told.wrong_code,
        prose(told.mend),
    ):
        assert each in page


def test_signs_that_markdown_would_read_as_marks_are_escaped() -> None:
    assert prose("[cell] * L, in W_ih x_t and _reverse") == r"\[cell\] \* L, in W_ih x_t and \_reverse"
