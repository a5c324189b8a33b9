"""The few signs on the screen that are not letters, and what stands for them where only ASCII can be written."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Glyphs:
    """One set of signs. `shades` grow from nothing to full; a bar is made of `full` cells and at most one `half`."""

    equivalent: str
    mismatch: str
    inconclusive: str
    exceeded: str
    full: str
    half: str
    limit: str
    limit_passed: str
    shades: str
    skipped: str
    rule: str
    dot: str
    times: str
    at_most: str


UNICODE = Glyphs("✓", "✗", "?", "✗", "━", "╸", "│", "┿", " ▁▂▃▄▅▆▇█", "⋯", "─", "·", "×", "≤")
ASCII = Glyphs("=", "x", "?", "x", "=", "-", "|", "|", " .:;+=o%@", "...", "-", "|", "x", "<=")


def glyphs_for(encoding: str) -> Glyphs:
    """Signs that this encoding can hold."""
    try:
        "".join(vars(UNICODE).values()).encode(encoding)
    except UnicodeEncodeError:
        return ASCII
    return UNICODE
