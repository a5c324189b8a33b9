"""Text from a user's file, shown without letting it do anything."""

import pytest

from rnncheck.text import nearest, printable, short


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("co2 (ppm), [/red] <b>", "co2 (ppm), [/red] <b>"),
        ("Größe 温度", "Größe 温度"),
        ("\x1b[31m\x07", r"\x1b[31m\x07"),
        ("a\nb\rc\td\0", r"a\nb\rc\td\x00"),
        ("\u202eabc\u2066\u200f\ufeff", r"\u202eabc\u2066\u200f\ufeff"),
        ("\u2028\x85", r"\u2028\x85"),
        ("−1\xa0", r"\u22121\xa0"),
        ("שלום", r"\u05e9\u05dc\u05d5\u05dd"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_a_terminal_might_obey_is_spelt_out(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_long_text_is_cut_and_no_escape_is_cut_in_two() -> None:
    assert printable("x" * 41) == "x" * 40 + "..."
    assert printable("x" * 40) == "x" * 40
    assert printable("xxx\x1b", limit=6) == "xxx..."


def test_the_short_name_of_a_class_in_a_file_is_its_own_and_of_a_layer_of_a_framework_the_whole() -> None:
    assert short("my_lstm.py:MyLSTM") == "MyLSTM"
    assert [short(name) for name in ("keras:GRU", "flax.nnx:GRUCell")] == ["keras:GRU", "flax.nnx:GRUCell"]


@pytest.mark.parametrize(
    ("name", "names", "close"),
    [
        ("gates-order", ["gate-ignored", "gate-order", "gate-gradient-wrong"], ["gate-order"]),
        ("wind.csv", ["rain.csv", "mind.csv"], ["mind.csv"]),  # what all have is no likeness
        ("x.py", ["y.py"], []),
        ("gru-reset-befor", ["gru-reset-after", "gru-reset-before"], ["gru-reset-before"]),
    ],
)
def test_only_names_that_are_close_are_offered(name: str, names: list[str], close: list[str]) -> None:
    assert nearest(name, names) == close
