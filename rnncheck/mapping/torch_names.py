"""The place of a tensor with one of torch's names: `lstm.weight_hh_l1_reverse` is in layer 1, backward."""

import re
from collections.abc import Collection, Mapping

from torch import Tensor

from rnncheck.mapping.names import torch_kind
from rnncheck.model.spec import Spec

_NAME = re.compile(r"(?:weight|bias)_(?:ih|hh|hr)_l(?P<layer>\d+)(?P<reverse>_reverse)?")


def kinds(tensors: Mapping[str, Tensor], spec: Spec) -> dict[str, str]:
    """`weight_ih`, `bias_hh`, ... for each tensor with one of torch's names.

    Not where a tensor of the same owner is stored otherwise than torch stores it: then they are not torch's.
    """
    found = {name: kind for name in tensors if (kind := torch_kind(name)) is not None}
    others = {name.rpartition(".")[0] for name, kind in found.items() if is_stored_otherwise(tensors[name], kind, spec)}
    return {name: kind for name, kind in found.items() if name.rpartition(".")[0] not in others}


def is_stored_otherwise(tensor: Tensor, kind: str, spec: Spec) -> bool:
    """Whether it is a weight of all gates that is stored transposed, or has an axis of gates."""
    if tensor.dim() > 2:
        return True
    rows, axes = spec.cell.gates * spec.hidden_size, tuple(tensor.shape)
    if kind == "weight_hh":
        return axes == (spec.state_size, rows) and axes[0] != axes[1]
    widths = {spec.layer_input_size(layer) for layer in range(spec.num_layers)}
    return kind == "weight_ih" and len(axes) == 2 and axes[0] in widths and axes[1] == rows and axes[0] != axes[1]


def said(names: Collection[str], spec: Spec) -> Mapping[str, list[int]]:
    """The places k = layer * D + direction that its name leaves to each tensor of torch's names.

    One, where its owner has all weights of the spec, and none for a layer too many; the owner of some of the layers
    says the direction alone. What is not listed may be anywhere.
    """
    whole = owners(names, spec)
    found = {}
    for name in names:
        owner, dot, own = name.rpartition(".")
        match = _NAME.fullmatch(own)
        if match is None:
            continue
        direction = int(match["reverse"] is not None)
        if owner in whole:
            k = int(match["layer"]) * spec.directions + direction
            found[name] = [k] if own in spec.recurrent_shapes() else []
        elif spec.bidirectional and f"{owner}{dot}{other(own)}" in names:
            found[name] = list(range(direction, spec.num_layers * spec.directions, spec.directions))
    return found


def meant(names: Collection[str], spec: Spec) -> Mapping[str, list[int]]:
    """As `said`, of tensors that may be stored the other way round than torch's: evidence, and no proof."""
    return said([name for name in names if torch_kind(name) is not None], spec)


def certain(names: Collection[str], spec: Spec, live: Collection[str]) -> frozenset[str]:
    """The names that nothing can speak against: those of the only module that has all weights of the spec, if it is in
    use at all."""
    whole = owners(names, spec)
    found = {name for name in names if name.rpartition(".")[0] in whole and _NAME.fullmatch(name.rpartition(".")[2])}
    return frozenset(found) if len(whole) == 1 and not found.isdisjoint(live) else frozenset()


def owners(names: Collection[str], spec: Spec) -> frozenset[str]:
    """The modules that have all weights of the spec under torch's names."""
    weights = [name for name in spec.recurrent_shapes() if name.startswith("weight")]
    every = {name.rpartition(".")[0] for name in names}
    return frozenset(each for each in every if all(f"{each}.{name}".lstrip(".") in names for name in weights))


def other(own: str) -> str:
    """The same weight of the other direction."""
    return own.removesuffix("_reverse") if own.endswith("_reverse") else f"{own}_reverse"
