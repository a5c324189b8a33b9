"""Every fault that a layer of a spec can be made to commit, and finding one by its name."""

from difflib import get_close_matches

from rnncheck.errors import UsageError
from rnncheck.faults import biases, gates, gru, recurrence, weights
from rnncheck.faults.fault import Fault
from rnncheck.spec import Spec

FAMILIES = (gru, weights, recurrence, gates, biases)


def faults_of(spec: Spec, *, lengths: bool = False) -> list[Fault]:
    """Every fault of this spec, the most reported first; with `lengths` those of rows that end early too."""
    return [fault for family in FAMILIES for fault in family.faults(spec)]


def by_name(name: str, spec: Spec, lengths: bool = False) -> Fault:
    """The fault of this spec called `name`: a slug, or a slug and a variant, as in "gate-order:i,f,o,g".

    A slug alone is its first variant. Raises `UsageError` for a slug or a variant that this spec does not have.
    """
    every = faults_of(spec, lengths=lengths)
    slug, _, variant = name.partition(":")
    family = [fault for fault in every if fault.slug == slug.strip()]
    if not family:
        slugs = list(dict.fromkeys(fault.slug for fault in every))
        near = get_close_matches(slug.strip(), slugs, n=3)
        hint = f"did you mean {', '.join(near)}" if near else f"there are {', '.join(slugs)}"
        raise UsageError(f"no fault of this {spec.cell} layer is called {slug!r}; {hint}")
    if not variant.strip():
        return family[0]
    for fault in family:
        if key(fault.variant) == key(variant):
            return fault
    there = "; ".join(fault.variant for fault in family if fault.variant) or "none but the plain one"
    raise UsageError(f"{slug} has no variant {variant!r} for this {spec.cell} layer; there are {there}")


def key(variant: str) -> str:
    return "".join(variant.lower().split())
