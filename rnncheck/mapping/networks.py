"""The networks that a candidate is compared with: torch's, other published GRUs, variants, and every known fault."""

from dataclasses import replace
from functools import cache, lru_cache

from rnncheck.faults.catalogue import by_name, faults_of
from rnncheck.faults.families.gates import ResetBeforeMatmul, UpdateInverted
from rnncheck.faults.variants import variant, variants
from rnncheck.model.spec import Cell, Spec
from rnncheck.scratch.network import Network

# Behind names of its own, a class that has one of these is another way to store the same layer.
_DIRECTIONS, _LAYERS = ("reverse-", "directions-"), ("layer-", "layers-", "residual-", "final-state-")
_CONVENTIONS = {"gate-order", "recurrent-weight-transposed", "input-weight-transposed", "input-and-recurrent-swapped"}


class BothExchanged(ResetBeforeMatmul, UpdateInverted):
    """h' = z n + (1 - z) h with n = tanh(p_n + (r h) W_hn + b_hn): the GRU's first paper."""


@lru_cache(maxsize=16)
def published(spec: Spec) -> tuple[Network, ...]:
    """torch's layer, and for the GRU those of other papers: the functions that a right layer may compute.

    Beside a variant it is the variant alone.
    """
    found = [Network(spec)]
    if spec.cell is Cell.GRU and spec.variant is None:
        found += [BothExchanged(spec), ResetBeforeMatmul(spec), UpdateInverted(spec)]
    return tuple(found)


class OfVariant(Network):
    """A layer with the equations of a variant."""

    slug = ""

    def __init__(self, spec: Spec) -> None:
        super().__init__(replace(spec, variant=variant(self.slug)))


@cache
def of_variant(slug: str) -> type[OfVariant]:
    """The network of that variant, for any spec."""
    return type(slug, (OfVariant,), {"slug": slug})


@lru_cache(maxsize=16)
def varied(spec: Spec) -> tuple[Network, ...]:
    """The variants of this cell without weights of their own: functions that a layer with fewer gates may compute."""
    if spec.proj_size:
        return ()
    return tuple(of_variant(each.slug)(spec) for each in variants() if each.cell is spec.cell and not each.own)


@lru_cache(maxsize=16)
def faulty(spec: Spec) -> tuple[tuple[Network, bool], ...]:
    """Every known fault that shows in the states: of directions, of layers, then of steps, the most reported first and
    the rare ones last.

    Beside each, whether it is of directions: beside such a one a tensor may look like one of the other direction.
    """
    one_layer = replace(spec, num_layers=1, dropout=0.0, bidirectional=False, bias=True, head=None)
    of_several = [fault for fault in faults_of(spec) if fault.slug.startswith((*_DIRECTIONS, *_LAYERS))]
    return tuple(
        (fault.network(spec), fault.slug.startswith(_DIRECTIONS))
        for fault in sorted((*of_several, *faults_of(one_layer)), key=lambda each: each.rare)  # the sort is stable
        if fault.shows_in == "states" and (fault.slug not in _CONVENTIONS or "reshaped" in fault.variant)
    )


def of_one_direction(spec: Spec) -> Network:
    """A layer with the same weights in both directions."""
    return by_name("reverse-shares-weights", spec).network(spec)


def adds_biases(network: Network) -> bool:
    """Whether b_ih and b_hh of every gate are in one sum, so that one bias can hold both."""
    other = network.spec.variant is not None or isinstance(network, ResetBeforeMatmul)
    return other or network.spec.cell is not Cell.GRU
