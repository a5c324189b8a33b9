"""A mismatch that is a known variant says so, and gives the command; any other does not."""

import pytest

from rnncheck import check
from rnncheck.model.spec import Cell

FAST = {"backward": False, "lockstep": False}


@pytest.mark.parametrize(("slug", "cell"), [("gru-reset-before", Cell.GRU), ("lstm-coupled", Cell.LSTM)])
def test_a_variant_is_told_with_the_command_that_checks_it(slug: str, cell: Cell) -> None:
    report = check(f"variant:{slug}", cell=cell, **FAST)
    assert report.verdict == "mismatch"
    command = f"rnncheck compare variant:{slug} --against variant:{slug} --cell {cell}"
    assert [note for note in report.notes if command in note]


def test_a_fault_is_told_to_be_none() -> None:
    report = check("fault:forget-bias-added", cell="lstm", **FAST)
    assert report.verdict == "mismatch"
    assert not [note for note in report.notes if "variant:" in note]
