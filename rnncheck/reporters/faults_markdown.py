"""The catalogue of faults in Markdown: `docs/faults.md`, and one page of it."""

import re
from collections.abc import Mapping, Sequence
from itertools import groupby

from rnncheck.faults.pages import Page
from rnncheck.model.spec import Cell

INTRODUCTION = """\
# Faults

Known ways to get a recurrent layer wrong, each with its name in rnncheck. `rnncheck faults` lists them on the screen,
`rnncheck faults SLUG` explains one. Equations use column vectors, ⊙ is the elementwise product, and s is the state of
the backward direction. Timesteps are counted from 0, so h_{-1} is the state before the first step.
In the *normal run* each side continues from its own states; *lockstep* checks every single step, started from the right
states before it ([more](envelope.md)). This page is made by `scripts/render_faults.py`.
"""


def render_catalogue(pages: Sequence[Page]) -> str:
    """A list of all pages, then every page."""
    parts = [INTRODUCTION]
    for family, members in by_family(pages):
        rows = "".join(f"| [`{page.slug}`](#{page.slug}) | {prose(page.title)} |\n" for page in members)
        parts.append(f"**{family}**\n\n| fault | what is wrong |\n| --- | --- |\n{rows}")
    for family, members in by_family(pages):
        # A family that is called like its only fault would take that fault's place in the links.
        heading = [] if [page.slug for page in members] == [family] else [f"## Family: {family}\n"]
        parts += [*heading, *(render_page(page) for page in members)]
    return "\n".join(parts)


def by_family(pages: Sequence[Page]) -> list[tuple[str, list[Page]]]:
    return [(family, list(members)) for family, members in groupby(pages, lambda page: page.family)]


def render_page(page: Page, cell: Cell | None = None) -> str:
    """The page of one fault. The example command is for that cell."""
    command = page.try_it(cell)
    parts = [
        f"### {page.slug}",
        f"**{prose(page.title)}** · {', '.join(page.cells)}",
        block("text", "\n".join([*labelled("right", page.right), *labelled("wrong", page.wrong)])),
        f"*Cause:* {prose(page.causes)}",
        f"*Symptoms:* {prose(page.looks)}",
        f"*Mend:* {prose(page.mend)}",
        block("python", f"# right\n{page.right_code}"),
        block("python", f"# wrong\n{page.wrong_code}"),
        *([f"*Try it:* `{command}`"] if command else []),
    ]
    return "\n\n".join(parts) + "\n"


def render_variant(facts: Mapping[str, str]) -> str:
    """The page of one variant: its equations, their source, its users and the command that compares with it."""
    parts = [
        f"### {facts['slug']}",
        f"**{prose(facts['title'])}** · {facts['cell']}",
        block("text", facts["equations"]),
        f"*Source:* {prose(facts['source'])}",
        f"*Used by:* {prose(facts['users'])}",
        f"*Try it:* `{facts['try_it']}`",
    ]
    return "\n\n".join(parts) + "\n"


def block(language: str, code: str) -> str:
    return f"```{language}\n{code}\n```"


def labelled(label: str, equations: str) -> list[str]:
    first, *rest = equations.splitlines()
    return [f"{label}  {first}", *(f"{' ' * len(label)}  {each}" for each in rest)]


def prose(text: str) -> str:
    """`text` with escaped Markdown characters, so that a * b, [cell] and _reverse appear unchanged."""
    return re.sub(r"([*\[\]<|`]|(?<!\w)_)", r"\\\1", text)
