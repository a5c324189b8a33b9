"""Why a candidate does not support a spec: it lacks an option, or has another number of layers or directions."""

from collections.abc import Callable, Collection
from dataclasses import replace

from rnncheck.model.spec import Spec
from rnncheck.user_code.found import Found

BY_OTHER_NAMES = "config"  # a parameter that may say anything
MOST_LAYERS = 4  # that are tried

FoundAs = Callable[[Spec], Found | None]  # how it can be called as a layer of that shape, if it can


def lacking(
    spec: Spec, takes: Collection[str], exposes: Collection[str], without_place: Callable[[], Collection[str]]
) -> str | None:
    """Why it does not support this spec, whatever it computes, or None.

    `takes` are the roles of its parameters, `exposes` the quantities that it returns, and `without_place` names those
    canonical weights that nothing in it holds.
    """
    if spec.bidirectional and not {"output", "h_n"} & set(exposes):
        made = "made with bidirectional=True, it" if "bidirectional" in takes else f"{no_parameter('bidirectional')} it"
        return (
            f"{made} does not return both directions: neither an output of 2 x {spec.state_size} units nor the final "
            "states of both; return them, or leave --bidirectional out to compare one direction"
        )
    if spec.num_layers == 1 or {"num_layers", BY_OTHER_NAMES} & set(takes):
        return None
    absent = set(without_place())
    for layer in range(1, spec.num_layers):
        if {f"weight_ih_l{layer}", f"weight_hh_l{layer}"} <= absent:
            return f"{no_parameter('num_layers')} it has no weights of layer {layer}; leave --num-layers out"
    return None


def no_parameter(option: str) -> str:
    return f"it has no parameter for {option}, and"


def other_shape(spec: Spec, takes: Collection[str], found_as: FoundAs) -> str | None:
    """Why it is a layer of another spec, and the option for that spec; None if it is not."""
    found = found_as(spec)
    if found is None and (option := too_much(spec, takes, found_as)):
        works_as = "of one direction" if option == "bidirectional" else "with num_layers 1"
        leave_out = f"leave --{option.replace('_', '-')} out"
        return f"{no_parameter(option)} it can be called only as a layer {works_as}; {leave_out}"
    if not spec.bidirectional and "bidirectional" not in takes and has_both(spec, found, found_as):
        return "its output holds both directions side by side; add --bidirectional"
    if spec.num_layers == 1 and "num_layers" not in takes and (layers := more_layers(spec, found, found_as)):
        return f"it has the states of {layers} layers; add --num-layers {layers}"
    return None


def too_much(spec: Spec, takes: Collection[str], found_as: FoundAs) -> str | None:
    """The option that the candidate does not support, if it can be called only without that option."""
    if spec.bidirectional and "bidirectional" not in takes and found_as(replace(spec, bidirectional=False)):
        return "bidirectional"
    if spec.num_layers > 1 and "num_layers" not in takes and found_as(replace(spec, num_layers=1, dropout=0.0)):
        return "num_layers"
    return None


def has_both(spec: Spec, found: Found | None, found_as: FoundAs) -> bool:
    """Whether it is rather a layer of both directions: what is there is read in part, or at a place inside."""
    whole = found is not None and found.recurs and not found.unread.strange
    if found is not None and whole and found.reading.tap is None:
        return False
    both = found_as(replace(spec, bidirectional=True))
    if both is None or both.reading.output is None or not (both.remembers and both.foresees):
        return False
    return not whole or both.reading.tap is None  # on its way to a head, something else may be as wide as both


def more_layers(spec: Spec, found: Found | None, found_as: FoundAs) -> int | None:
    """The number of layers whose states it takes or returns, if one layer does not explain its results."""
    if found is not None and not found.unread.strange:
        return None
    for layers in range(2, MOST_LAYERS + 1):
        several = found_as(replace(spec, num_layers=layers))
        if several is None or not several.recurs or several.unread.strange or several.reading.h is None:
            continue
        if "K" in several.reading.h.axes:
            return layers
    return None
