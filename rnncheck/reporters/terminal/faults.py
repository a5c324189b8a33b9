"""The catalogue of faults on the screen: one line for each, or one fault explained."""

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from itertools import groupby
from typing import IO

from rich.text import Text

from rnncheck.faults.pages import EVERY, Page
from rnncheck.model.spec import Cell
from rnncheck.reporters.terminal.layout import LABELS, hanging, unbroken
from rnncheck.reporters.terminal.screen import Screen, screen_for

BESIDE = 100  # from how many columns on code stands side by side
WORDS = re.compile(r"\w+|\s+|.")
IN_ASCII = str.maketrans(
    {
        "σ": "sigmoid",
        "≤": "<=",
        "⊙": "*",
        "·": "*",
        "−": "-",
        "≥": ">=",
        "≠": "!=",
        "∂": "d",
        "δ": "delta",
        "Σ": "sum",
        "…": "...",
        "±": "+-",
        "²": "^2",
        "ᵀ": "^T",
        "∞": "inf",
        "←": "<-",
        "β": "b",
        "η": "lr",
        "θ": "w",
    }
)


def render_catalogue(pages: Sequence[Page], stream: IO[str] | None = None, width: int | None = None) -> str:
    """Slug and title of each, under the names of their families."""
    screen = screen_for(stream, width)
    column = 2 + max(len(page.slug) for page in pages) + 2
    lines: list[Text] = []
    for family, members in groupby(pages, lambda page: page.family):
        lines += [Text(), Text(family, "bold")] if lines else [Text(family, "bold")]
        for page in members:
            title = Text(spelled(page.title, screen))
            if page.cells != EVERY:
                title.append(f"  {', '.join(page.cells)}", "dim")
            lines += hanging(Text(f"  {page.slug}", "cyan"), title, screen.width, column)
    return screen.rendered([*lines, Text(), Text("rnncheck faults SLUG explains one of them", "dim")])


def render_page(page: Page, cell: Cell | None = None, stream: IO[str] | None = None, width: int | None = None) -> str:
    """The page of one fault. The example command is for that cell."""
    screen = screen_for(stream, width)
    name = Text(f"{page.slug}  ", "bold cyan")
    lines = hanging(name, Text(spelled(page.title, screen), "bold"), screen.width, name.cell_len)
    lines += [Text(f"{page.family} {screen.glyphs.dot} {', '.join(page.cells)}", "dim"), Text()]
    lines += pair(page.right, page.wrong, screen, "", beside=True)
    lines += [Text()]
    for label, text in (("cause", page.causes), ("symptoms", page.looks), ("mend", page.mend)):
        lines += entry(label, text, screen)
    lines += [Text(), *pair(page.right_code, page.wrong_code, screen, " code", beside=screen.width >= BESIDE)]
    if command := page.try_it(cell):
        lines += [Text(), *hanging(Text("  try it", "dim"), Text(command, "bold"), screen.width, LABELS)]
    return screen.rendered(lines)


def render_variant(facts: Mapping[str, str], stream: IO[str] | None = None, width: int | None = None) -> str:
    """The page of one variant: its equations, their source, its users and the command that compares with it."""
    screen = screen_for(stream, width)
    name = Text(f"{facts['slug']}  ", "bold cyan")
    lines = hanging(name, Text(spelled(facts["title"], screen), "bold"), screen.width, name.cell_len)
    lines += [Text(f"variant {screen.glyphs.dot} {facts['cell']}", "dim"), Text()]
    lines += [Text(f"  {line}") for line in spelled(facts["equations"], screen).split("\n")]
    lines += [Text(), *entry("source", facts["source"], screen), *entry("used by", facts["users"], screen)]
    lines += [Text(), *hanging(Text("  try it", "dim"), Text(facts["try_it"], "bold"), screen.width, LABELS)]
    return screen.rendered(lines)


def entry(label: str, text: str, screen: Screen) -> list[Text]:
    return hanging(Text(f"  {label}", "dim"), Text(unbroken(spelled(text, screen))), screen.width, LABELS)


def pair(right: str, wrong: str, screen: Screen, what: str, *, beside: bool) -> list[Text]:
    """Correct and wrong code with coloured differences, side by side if asked for and if there is room."""
    sides = marked(spelled(right, screen), spelled(wrong, screen))
    labels = Text(f"right{what}", "green"), Text(f"wrong{what}", "red")
    half = (screen.width - 2) // 2
    if beside and all(line.cell_len <= half - 2 for side in sides for line in side):
        rows = max(map(len, sides))
        left, other = (
            [label, *side, *[Text()] * (rows - len(side))] for label, side in zip(labels, sides, strict=True)
        )
        return [joined(one, two, half) for one, two in zip(left, other, strict=True)]
    lines: list[Text] = []
    for label, side in zip(labels, sides, strict=True):
        if lines and max(map(len, sides)) > 1:
            lines.append(Text())
        for number, line in enumerate(side):
            start = Text("  ").append_text(label) if number == 0 else Text()
            lines += hanging(start, line, screen.width, LABELS)
    return lines


def joined(left: Text, right: Text, half: int) -> Text:
    line = Text("  ").append_text(left).append(" " * (half - left.cell_len)).append_text(right)
    line.rstrip()
    return line


def marked(right: str, wrong: str) -> tuple[list[Text], list[Text]]:
    """The lines of both: in green those of the correct code alone, in red those of the wrong code alone."""
    words = WORDS.findall(right), WORDS.findall(wrong)
    texts = Text(), Text()
    for kind, *ends in SequenceMatcher(None, *words, autojunk=False).get_opcodes():
        spans = (words[0][ends[0] : ends[1]], words[1][ends[2] : ends[3]])
        for text, span, style in zip(texts, spans, ("bold green", "bold red"), strict=True):
            text.append("".join(span), "" if kind == "equal" else style)
    return list(texts[0].split("\n")), list(texts[1].split("\n"))


def spelled(text: str, screen: Screen) -> str:
    """`text` in characters that this screen can show."""
    try:
        text.encode(screen.console.encoding)
    except UnicodeEncodeError:
        return text.translate(IN_ASCII)
    return text
