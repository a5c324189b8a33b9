"""Options that a candidate does not support: its constructor, its weights and its results do not have them."""

from collections.abc import Callable, Collection

from rnncheck.model.spec import Spec

BY_OTHER_NAMES = "config"  # a parameter that may say anything


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
            "states of both; leave --bidirectional out"
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
