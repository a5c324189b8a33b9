"""Whether what is read inside of a candidate is one layer or direction of several: then weights are left out."""

from collections.abc import Sequence
from contextlib import suppress

import torch
from torch import Tensor, nn

from rnncheck.errors import CannotRun
from rnncheck.mapping import FoundMapping
from rnncheck.mapping.expression import Unused
from rnncheck.mapping.notes import another_layer
from rnncheck.model.spec import Spec
from rnncheck.user_code.hypothesis import Hypothesis
from rnncheck.user_code.isolation import isolated
from rnncheck.user_code.probing import CallProbe
from rnncheck.user_code.tensors import held


def is_in_part(understood: Hypothesis, probe: CallProbe) -> bool:
    """Whether that is so of one that agrees."""
    if understood.found.reading.tap is None or not isinstance(understood.filling, FoundMapping):
        return False
    shapes = {name: value.shape for name, value in held(probe.thing).items()}
    return bool(another_layer(understood.filling, shapes) or left_out(understood, probe))


def seen_in_part(tried: Sequence[tuple[Hypothesis, CallProbe]], spec: Spec) -> str | None:
    """Why its states cannot be judged, where none of these agrees and what they read of it is not all of it."""
    if any(each.agrees for each, _ in tried):
        return None
    for each, _ in tried:
        reading, both = each.found.reading, each.found.reading.h
        if reading.tap is None or both is None or "D" not in both.axes or "h_n" not in each.facts.exposes:
            continue
        if not each.found.remembers:
            # Which states a head is given is the model's choice. It is no fault of the layer, which returns none.
            return (
                f"what it passes to {reading.tap.module} is not the final state of each direction: that of the reverse "
                "direction does not depend on the first timestep; return the output of every timestep"
            )
    missed = [left_out(*pair) for pair in tried]
    if not all(missed):
        return None
    options = ["--bidirectional"] * (not spec.bidirectional) + ["--num-layers N"] * (spec.num_layers == 1)
    more = f", or pass {' or '.join(options)} if it has more" if options else ""
    return (
        f"rnncheck can read only a part of it: what it returns depends on {' and '.join(missed[0][:2])}, but the "
        f"states inside that rnncheck reads do not; return the output of every timestep{more}"
    )


def passes_weights(understood: Hypothesis, probe: CallProbe) -> bool:
    """Whether what it returns depends on a weight of its mapping on which the states that are read inside do not."""
    filling = understood.filling
    if understood.found.reading.tap is None or not isinstance(filling, FoundMapping):
        return False
    return bool({name for names in filling.holders.values() for name in names} & passed_by(understood, probe))


def left_out(understood: Hypothesis, probe: CallProbe) -> list[str]:
    """Weights with the shapes of a layer's on which the states that are read inside of it do not depend.

    One of them may be a head's. Several belong to another layer or direction, and so does one for x if what is returned
    depends on it.
    """
    if understood.found.reading.tap is None:
        return []
    tensors, spec = held(probe.thing), probe.sizes.spec
    missed, returned = unused(understood), False
    if missed is None:
        missed, returned = passed_by(understood, probe), True
    modules = probe.thing.modules() if isinstance(probe.thing, nn.Module) else ()
    tables = {id(each.weight) for each in modules if isinstance(each, nn.Embedding)}
    own = {name: value for name, value in tensors.items() if name in missed and id(value) not in tables}
    found = sorted(name for name, value in own.items() if is_of_gates(value, spec))
    of_x = any(spec.input_size in tensors[name].shape for name in found)
    return found if len(found) > 1 or (returned and of_x) else []


def unused(understood: Hypothesis) -> frozenset[str] | None:
    """What its mapping says that nothing reads, if it agrees with that."""
    if not understood.agrees or not isinstance(understood.filling, FoundMapping):
        return None
    entries = understood.filling.entries
    return frozenset(name for name, entry in entries.items() if isinstance(entry.expression, Unused))


def passed_by(understood: Hypothesis, probe: CallProbe) -> frozenset[str]:
    """What the result depends on, as calls show, but not the states."""
    with suppress(CannotRun), torch.no_grad(), isolated(probe.calls.x.dtype):
        return probe.calls.passed_by(understood.found.convention, understood.found.reading)
    return frozenset()


def is_of_gates(value: Tensor, spec: Spec) -> bool:
    """Whether it has the shape of a layer's fused weight."""
    rows = spec.cell.gates * spec.hidden_size
    columns = {spec.input_size, spec.hidden_size, spec.output_size, spec.input_size + spec.hidden_size}
    return value.dim() == 2 and any((rows, other) in (value.shape, value.shape[::-1]) for other in columns)
