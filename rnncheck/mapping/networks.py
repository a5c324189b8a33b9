"""The networks that a candidate is compared with: torch's, other published GRUs, and every known fault."""

from collections.abc import Iterator
from dataclasses import replace

from rnncheck.faults.catalogue import by_name, faults_of
from rnncheck.faults.families.gates import ResetBeforeMatmul, UpdateInverted
from rnncheck.model.spec import Cell, Spec
from rnncheck.scratch.network import Network

# Behind names of its own, a class that has one of these is another way to store the same layer.
_DIRECTIONS, _LAYERS = ("reverse-", "directions-"), ("layer-", "layers-", "residual-", "final-state-")
_CONVENTIONS = {"gate-order", "recurrent-weight-transposed", "input-weight-transposed", "input-and-recurrent-swapped"}


class BothExchanged(ResetBeforeMatmul, UpdateInverted):
    """h' = z n + (1 - z) h with n = tanh(p_n + (r h) W_hn + b_hn): the GRU's first paper."""


def published(spec: Spec) -> list[Network]:
    """torch's layer, and for the GRU those of other papers: the functions that a right layer may compute.

    Beside a variant it is the variant alone.
    """
    found = [Network(spec)]
    if spec.cell is Cell.GRU and spec.variant is None:
        found += [BothExchanged(spec), ResetBeforeMatmul(spec), UpdateInverted(spec)]
    return found


def faulty(spec: Spec) -> Iterator[tuple[Network, bool]]:
    """Every known fault that shows in the states: of directions, of layers, then of steps, the most reported first and
    the rare ones last.

    Beside each, whether it is of directions: beside such a one a tensor may look like one of the other direction.
    """
    one_layer = replace(spec, num_layers=1, dropout=0.0, bidirectional=False, bias=True, head=None)
    of_several = [fault for fault in faults_of(spec) if fault.slug.startswith((*_DIRECTIONS, *_LAYERS))]
    for fault in sorted((*of_several, *faults_of(one_layer)), key=lambda each: each.rare):  # the sort is stable
        stored_otherwise = fault.slug in _CONVENTIONS and "reshaped" not in fault.variant
        if fault.shows_in == "states" and not stored_otherwise:
            yield fault.network(spec), fault.slug.startswith(_DIRECTIONS)


def of_one_direction(spec: Spec) -> Network:
    """A layer with the same weights in both directions."""
    return by_name("reverse-shares-weights", spec).network(spec)


def adds_biases(network: Network) -> bool:
    """Whether b_ih and b_hh of every gate are in one sum, so that one bias can hold both."""
    return network.spec.cell is not Cell.GRU or isinstance(network, ResetBeforeMatmul)
