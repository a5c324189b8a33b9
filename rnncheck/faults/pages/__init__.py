"""Every fault explained: what it is, how it comes about, what the report shows of it, and how to mend it."""

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType

from rnncheck.errors import UsageError
from rnncheck.faults.pages import (
    activations,
    arithmetic,
    batch,
    calling,
    gates,
    head,
    layers,
    padding,
    recurrence,
    time,
    training,
    unexplained,
    weights,
)
from rnncheck.faults.pages.page import Page
from rnncheck.text import printable

__all__ = ["PAGES", "Page", "page"]

FAMILIES = (
    recurrence,
    weights,
    activations,
    gates,
    time,
    layers,
    head,
    batch,
    padding,
    training,
    calling,
    arithmetic,
    unexplained,
)

PAGES: Mapping[str, Page] = MappingProxyType({each.slug: each for family in FAMILIES for each in family.PAGES})
"""The pages by slug, in the order of the catalogue."""


def page(slug: str) -> Page:
    """The page of that fault. Raises `UsageError`, with the slugs that come near, when there is none."""
    if slug not in PAGES:
        near = get_close_matches(slug, PAGES, n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise UsageError(f"no fault is called {printable(slug)!r}{hint}\n'rnncheck faults' lists them all")
    return PAGES[slug]
