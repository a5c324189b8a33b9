"""The layer and direction of each tensor of a candidate, whether it multiplies x or h, and its layout.

It is read off the gradient fingerprint of one probe: the gradient of a weight is delta (outer) what the weight
multiplies, and reaches the states of its own layer and of those above. A fault elsewhere in the candidate leaves that
as it is. Torch's own names are taken at their word. What has no gradient is placed by its shape and name, where
something is still missing.
"""

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from rnncheck.mapping import names, torch_names
from rnncheck.mapping.evidence import GradientEvidence, evidence, factor
from rnncheck.mapping.layouts import Layout, Placed, layouts
from rnncheck.mapping.native import Native
from rnncheck.mapping.other_tensors import OtherTensors
from rnncheck.mapping.probe import GradientProbe
from rnncheck.model.spec import Spec

_NO_MATCH, _LOW_RANK, _SILENT, _KNOWN_DELTA = 1.0, 0.5, 0.3, 0.25
_PLAIN, _NEARLY = 0.2, 0.1
_DEAD, _NAME, _UNLIKE, _STRANGE = 2.0, 0.05, 0.3, 0.1


def placed(
    native: Native, probe: GradientProbe, others: OtherTensors, places: Collection[int] | None = None
) -> tuple[list[Placed], set[str]]:
    """Every tensor that has a place, weights first, each of which leaves less room for the next; and the names of all
    tensors on which some state depends."""
    shown = evidence(native, probe, others)
    places = probe.places if places is None else places
    gates = probe.spec.cell.gates
    room = Counter({(kind, k): each for k in places for kind, each in (("x", gates), ("h", gates), ("b", 2 * gates))})
    room.update({("p", k): 1 for k in places if probe.spec.proj_size})
    found: dict[str, Placed] = {}
    for limit in (_PLAIN, _DEAD, math.inf):  # the plain ones first: what they show is evidence for the others
        for cost, _, _, each in sorted(
            _options(native, probe, shown, found, others.fixed, places), key=lambda option: option[:3]
        ):
            needs = Counter({(kind, each.k): each.layout.count for kind in each.layout.kinds})
            if cost < limit and each.name not in found and needs <= room:
                room -= needs
                found[each.name] = replace(each, rearranged=each.live and _rearranged(each, shown))
                for block in each.layout.blocks(shown.total[each.name]) if each.live else []:
                    for kind, part in block.items():
                        shown.learn(each.k, kind, part)
    live = {name for name, reached in shown.reached.items() if reached}
    return [*found.values(), *biases(native, probe, shown, found, others.fixed, places)], live


def _options(
    native: Native,
    probe: GradientProbe,
    shown: GradientEvidence,
    found: Mapping[str, Placed],
    fixed: Collection[str],
    places: Collection[int],
) -> list[tuple[float, int, int, Placed]]:
    """Every place for every weight, with its cost."""
    options = []
    alike: dict[torch.Size, list[Layout]] = {}
    stored = {each.layout.transposed for each in found.values()} or {False}
    for each in found.values():
        alike.setdefault(native.tensors()[each.name].shape, []).append(each.layout)
    torch_s = torch_names.kinds(native.tensors(), probe.spec)
    said, meant = torch_names.said(torch_s, probe.spec), torch_names.meant(native.tensors(), probe.spec)
    certain = torch_names.certain(torch_s, probe.spec, {name for name, to in shown.reached.items() if to})
    for rank, (name, tensor) in enumerate(native.tensors().items()):
        live, pinned = bool(shown.reached[name]), torch_s.get(name)
        if name in fixed or (not live and pinned is None and names.is_head(name)):
            continue
        for k in said.get(name, places):
            for layout in layouts(tensor.shape, probe.spec, k // probe.spec.directions):
                if layout.kinds == ("b",) or (pinned and not _is_torch_s(pinned, layout, probe.spec)):
                    continue
                cost = _misfit(name, layout, k, shown) + shown.unreached(name, k) if live else _DEAD
                cost += _NAME * (names.side(name) not in (None, *layout.kinds)) + _NAME * (
                    k not in meant.get(name, [k])
                )
                if not live:
                    cost += _UNLIKE * (layout not in alike.get(tensor.shape, [layout]))
                    cost += _NAME * (layout.transposed not in stored)
                options.append((cost * (name not in certain), rank, k, Placed(name, layout, k, live, pinned)))
    return options


def _is_torch_s(pinned: str, layout: Layout, spec: Spec) -> bool:
    kinds = {"weight_ih": ("x",), "weight_hh": ("h",), "weight_hr": ("p",)}.get(pinned, ("b",))
    whole = layout.count == (1 if kinds == ("p",) else spec.cell.gates)
    return not whole or (layout.kinds == kinds and not layout.transposed and not layout.stacked)


def _misfit(name: str, layout: Layout, k: int, shown: GradientEvidence) -> float:
    """The share of the gradient that is not delta (outer) the input of the weight in this layout; 0 to 1."""
    costs = []
    for block in layout.blocks(shown.total[name]):
        for kind, part in block.items():
            scale = float(part.norm())
            if kind in "pb" or not scale:
                costs.append(0.0 if kind in "pb" else _SILENT)
                continue
            multiplied = shown.multiplied.get((kind, k))
            if multiplied is not None and (left := _left(part, multiplied)) < _NEARLY:
                costs.append(left)
                continue
            delta = factor(part, 1)
            known = delta is not None and shown.known(delta, k)
            costs.append(_KNOWN_DELTA if known else _LOW_RANK if delta is not None else _NO_MATCH)
    return sum(costs) / len(costs)


def _left(part: Tensor, multiplied: Tensor) -> float:
    """The share of a gradient that is not delta (outer) what the weight multiplies."""
    unit = multiplied / multiplied.norm()
    return float((part - torch.outer(part @ unit, unit)).norm() / part.norm())


def _rearranged(each: Placed, shown: GradientEvidence) -> bool:
    """Whether some of its blocks multiply numbers of x and the state in another order than they are laid out for.

    The whole state of another layer or direction is a fault of the candidate, and in order.
    """
    for block in each.layout.blocks(shown.total[each.name]):
        seen = [(kind, part, shown.multiplied.get((kind, each.k))) for kind, part in block.items() if bool(part.any())]
        otherwise = any(
            multiplied is not None and _left(part, multiplied) > _PLAIN and not _of_another(kind, part, shown)
            for kind, part, multiplied in seen
        )
        whole = torch.cat([part.reshape(len(part), -1) for part in block.values()], 1)
        if otherwise and shown.rearranged(whole):
            return True
    return False


def _of_another(kind: str, part: Tensor, shown: GradientEvidence) -> bool:
    """Whether a block multiplies all of what blocks of this kind multiply in another layer or direction."""
    others = [value for (of, _), value in shown.multiplied.items() if of == kind and len(value) == part.shape[1]]
    return any(_left(part, each) < _NEARLY for each in others)


def biases(
    native: Native,
    probe: GradientProbe,
    shown: GradientEvidence,
    weights: Mapping[str, Placed],
    fixed: Collection[str],
    places: Collection[int],
) -> list[Placed]:
    """Biases have nothing to multiply: they go where their delta is that of a weight, or beside the weight that shares
    most of their name."""
    modules = {names.family(each.name) for each in weights.values()} - {""}
    torch_s = torch_names.kinds(native.tensors(), probe.spec)
    said, meant = torch_names.said(torch_s, probe.spec), torch_names.meant(native.tensors(), probe.spec)
    found = []
    for name, tensor in native.tensors().items():
        if name in weights or name in fixed:
            continue
        live, pinned, module = bool(shown.reached[name]), torch_s.get(name), names.family(name)
        alone = not module and names.is_bias(name) and not names.is_head(name)
        alone = alone and not _switched_off(name, native.tensors(), shown, weights)
        alone = alone and not _of_a_head(name, native.tensors(), shown, weights, probe.spec.output_size)
        if not live and module not in modules and not pinned and not alone:
            continue
        beside = _beside(name, weights)
        options = []
        for k in said.get(name, places):
            for layout in layouts(tensor.shape, probe.spec, k // probe.spec.directions):
                if layout.kinds == ("b",):
                    strange = _strange(name, layout, k, shown) if live else 0.0
                    cost = _STRANGE * strange + (shown.unreached(name, k) if live else 0.0)
                    cost += _NAME * (beside is not None and beside != k) + _NAME * (k not in meant.get(name, [k]))
                    options.append((cost, k, Placed(name, layout, k, live, pinned, adds=not strange)))
        if options:
            found.append(min(options, key=lambda option: option[:2])[2])
    return found


def _switched_off(name: str, tensors: Collection[str], shown: GradientEvidence, weights: Collection[str]) -> bool:
    """Whether its module, such as a norm, is reached by nothing: it has other tensors than biases, and no weight."""
    owner = name.rpartition(".")[0] + "."
    beside = [each for each in tensors if each.startswith(owner)]
    if owner == "." or any(shown.reached[each] or each in weights for each in beside):
        return False
    return not all(names.is_bias(each) for each in beside)


def _of_a_head(
    name: str, tensors: Mapping[str, torch.Tensor], shown: GradientEvidence, weights: Collection[str], width: int
) -> bool:
    """Whether it reaches no state, as a matrix of outputs of this width to as many numbers, and its name says nothing
    of x or h.
    """
    if shown.reached[name] or names.side(name) is not None:
        return False
    left = [each for other, each in tensors.items() if other not in weights and not shown.reached[other]]
    head = sorted((width, tensors[name].numel()))
    return any(sorted(each.shape) == head for each in left)


def _beside(name: str, weights: Mapping[str, Placed]) -> int | None:
    """The place of the weights with the most similar names."""
    for n, shared in enumerate(names.shared(name)):
        there = {each.k for each in weights.values() if shared and names.shared(each.name)[n] == shared}
        if len(there) == 1:
            return there.pop()
    return None


def _strange(name: str, layout: Layout, k: int, shown: GradientEvidence) -> float:
    """The share of its blocks whose gradient points another way than that of every weight of the place; a single number
    points nowhere, so that no more speaks for it than its name."""
    if layout.scalar:
        return float(not names.is_bias(name))
    blocks = [block["b"] for block in layout.blocks(shown.total[name])]
    return sum(not shown.adds(block, k) for block in blocks) / len(blocks)
