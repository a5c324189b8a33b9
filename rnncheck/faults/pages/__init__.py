"""The pages of the faults: what is wrong, the usual cause, what the report shows, and how to mend it.

The pages are data, one TOML file here for each family. `pages()` reads them all when the first is asked for.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType

from rnncheck.errors import UsageError
from rnncheck.model.spec import Cell
from rnncheck.text import nearest, printable

EVERY = tuple(Cell)


@dataclass(frozen=True)
class Page:
    """One fault, explained. The screen, the docs and the hints beside findings are all made of this.

    Equations are plain text on column vectors, as in `torch.nn`'s docs; ⊙ multiplies element by element. Timesteps are
    counted from 0, so h_{-1} is the state before the first. Code is PyTorch, in which a row is a sequence.
    """

    slug: str
    family: str
    cells: tuple[Cell, ...]
    title: str  # one clause that fits after "slug: ", no full stop
    right: str  # equations
    wrong: str
    causes: str  # how it usually comes about
    looks: str  # what the report shows of it
    mend: str  # one imperative sentence: the hint beside a finding
    right_code: str
    wrong_code: str
    plantable: bool = True  # whether rnncheck can commit it on purpose, as `fault:SLUG`
    variants: Mapping[Cell, str] = field(default_factory=dict)  # the one to try of each cell: `fault:SLUG:VARIANT`
    options: str = ""  # without which it could not show

    def try_it(self, cell: Cell | None = None) -> str | None:
        """The command that holds this fault against the reference, for that cell or the first it is a fault of."""
        if not self.plantable:
            return None
        chosen = cell or self.cells[0]
        name = ":".join(filter(None, ["fault", self.slug, self.variants.get(chosen)]))
        options = [f"--cell {chosen}"] if chosen is not Cell.RNN else []
        return " ".join(filter(None, ["rnncheck compare", name, *options, self.options]))


@cache
def pages() -> Mapping[str, Page]:
    """The pages by slug, in the order of the catalogue: family by family, by the `place` that each file gives."""
    files = [tomllib.loads(path.read_text(encoding="utf-8")) for path in Path(__file__).parent.glob("*.toml")]
    in_order = sorted(files, key=lambda each: int(each["place"]))
    return MappingProxyType({each.slug: each for family in in_order for each in read(family)})


def read(family: Mapping[str, object]) -> Iterator[Page]:
    """The pages of one file, which has the fields of `Page`; `cells` are all that there are unless it says which."""
    for told in family["fault"]:  # type: ignore[attr-defined]
        cells = tuple(map(Cell, told.get("cells", EVERY)))
        variants = {Cell(cell): variant for cell, variant in told.get("variants", {}).items()}
        yield Page(**told | {"family": family["family"], "cells": cells, "variants": variants})


def page(slug: str) -> Page:
    """The page of that fault. Raises `UsageError`, with the slugs that come near, when there is none."""
    every = pages()
    if slug not in every:
        near = nearest(slug, every)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise UsageError(f"no fault is called {printable(slug)!r}{hint}\n'rnncheck faults' lists them all")
    return every[slug]
