"""Why a candidate does not support a spec: it lacks an option, or has another number of layers or directions."""

from collections.abc import Callable, Collection
from dataclasses import replace

from rnncheck.mapping import FoundMapping
from rnncheck.model.spec import Spec
from rnncheck.user_code.hypothesis import Hypothesis

BY_OTHER_NAMES = "config"  # a parameter that may say anything
MOST_LAYERS = 4  # that are tried

UnderstoodAs = Callable[[Spec], Hypothesis | None]  # it as a layer of that shape, if it can be called so


def lacking(
    spec: Spec, takes: Collection[str], exposes: Collection[str], without_place: Callable[[], Collection[str]]
) -> str | None:
    """Why it does not support this spec, whatever it computes, or None.

    `takes` are the roles of its parameters, `exposes` the quantities that it returns, and `without_place` names those
    canonical weights that nothing in it holds, and that it needs for the spec.
    """
    if spec.bidirectional and not {"output", "h_n"} & set(exposes):
        option = "bidirectional" in takes
        made = "made with bidirectional=True, it" if option else f"{no_parameter('bidirectional')} it"
        or_one = ", or compare one direction with --no-bidirectional" if option else ""
        return (
            f"{made} does not return all of both directions: neither an output of 2 x {spec.state_size} units nor the "
            f"final states of every layer; return the output of every timestep{or_one}"
        )
    reverse = {"weight_ih_l0_reverse", "weight_hh_l0_reverse"}
    if spec.bidirectional and "bidirectional" not in takes and reverse <= set(without_place()):
        return (
            f"{no_parameter('bidirectional')} rnncheck finds no weights of the reverse direction; leave "
            "--bidirectional out, or assign its tensors with --mapping FILE.toml"
        )
    if spec.num_layers == 1 or {"num_layers", BY_OTHER_NAMES} & set(takes):
        return None
    absent = set(without_place())
    for layer in range(1, spec.num_layers):
        if {f"weight_ih_l{layer}", f"weight_hh_l{layer}"} <= absent:
            return (
                f"{no_parameter('num_layers')} rnncheck finds no weights of layer {layer}; leave --num-layers out, or "
                "assign its tensors with --mapping FILE.toml"
            )
    return None


def no_parameter(option: str) -> str:
    return f"it has no parameter for {option}, and"


def other_shape(spec: Spec, takes: Collection[str], understood_as: UnderstoodAs) -> str | None:
    """Why it is a layer of another spec, and the option for that spec; None if it is not."""
    understood = understood_as(spec)
    if understood is None and (option := too_much(spec, takes, understood_as)):
        works_as = "of one direction" if option == "bidirectional" else "with num_layers 1"
        leave_out = f"leave --{option.replace('_', '-')} out"
        return f"{no_parameter(option)} it can be called only as a layer {works_as}; {leave_out}"
    if not spec.bidirectional and "bidirectional" not in takes and has_both(spec, understood, understood_as):
        return "its output holds both directions side by side; add --bidirectional"
    if spec.num_layers == 1 and "num_layers" not in takes and (layers := more_layers(spec, understood, understood_as)):
        return f"it has the states of {layers} layers; add --num-layers {layers}"
    return None


def too_much(spec: Spec, takes: Collection[str], understood_as: UnderstoodAs) -> str | None:
    """The option that the candidate does not support, if it can be called only without that option."""
    smaller = {}
    if spec.bidirectional:
        smaller["bidirectional"] = replace(spec, bidirectional=False)
    if spec.num_layers > 1:
        smaller["num_layers"] = replace(spec, num_layers=1, dropout=0.0)
    for option in sorted(smaller.keys() - takes):
        understood = understood_as(smaller[option])
        if understood is None or understood.in_part or understood.part_agrees:
            continue
        if understood.agrees or understood.found.reading.tap is None:
            return option
    return None


def has_both(spec: Spec, understood: Hypothesis | None, understood_as: UnderstoodAs) -> bool:
    """Whether it is rather a layer of both directions: what is there is read in part, or at a place inside."""
    found = understood.found if understood is not None else None
    whole = found is not None and found.recurs and not found.unread.strange
    through_head = understood is not None and understood.as_wide and not understood.agrees
    if found is not None and whole and found.reading.tap is None and not through_head:
        return False
    other = understood_as(replace(spec, bidirectional=True))
    if other is None:
        return False
    if through_head or other.found.reading.output is None:
        return other.agrees
    if not (other.found.remembers and other.found.foresees):
        return False
    return not whole or other.found.reading.tap is None  # on its way to a head, something else may be as wide as both


def has_no_weights_of(layer: int, understood: Hypothesis) -> bool:
    """Whether its states of several layers are rather rows that it computes alike, as weights of one layer show."""
    absent = understood.filling.absent() if isinstance(understood.filling, FoundMapping) else {}
    return {f"weight_ih_l{layer}", f"weight_hh_l{layer}"} <= set(absent)


def more_layers(spec: Spec, understood: Hypothesis | None, understood_as: UnderstoodAs) -> int | None:
    """The number of layers whose states it takes or returns, if one layer does not explain its results."""
    if understood is not None and not (understood.found.unread.strange or understood.found.unread.mixed):
        return None
    for layers in range(2, MOST_LAYERS + 1):
        several = understood_as(replace(spec, num_layers=layers))
        if several is None:
            continue
        if has_no_weights_of(layers - 1, several):
            return None
        found = several.found
        if (understood is None or found.reading.tap is not None) and not several.agrees:
            continue  # its layers may be rows, and what passes inside may be a part of the timesteps
        if found.recurs and not found.unread.strange and found.reading.h is not None and "K" in found.reading.h.axes:
            return layers
    return None
