"""The help fits a terminal of 80 columns, and explains every command and option in whole sentences."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnncheck.cli.app import command

COMMANDS = command().commands
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_the_list_of_commands_cuts_no_sentence_short(rnncheck: Callable[..., Any]) -> None:
    told = rnncheck("--help").stdout.partition("Commands:")[2].partition("Exit codes")[0]
    sentences = re.findall(r"^  \w+ {2,}(.+)$", told, re.M)
    assert len(sentences) == len(COMMANDS)
    assert [each for each in sentences if not each.endswith(".") or each.endswith("...")] == []


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_no_line_is_wider_than_the_terminal(name: str, rnncheck: Callable[..., Any]) -> None:
    lines = rnncheck(*name.split(), "--help").stdout.splitlines()
    assert [line for line in lines if len(line) > 80] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained_by_a_sentence_before_its_default(name: str) -> None:
    helps = {each.name: each.help or "" for each in COMMANDS[name].params if each.name != "help"}
    unclear = {option for option, text in helps.items() if not re.match(r"[A-Za-z].+\.( |$)", text)}
    assert unclear == set()


@pytest.mark.parametrize("name", ["bench", "sweep"])
def test_a_command_has_every_option_that_its_page_names(name: str) -> None:
    named = set(re.findall(r"`(--[a-z-]+)", (DOCS / f"{name}.md").read_text()))
    has = {option for each in COMMANDS[name].params for option in each.opts}
    assert named - has == set()
