"""The networks that a candidate is compared with: torch's, other published GRUs, variants, and every known fault."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache, lru_cache

import torch
from torch import Tensor

from rnncheck.faults.catalogue import by_name, faults_of
from rnncheck.faults.families.gates import ResetBeforeMatmul, UpdateInverted
from rnncheck.faults.fault import Fault
from rnncheck.faults.variants import variant, variants
from rnncheck.mapping.expression import GATES
from rnncheck.model.spec import Cell, Spec
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Network

# Behind names of its own, a class that has one of these is another way to store the same layer.
_DIRECTIONS, _LAYERS = ("reverse-", "directions-"), ("layer-", "layers-", "residual-", "final-state-")
_SLIPS = ("gru-update-uneven", "wrong-equation")
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


class Mirrored(Network):
    """A variant that computes 1 - σ(a) in place of its gate that weighs the new against the old."""

    @property
    def gate(self) -> str:
        assert self.spec.variant is not None
        return self.spec.variant.mixes

    def layer_weights(self, weights: Mapping[str, Tensor], layer: int, direction: int) -> LayerWeights:
        w = super().layer_weights(weights, layer, direction)
        sign = torch.ones(self.spec.cell.gates, 1, dtype=w.b_ih.dtype, device=w.b_ih.device)
        sign[GATES[self.spec.cell].index(self.gate)] = -1
        signs = sign.expand(-1, self.spec.hidden_size).flatten()
        return w._replace(W_ih=w.W_ih * signs, W_hh=w.W_hh * signs, b_ih=w.b_ih * signs, b_hh=w.b_hh * signs)


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


def mirrored(network: Network) -> Mirrored | None:
    """The layer of the same variant whose gate has the opposite sign, if that is the same layer otherwise stored."""
    variant = network.spec.variant
    return Mirrored(network.spec) if variant is not None and variant.mixes else None


@lru_cache(maxsize=16)
def faulty(spec: Spec) -> tuple[tuple[Network, bool], ...]:
    """Every known fault that shows in the states: of directions, of layers, then of steps, the most reported first and
    the rare ones last.

    Beside each, whether it is of directions: beside such a one a tensor may look like one of the other direction.
    """
    one_layer = replace(spec, num_layers=1, dropout=0.0, bidirectional=False, bias=True, head=None)
    slips = [fault for fault in faults_of(one_layer) if fault.slug in _SLIPS and spec.cell is Cell.GRU]
    of_several = [fault for fault in faults_of(spec) if fault.slug.startswith((*_DIRECTIONS, *_LAYERS))]
    return tuple(
        (fault.network(spec), fault.slug.startswith(_DIRECTIONS))
        for fault in sorted((*of_several, *faults_of(one_layer)), key=lambda each: each.rare)  # the sort is stable
        if fault.shows_in == "states" and (fault.slug not in _CONVENTIONS or "reshaped" in fault.variant)
    ) + tuple((reset_before(fault)(spec), False) for fault in slips)


def reset_before(slip: Fault) -> type[Network]:
    """The GRU with the reset before the product, which many write, and a slip in its equations."""
    return type(slip.slug, (slip.mixin, ResetBeforeMatmul), {})


def of_one_direction(spec: Spec) -> Network:
    """A layer with the same weights in both directions."""
    return by_name("reverse-shares-weights", spec).network(spec)


def adds_biases(network: Network) -> bool:
    """Whether b_ih and b_hh of every gate are in one sum, so that one bias can hold both."""
    other = network.spec.variant is not None or isinstance(network, ResetBeforeMatmul)
    return other or network.spec.cell is not Cell.GRU
