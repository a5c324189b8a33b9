"""Wrapping and tables: every word and every cell is there, whole and in its order."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from rnncheck.reporters.terminal.layout import TableColumn, hanging, table, unbroken, wrapped

letters = st.characters(codec="utf-8", categories=["L", "N", "P"])
words = st.text(letters, min_size=1, max_size=12)


@given(st.lists(words | st.just(""), max_size=20), st.integers(2, 40))
def test_wrapping_loses_no_word(said: list[str], width: int) -> None:
    lines = [line.plain for line in wrapped(Text(" ".join(said)), width)]
    assert max(map(cell_len, lines)) <= width
    assert "".join(lines).replace(" ", "") == "".join(said)


def wide(word: str) -> bool:
    """Whether every letter takes room: some of old Hangul are drawn over the one before."""
    return all(map(cell_len, word))


@given(st.lists(words.filter(wide), min_size=1, max_size=20), st.integers(24, 40))
def test_a_word_that_fits_on_a_line_is_not_broken(said: list[str], width: int) -> None:
    lines = [line.plain for line in wrapped(Text(" ".join(said)), width)]
    assert " ".join(lines).split(" ") == said


def test_what_belongs_together_stays_on_one_line() -> None:
    said = Text(unbroken("it used 0.5 % of what is allowed in (1, 3, 4), batch row 2, unit 1"))
    assert [line.plain for line in wrapped(said, 12)] == [
        "it used",
        "0.5 % of",
        "what is",
        "allowed in",
        "(1, 3, 4),",
        "batch row 2,",
        "unit 1",
    ]


def test_later_lines_hang_below_the_first() -> None:
    lines = hanging(Text("why", "bold"), Text("one two three"), width=12, column=5)
    assert [line.plain for line in lines] == ["why  one two", "     three"]
    assert [span.style for span in lines[0].spans] == ["bold"]  # the label's style does not spread


tables = st.lists(st.lists(st.text(letters, max_size=6), min_size=2, max_size=2), min_size=1, max_size=9)


@given(tables, st.integers(34, 80))
def test_a_table_continues_below_where_it_is_too_wide(cells: list[list[str]], width: int) -> None:
    columns = [TableColumn(f"h{index}", each) for index, each in enumerate(cells)]
    lines = [line.plain for line in table(columns, width)]
    shown = " ".join(lines).split()
    assert max(map(cell_len, lines)) <= width
    assert all(shown.count(f"h{index}") == 1 for index in range(1, len(cells)))
    assert all(cell in shown for column in cells for cell in column if cell)


def test_a_table_stays_in_one_piece_as_long_as_it_fits() -> None:
    columns = [TableColumn("name", []), TableColumn("x" * 9, []), TableColumn("y" * 9, [])]
    assert [len(table(columns, width, indent=0)) for width in (26, 25)] == [1, 3]


def test_a_table_in_pieces_repeats_its_first_column() -> None:
    columns = [
        TableColumn("name", ["a", "b"], right=False),
        TableColumn("x" * 9, ["1", "2"]),
        TableColumn("y" * 9, ["3", "4"]),
    ]
    assert [line.plain for line in table(columns, 20, indent=0)] == [
        "name  xxxxxxxxx",
        "a             1",
        "b             2",
        "",
        "name  yyyyyyyyy",
        "a             3",
        "b             4",
    ]
