"""`rnncheck faults`: what it writes, and how it ends."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnncheck.faults.pages import pages
from rnncheck.reporters import faults_markdown
from rnncheck.reporters.terminal import faults

Command = Callable[..., Any]


def test_without_a_name_it_lists_all(rnncheck: Command) -> None:
    outcome = rnncheck("faults")
    assert (outcome.code, outcome.stderr) == (0, "")
    assert [slug for slug in pages() if f"\n  {slug} " not in outcome.stdout] == []


def test_a_cell_leaves_out_what_cannot_go_wrong_with_it(rnncheck: Command) -> None:
    listed = rnncheck("faults", "--cell", "gru").stdout
    assert "gru-update-inverted" in listed
    assert "peephole" not in listed


def test_a_name_gets_its_page(rnncheck: Command) -> None:
    outcome = rnncheck("faults", "no-recurrence")
    assert outcome.code == 0
    assert outcome.stdout == faults.render_page(pages()["no-recurrence"])


def test_the_page_is_for_the_cell_that_is_named(rnncheck: Command) -> None:
    assert "fault:no-recurrence --cell gru\n" in rnncheck("faults", "no-recurrence", "--cell", "gru").stdout


def test_a_name_that_is_none_is_a_usage_error_with_those_it_is_near_to(rnncheck: Command) -> None:
    outcome = rnncheck("faults", "gate-ordr")
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "did you mean gate-order" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_a_fault_that_the_cell_cannot_have_is_a_usage_error(rnncheck: Command) -> None:
    outcome = rnncheck("faults", "peephole", "--cell", "gru")
    assert outcome.code == 2
    assert outcome.stderr == "error: peephole is not a fault of the gru, only of the lstm\n"


@pytest.mark.parametrize("arguments", [[], ["peephole"]], ids=["all", "one"])
def test_json_holds_every_page_that_was_asked_for(arguments: list[str], rnncheck: Command) -> None:
    facts = json.loads(rnncheck("faults", *arguments, "--format", "json").stdout)
    assert facts["schema"] == "rnncheck/faults/1"
    assert [each["slug"] for each in facts["faults"]] == (arguments or list(pages()))
    peephole = next(each for each in facts["faults"] if each["slug"] == "peephole")
    assert peephole["cells"] == ["lstm"]
    assert peephole["mend"] == pages()["peephole"].mend
    assert peephole["try_it"] == "rnncheck compare fault:peephole --cell lstm"


def test_every_key_of_the_json_stands_in_its_page_of_the_docs(rnncheck: Command) -> None:
    docs = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")
    facts = json.loads(rnncheck("faults", "--format", "json").stdout)
    keys = {"faults", *(key for each in facts["faults"] for key in each)}
    assert {key for key in keys if f"`{key}`" not in docs.split("## Faults")[1]} == set()


def test_markdown_is_the_page_of_the_docs(rnncheck: Command) -> None:
    assert rnncheck("faults", "--format", "markdown").stdout == faults_markdown.render_catalogue(list(pages().values()))
    one = rnncheck("faults", "peephole", "--format", "markdown").stdout
    assert one == faults_markdown.render_page(pages()["peephole"])


def test_an_unknown_format_is_a_usage_error(rnncheck: Command) -> None:
    assert rnncheck("faults", "--format", "xml").code == 2
