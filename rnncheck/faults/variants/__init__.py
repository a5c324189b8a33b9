"""Variants: layers with other equations that use the weights of one of torch.nn's cells.

A variant is one file here: `gru_minimal.py` holds `VARIANT`, the `Variant` whose slug is gru-minimal.
"""

from importlib import import_module

from rnncheck.faults.variants.names import check, slugs
from rnncheck.faults.variants.variant import Variant

PREFIX = "variant:"


def variant(slug: str) -> Variant:
    """The variant of that name. Raises `UsageError`, with the slugs that come near, when there is none."""
    check(slug)
    found: Variant = import_module(f"{__name__}.{slug.replace('-', '_')}").VARIANT
    return found


def variants() -> list[Variant]:
    """Every variant there is."""
    return [variant(slug) for slug in slugs()]
