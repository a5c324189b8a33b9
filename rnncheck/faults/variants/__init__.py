"""Variants: layers with other equations that use the weights of one of torch.nn's cells.

A variant is one file here: `gru_minimal.py` holds `VARIANT`, the `Variant` whose slug is gru-minimal.
"""

from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module

from rnncheck.faults.variant_names import check_slug, slugs
from rnncheck.faults.variants.variant import Variant
from rnncheck.model.spec import Dtype, Spec

PREFIX = "variant:"


def variant(slug: str) -> Variant:
    """The variant of that name. Raises `UsageError`, with the slugs that come near, when there is none."""
    check_slug(slug)
    found: Variant = import_module(f"{__name__}.{slug.replace('-', '_')}").VARIANT
    return found


def with_own_weights(spec: Spec) -> Iterator[tuple[Variant, Spec]]:
    """Each variant of the cell that has weights besides torch's, as a spec in float64."""
    for each in variants():
        if each.own and each.cell is spec.cell:
            nonlinearity = each.nonlinearity or spec.nonlinearity
            yield (
                each,
                replace(spec, variant=each, nonlinearity=nonlinearity, dtype=Dtype.FLOAT64, device="cpu", head=None),
            )


def variants() -> list[Variant]:
    """Every variant there is."""
    return [variant(slug) for slug in slugs()]
