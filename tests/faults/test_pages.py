"""What is told of each fault is whole, fits where it is shown, and its code is Python."""

import ast

import pytest

from rnncheck.errors import UsageError
from rnncheck.faults.catalogue import by_name, faults_of
from rnncheck.faults.pages import Page, page, pages
from rnncheck.model.spec import Cell, Spec

EACH = pytest.mark.parametrize("told", pages().values(), ids=pages())
CODE_WIDTH = 47  # two of them, side by side, on a screen of 100 columns


@EACH
def test_every_page_has_something_to_say_under_each_heading(told: Page) -> None:
    words = (told.right, told.wrong, told.causes, told.looks, told.mend, told.right_code, told.wrong_code)
    assert all(text == text.strip() != "" for text in words)
    assert told.cells
    assert set(told.cells) <= set(Cell)


@EACH
def test_a_title_is_one_clause_and_a_hint_one_sentence(told: Page) -> None:
    assert not told.title.endswith(".")
    assert told.title[0].islower() or told.title.startswith("W_ih")
    assert told.mend[0].isupper()
    assert told.mend.endswith(".")
    assert told.mend.count(". ") == 0


@EACH
def test_right_and_wrong_differ_in_the_equation_and_in_the_code(told: Page) -> None:
    assert told.right != told.wrong
    assert ast.dump(ast.parse(told.right_code)) != ast.dump(ast.parse(told.wrong_code))


@EACH
def test_the_code_is_tiny(told: Page) -> None:
    for code in (told.right_code, told.wrong_code):
        lines = code.splitlines()
        assert len(lines) <= 6
        assert max(map(len, lines)) <= CODE_WIDTH


def test_the_pages_of_a_family_stand_together() -> None:
    families = [told.family for told in pages().values()]
    changes = [family for before, family in zip([None, *families], families, strict=False) if family != before]
    assert len(changes) == len(set(families))


def test_a_page_is_found_by_its_slug() -> None:
    assert page("no-recurrence").title == "no step reads the previous state"


def test_a_slug_that_is_nearly_one_is_answered_with_those_it_is_near_to() -> None:
    with pytest.raises(UsageError, match="no fault is called 'no-recurence'; did you mean no-recurrence") as error:
        page("no-recurence")
    assert len(str(error.value).splitlines()) == 2


def test_a_slug_that_is_near_to_none_is_answered_with_the_way_to_all() -> None:
    with pytest.raises(UsageError, match="'rnncheck faults' lists them all"):
        page("\x1b[31m")


def test_the_command_to_try_names_the_cell_the_variant_and_what_makes_the_fault_show() -> None:
    assert page("no-recurrence").try_it() == "rnncheck compare fault:no-recurrence"
    assert page("no-recurrence").try_it(Cell.GRU) == "rnncheck compare fault:no-recurrence --cell gru"
    assert page("stale-cell-state").try_it() == "rnncheck compare fault:stale-cell-state --cell lstm"
    assert page("input-weight-transposed").try_it() == "rnncheck compare fault:input-weight-transposed --input-size 4"
    assert page("parameter-shape").try_it() is None


# Between them they have all that a fault may need: layers as wide as their input, both directions, dropout, a head.
SPECS = [
    Spec(cell, 4, size, num_layers=layers, bidirectional=both, dropout=0.5 * (layers > 1), head=head)
    for cell in Cell
    for layers, head in ((1, "softmax"), (2, None))
    for size, both in ((4, False), (2, True))
]


def test_what_the_pages_say_can_be_planted_is_what_the_catalogue_can_plant_cell_by_cell() -> None:
    planted = {(fault.slug, spec.cell) for spec in SPECS for fault in faults_of(spec, lengths=True)}
    assert planted == {(told.slug, cell) for told in pages().values() if told.plantable for cell in told.cells}


def test_the_variants_to_try_exist() -> None:
    tried = [(told.slug, variant, cell) for told in pages().values() for cell, variant in told.variants.items()]
    assert {slug for slug, _, _ in tried} == {"gate-order"}
    for slug, variant, cell in tried:
        spec = next(spec for spec in SPECS if spec.cell is cell)
        assert by_name(f"{slug}:{variant}", spec).slug == slug
