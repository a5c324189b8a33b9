"""The fast way to read text: numpy's reader, where it can do no harm."""

import csv

import numpy as np

from rnncheck.sequences.base import FloatArray
from rnncheck.sequences.layout import Layout
from rnncheck.sequences.numbers import MAY_UNDERFLOW
from rnncheck.sequences.records import Dialect


def read_fast(text: str, newlines: int, layout: Layout, dialect: Dialect, decimal: str) -> FloatArray | None:
    """The inputs (rows, I) of a block of whole lines, or None when only the strict way can read it or say why not.

    `newlines` is how many the text has. What it does read, the strict way reads to the same numbers.
    """
    # Quotes may hide a separator (and numpy would read '"1"2' as 12).
    if not text.isascii() or '"' in text or "\0" in text:
        return None
    if decimal != ".":
        if "." in text:
            return None
        text = text.replace(decimal, ".")
    lines = text.splitlines()
    # Vertical tabs and their like are spaces to numpy. Here, they end lines; all but one.
    if len(lines) != newlines + (not text.endswith("\n")) or "\x1f" in text:
        return None
    if dialect.comment is not None and dialect.comment in text:
        lines = [line for line in lines if not dialect.is_comment(line)]
    limit = csv.field_size_limit()
    if not any(lines) or (len(text) > limit and max(map(len, lines)) > limit):
        return None
    whole = layout.inputs == tuple(range(layout.width))
    if not whole and any(line.count(dialect.sep) != layout.width - 1 for line in lines):
        return None  # numpy compares the widths of rows only when it reads all columns
    try:
        rows = np.loadtxt(
            lines,
            delimiter=dialect.sep,
            comments=None,
            usecols=None if whole else layout.inputs,
            ndmin=2,
            encoding=None,
        )
    except ValueError:
        return None
    # Where numpy passes over a blank line, there are fewer rows.
    if rows.shape != (len(lines), len(layout.inputs)) or not np.isfinite(rows).all():
        return None
    if not rows.all() and MAY_UNDERFLOW.search(text):
        return None
    return rows
