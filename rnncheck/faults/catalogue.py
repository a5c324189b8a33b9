"""Every fault that a layer of a spec can have, and the search for one by its name."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from rnncheck.errors import RefusedError, UsageError
from rnncheck.faults import families
from rnncheck.faults.families.constants import named
from rnncheck.faults.fault import FAMILIES, Family, Fault
from rnncheck.faults.one_place import only_at, parsed, placeable, places
from rnncheck.faults.pages import Page, pages
from rnncheck.model.spec import Spec
from rnncheck.text import nearest

# Whose first variant is tried in a part of the network too: parameters are copied, and initial states taken, for each
# layer and direction by itself, while the equations of a step are written once for a layer or a direction.
IN_EVERY_PLACE = (
    "recurrent-weight-transposed",
    "missing-recurrent-bias",
    "missing-input-bias",
    "initial-state-ignored",
)
IN_LAYERS_OR_DIRECTIONS = ("gate-order", "gru-reset-before-matmul", "gru-update-inverted", "no-recurrence")


@cache
def registered() -> list[Family]:
    """Every family that a file of `families/` registers, the most reported first."""
    for each in iter_modules(families.__path__):
        import_module(f"{families.__name__}.{each.name}")
    return sorted(FAMILIES, key=lambda family: family.reported)


def faults_of(spec: Spec, *, lengths: bool = False) -> list[Fault]:
    """Every fault of this spec, the most reported first; with `lengths` those of rows that end early too.

    The order: the first variant of each slug, then the other variants, then the faults in one layer or direction alone.
    """
    every = [fault for family in registered() if lengths or not family.lengths for fault in family.faults(spec)]
    plain: dict[str, Fault] = {}
    for fault in every:
        plain.setdefault(fault.slug, fault)
    others = [fault for fault in every if plain[fault.slug] is not fault]
    return [*plain.values(), *others, *placed(plain, spec)]


def placed(plain: Mapping[str, Fault], spec: Spec) -> Iterator[Fault]:
    """The faults that are in one layer or direction alone."""
    for slug in (*IN_LAYERS_OR_DIRECTIONS, *IN_EVERY_PLACE):
        for where in places(spec):
            if slug in plain and (slug in IN_EVERY_PLACE or not where.names_both()):
                yield only_at(where, plain[slug])


def by_name(name: str, spec: Spec, lengths: bool = False) -> Fault:
    """The fault of this spec called `name`: a slug, or a slug and a variant, as in "gate-order:i,f,o,g".

    A slug alone is its first variant. Behind a variant may stand the place where alone it is, as in
    "gate-order:i,f,o,g; layer 1, reverse" or "missing-bias:b_hh, gate f, units 2 to 5", and any number stands for the
    one in "parameter-scaled:W_hh times 0.5". Raises `RefusedError` for a slug that other layers have and this one has
    not, and `UsageError` for one that there is not, and for a variant that this spec does not have.
    """
    every = faults_of(spec, lengths=lengths)
    slug, _, variant = name.partition(":")
    family = [fault for fault in every if fault.slug == slug.strip()]
    if not family:
        if slug.strip() in pages():
            raise RefusedError(why_not(pages()[slug.strip()], spec))
        slugs = list(dict.fromkeys(fault.slug for fault in every))
        near = nearest(slug.strip(), slugs)
        hint = f"did you mean {', '.join(near)}" if near else f"there are {', '.join(slugs)}"
        raise UsageError(f"no fault of this {spec.cell} layer is called {slug!r}; {hint}")
    if not variant.strip():
        return family[0]
    for fault in family:
        if key(fault.variant) == key(variant):
            return fault
    if with_number := named(slug.strip(), variant, spec):
        return with_number
    plain, _, place = variant.rpartition(";")
    if where := parsed(place, spec):
        fault = by_name(f"{slug}:{plain}", spec, lengths)
        if placeable(fault, where):
            return only_at(where, fault)
        raise UsageError(f"{fault.title} cannot be only in {where}")
    there = "; ".join(fault.variant for fault in family if fault.variant) or "only the plain one"
    raise UsageError(f"{slug} has no variant {variant!r} for this {spec.cell} layer; there are {there}")


def why_not(told: Page, spec: Spec) -> str:
    """Why a layer of this spec cannot commit the fault, and which option it lacks."""
    if not told.plantable:
        return f"{told.slug} cannot be planted; 'rnncheck faults {told.slug}' explains it"
    if spec.cell not in told.cells:
        return f"{told.slug} is not a fault of the {spec.cell} layer; add --cell {' or '.join(told.cells)}"
    return f"{told.slug} is a fault of other layers or data; add {told.options}"


def key(variant: str) -> str:
    return "".join(variant.lower().split())
