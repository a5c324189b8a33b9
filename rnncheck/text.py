"""Makes text from a user's file safe to show on a terminal or in a report."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import Path


def printable(text: str, limit: int = 40) -> str:
    """`text` on one line, at most about `limit` characters, with nothing in it that a terminal obeys.

    Printable ASCII and letters that are written from left to right stay; everything else (control characters,
    line ends, marks that turn the direction of writing, look-alikes of ASCII signs) is shown as `\\x1b` or `\\u2212`.
    """
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    room = limit
    for character in text:
        piece = character if _is_plain(character) else character.encode("unicode_escape").decode("ascii")
        room -= len(piece)
        if room < 0:
            return "".join(shown) + "..."
        shown.append(piece)
    return "".join(shown)


CLOSE, CLOSER = 0.6, 0.1  # the share of the letters that is the same, and how far behind the closest another may be


def nearest(name: str, names: Iterable[str]) -> list[str]:
    """Those of the `names` that a misspelt `name` may mean, the closest first, at most three; endings do not count."""
    misspelt = SequenceMatcher(b=Path(name).stem)
    found = dict[str, float]()
    for each in names:
        misspelt.set_seq1(Path(each).stem)
        found[each] = misspelt.ratio()
    least = max([CLOSE, *(share - CLOSER for share in found.values())])
    return sorted((each for each in found if found[each] >= least), key=lambda each: -found[each])[:3]


WHOLE = ("fault:", "variant:", "exec:", "keras:", "flax:", "flax.nnx:", "equinox:")  # so begin names of no file


def short(name: str) -> str:
    """What stands after the colon of `my_lstm.py:MyLSTM`; any other name as it is."""
    return name if name.startswith(WHOLE) else name.rpartition(":")[2]


def in_words(names: Sequence[str]) -> str:
    """Such as "h0", "h0 and c0" or "h0, c0 and weight_ih_l0"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def as_options(values: Mapping[str, int]) -> str:
    """`--input-size 4 --bidirectional` of {"input_size": 4, "bidirectional": True}."""
    words = (f"--{name.replace('_', '-')}" + ("" if value is True else f" {value}") for name, value in values.items())
    return " ".join(words)


def first_of(names: Sequence[str], most: int = 6) -> str:
    """Such as "gates.0, gates.1 and 3 more": the names, printable, at most so many of them."""
    listed = ", ".join(map(printable, names[:most]))
    return f"{listed} and {len(names) - most} more" if len(names) > most else listed


def _is_plain(character: str) -> bool:
    if character.isascii():
        return character.isprintable()
    return character.isalpha() and unicodedata.bidirectional(character) == "L"
