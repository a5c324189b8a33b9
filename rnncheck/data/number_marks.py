"""The marks in numbers that would read a cell: between thousands, before decimals, and signs at its ends."""

import shlex
from collections.abc import Iterator, Mapping, Sequence

from rnncheck.data.cells import Look, look, signs_around
from rnncheck.data.columns import CellKind, read_cell
from rnncheck.data.options import FileOptions
from rnncheck.text import in_words, printable

_THOUSANDS = ",_' \u00a0\u202f."

Marks = Mapping[str, str]  # of `FileOptions`, those that change


def way_out_of_marks(cell: str, column: Sequence[str], numbers: Sequence[str], options: FileOptions) -> str:
    """The options that read this cell and most of its column; nothing where none do.

    `numbers` are all cells of the file's columns of numbers: their signs are named together.
    """
    if look(cell) is not Look.NUMBER:
        return ""
    signs = "".join(dict.fromkeys(options.strip + "".join(map(signs_around, [cell, *numbers]))))
    reading = [each for each in _tries(cell, signs, options) if _read(cell, each, options)]
    if not reading:
        point = options.decimal == "," and "." in cell and not any("," in each for each in numbers)
        return "--decimal ',' was given; for a decimal point, leave it out" if point else ""
    shares = [sum(_read(each, marks, options) for each in column) for marks in reading]
    good = [marks for marks, share in zip(reading, shares, strict=True) if share == max(shares)]
    best, *others = sorted(good, key=len)
    said = in_words([_words(name, mark) for name, mark in best.items()])
    other = next((each for each in others if len(each) == len(best) == 1), {})
    more = "".join(f", or {_flag(name, mark, options)} if {_words(name, mark)}" for name, mark in other.items())
    return f"if {said}, pass {' '.join(_flag(name, mark, options) for name, mark in best.items())}{more}"


def _tries(cell: str, signs: str, options: FileOptions) -> Iterator[Marks]:
    """What the options may change to, the more usual first."""
    body = cell.strip(signs + "+- ")
    stripped: list[Marks] = [{}, {"strip": signs}] if signs != options.strip else [{}]
    decimals: list[Marks] = [{}, {"decimal": ","}] if options.decimal == "." else [{}]
    groups: list[Marks] = [{}] + [{"thousands": mark} for mark in _THOUSANDS if mark in body and not options.thousands]
    commas_separate = options.separator == ","
    for strip in stripped:
        for one in decimals if commas_separate else groups:
            for other in groups if commas_separate else decimals:
                marks = {**strip, **one, **other}
                if marks and marks.get("thousands", options.thousands) != marks.get("decimal", options.decimal):
                    yield marks


def _read(cell: str, marks: Marks, options: FileOptions) -> bool:
    """Whether the cell is a number with these marks."""
    decimal, thousands = marks.get("decimal", options.decimal), marks.get("thousands", options.thousands)
    return read_cell(cell, decimal, thousands, marks.get("strip", options.strip))[0] is CellKind.NUMBER


def _words(name: str, mark: str) -> str:
    shown = f"'{printable(mark)}'"
    says = {"strip": f"{shown} at its ends is no part of it", "thousands": f"{shown} stands between thousands"}
    return says.get(name, "the comma is a decimal mark")


def _flag(name: str, mark: str, options: FileOptions) -> str:
    if name == "decimal":
        return ("--sep , " if options.sep is None else "") + "--decimal ','"  # without, it would contradict the commas
    return f"--{name} {shlex.quote(mark)}".replace(shlex.quote("'"), '"\'"')
