"""What counts as a number in a text file, and what to say about a cell that is none.

    number = [spaces] [+ or -] digits [mark digits] [e [+ or -] digits] [spaces]

with at least one digit on one side of the decimal mark. Python's and numpy's own readers take more (1_000,
other scripts' digits, 1e400 as infinity); what they take and this grammar does not is refused, not guessed at.
"""

import math
import re
from enum import Enum

BLANKS = " \t"
MISSING_TOKENS = frozenset({"", "na", "n/a", "#n/a", "#na", "<na>", "null", "none"})

# Each of these runs in linear time: no two neighbouring parts can match the same digit.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NONFINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_NOT_ZERO = re.compile(r"[+-]?[0.]*[1-9]")

# Only text like this can be a number other than zero and yet round to zero in float64.
MAY_UNDERFLOW = re.compile(r"[eE]-[0-9]{3}|0{200}")


class Cell(Enum):
    """What the text of one cell is."""

    NUMBER = "a number"
    UNDERFLOW = "a number other than zero that float64 rounds to zero"
    OVERFLOW = "a number that overflows float64"
    NONFINITE = "NaN or infinity"
    MISSING = "a missing value"
    TEXT = "not a number"


def read_cell(text: str, decimal: str = ".") -> tuple[Cell, float]:
    """What a cell is and its value, NaN where it has none."""
    text = text.strip(BLANKS)
    if decimal != ".":
        # A full stop is no decimal mark here, so it must not become one.
        text = text.replace(".", "\0").replace(decimal, ".")
    if _NUMBER.fullmatch(text):
        value = float(text)
        if math.isinf(value):
            return Cell.OVERFLOW, math.nan
        if value == 0 and _NOT_ZERO.match(text):
            return Cell.UNDERFLOW, value
        return Cell.NUMBER, value
    if _NONFINITE.fullmatch(text):
        return Cell.NONFINITE, float(text)
    if text.casefold() in MISSING_TOKENS:
        return Cell.MISSING, math.nan
    return Cell.TEXT, math.nan


def is_text(text: str, decimal: str = ".") -> bool:
    """Whether a cell can only be a name: no number, and no value that is missing or not finite."""
    return read_cell(text, decimal)[0] is Cell.TEXT
