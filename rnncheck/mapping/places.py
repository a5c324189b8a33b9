"""Which layer and direction each tensor of a candidate belongs to, which side it serves and how it is stored.

It is read off the gradient fingerprint of one probe: the gradient of a weight is delta (outer) what the weight
multiplies, and reaches the states of its own layer and of those above. A fault elsewhere in the candidate leaves that
as it is. What has no gradient is placed by its shape and name, where something is still missing.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from rnncheck.mapping import names
from rnncheck.mapping.gradients import Gradients
from rnncheck.mapping.layouts import Layout, layouts
from rnncheck.mapping.probe import Probe, put, read, scattered
from rnncheck.native import Native
from rnncheck.spec import Spec

_NO_MATCH, _ONE_RANK, _SILENT, _KNOWN_DELTA, _UNREACHED = 1.0, 0.5, 0.3, 0.25, 1.0
_PLAIN, _NEARLY, _ROUGHLY = 0.2, 0.1, 1e-2
_BIAS, _DEAD, _NAME, _UNLIKE = 0.1, 2.0, 0.05, 0.3


@dataclass(frozen=True)
class Placed:
    """A tensor, how it is laid out, and its place k = layer * D + direction.

    `pinned` is the kind that torch gives its name; of a bias, `adds` says that it acts as one, whatever its name.
    """

    name: str
    layout: Layout
    k: int
    live: bool
    pinned: str | None = None
    adds: bool = False


@dataclass
class _Evidence:
    spec: Spec
    total: Gradients
    reached: dict[str, set[int]]
    visible: set[int]
    multiplied: Mapping[tuple[str, int], Tensor]
    deltas: dict[int, list[Tensor]] = field(default_factory=dict)

    def learn(self, each: Placed) -> None:
        """What reaches the blocks of a tensor reaches the others of their gates in the same place."""
        for block in each.layout.blocks(self.total[each.name]) if each.live else []:
            self.deltas.setdefault(each.k, []).extend(
                delta for part in block.values() if (delta := _delta(part)) is not None
            )


def placed(native: Native, probe: Probe) -> tuple[list[Placed], set[str]]:
    """Every tensor that has a place, weights first, each of which leaves less room for the next; and the names of all
    tensors on which some state depends."""
    evidence = _evidence(native, probe)
    room = Counter({(kind, k): probe.spec.cell.gates for k in probe.places for kind in "xhb"})
    room.update({("p", k): 1 for k in probe.places if probe.spec.proj_size})
    found: dict[str, Placed] = {}
    for limit in (_PLAIN, _DEAD, math.inf):  # the plain ones first: what they show is evidence for the others
        for cost, _, _, each in sorted(_options(native, probe, evidence, found), key=lambda option: option[:3]):
            needs = Counter({(kind, each.k): each.layout.count for kind in each.layout.kinds})
            if cost < limit and each.name not in found and needs <= room:
                room -= needs
                found[each.name] = each
                evidence.learn(each)
    live = {name for name, reached in evidence.reached.items() if reached}
    return [*found.values(), *_biases(native, probe, evidence, found)], live


def _evidence(native: Native, probe: Probe) -> _Evidence:
    draw = torch.Generator().manual_seed(3)
    put(native, {name: scattered(tensor.shape, draw) for name, tensor in native.tensors().items()})
    multiplied = read(native, probe)
    found = probe.gradients(native)
    total = {name: sum((each[name] for _, each in found[1:]), found[0][1][name]) for name in native.tensors()}
    floor = 1e-7 * max(float(each.abs().max()) for each in total.values() if each.numel())
    reached = {
        name: {k for k, each in found if each[name].numel() and float(each[name].abs().max()) > floor} for name in total
    }
    return _Evidence(probe.spec, total, reached, {k for k, _ in found}, multiplied)


def _options(
    native: Native, probe: Probe, evidence: _Evidence, found: Mapping[str, Placed]
) -> list[tuple[float, int, int, Placed]]:
    """Every way to place every weight, with what speaks against it."""
    options = []
    alike: dict[torch.Size, list[Layout]] = {}
    stored = {each.layout.transposed for each in found.values()} or {False}
    for each in found.values():
        alike.setdefault(native.tensors()[each.name].shape, []).append(each.layout)
    for rank, (name, tensor) in enumerate(native.tensors().items()):
        live, pinned = bool(evidence.reached[name]), names.torch_kind(name)
        if not live and pinned is None and names.is_head(name):
            continue
        for k in probe.places:
            for layout in layouts(tensor.shape, probe.spec, k // probe.spec.directions):
                if layout.kinds == ("b",) or (pinned and not _is_torch_s(pinned, layout, probe.spec)):
                    continue
                cost = _against(name, layout, k, evidence) if live else _DEAD
                cost += _NAME * (names.side(name) not in (None, *layout.kinds))
                if not live:
                    cost += _UNLIKE * (layout not in alike.get(tensor.shape, [layout]))
                    cost += _NAME * (layout.transposed not in stored)
                options.append((cost, rank, k, Placed(name, layout, k, live, pinned)))
    return options


def _is_torch_s(pinned: str, layout: Layout, spec: Spec) -> bool:
    kinds = {"weight_ih": ("x",), "weight_hh": ("h",), "weight_hr": ("p",)}.get(pinned, ("b",))
    whole = layout.count == (1 if kinds == ("p",) else spec.cell.gates)
    return not whole or (layout.kinds == kinds and not layout.transposed and not layout.stacked)


def _against(name: str, layout: Layout, k: int, evidence: _Evidence) -> float:
    return _misfit(name, layout, k, evidence) + _unreached(name, k, evidence)


def _misfit(name: str, layout: Layout, k: int, evidence: _Evidence) -> float:
    """How much of the gradient is not delta (outer) what the layout says that the weight multiplies; 0 to 1."""
    costs = []
    for block in layout.blocks(evidence.total[name]):
        for kind, part in block.items():
            scale = float(part.norm())
            if kind in "pb" or not scale:
                costs.append(0.0 if kind in "pb" else _SILENT)
                continue
            multiplied = evidence.multiplied.get((kind, k))
            if multiplied is not None:
                unit = multiplied / multiplied.norm()
                left = float((part - torch.outer(part @ unit, unit)).norm()) / scale
                if left < _NEARLY:
                    costs.append(left)
                    continue
            delta = _delta(part)
            known = delta is not None and any(_parallel(delta, each) for each in evidence.deltas.get(k, []))
            costs.append(_KNOWN_DELTA if known else _ONE_RANK if delta is not None else _NO_MATCH)
    return sum(costs) / len(costs)


def _unreached(name: str, k: int, evidence: _Evidence) -> float:
    """A weight moves its own layer's state in its own direction, and none below."""
    reached, directions = evidence.reached[name], evidence.spec.directions
    own_layer = k // directions
    stray = [each for each in reached if each // directions <= own_layer and each != k]
    lower = [each for each in range(own_layer * directions) if each in stray]
    return _UNREACHED * (k in evidence.visible - reached) + 0.6 * bool(stray) + 0.2 * bool(lower)


def _biases(native: Native, probe: Probe, evidence: _Evidence, weights: Mapping[str, Placed]) -> list[Placed]:
    """Biases have nothing to multiply: they go where their delta is that of a weight, or beside the weight of their
    module."""
    beside = {names.family(each.name): each.k for each in weights.values() if names.family(each.name)}
    found = []
    for name, tensor in native.tensors().items():
        if name in weights:
            continue
        live, pinned = bool(evidence.reached[name]), names.torch_kind(name)
        sibling = beside.get(names.family(name))
        alone = not names.family(name) and names.is_bias(name) and not names.is_head(name)
        if not live and sibling is None and not pinned and not alone:
            continue
        options = []
        for k in probe.places:
            for layout in layouts(tensor.shape, probe.spec, k // probe.spec.directions):
                if layout.kinds == ("b",):
                    cost = _NAME * (sibling is not None and sibling != k)
                    strange = _strange(name, layout, k, evidence) if live else 0.0
                    cost += _BIAS * strange + (_unreached(name, k, evidence) if live else 0.0)
                    options.append((cost, k, Placed(name, layout, k, live, pinned, adds=not strange)))
        if options:
            found.append(min(options, key=lambda option: option[:2])[2])
    return found


def _strange(name: str, layout: Layout, k: int, evidence: _Evidence) -> float:
    """The share of its blocks whose gradient points another way than that of every weight of the place."""
    if layout.scalar:
        return 0.0
    blocks = [block["b"] for block in layout.blocks(evidence.total[name])]
    return sum(not any(_parallel(block, delta) for delta in evidence.deltas.get(k, [])) for block in blocks) / len(
        blocks
    )


def _parallel(a: Tensor, b: Tensor) -> bool:
    norms = float(a.norm() * b.norm())
    return a.shape == b.shape and norms > 0 and abs(float(a @ b)) > (1 - _ROUGHLY) * norms


def _delta(part: Tensor) -> Tensor | None:
    """The left factor of a matrix of rank one; None for any other."""
    left, sizes, _ = torch.linalg.svd(part.double(), full_matrices=False)
    flat = float(sizes[0]) > 0 and (len(sizes) == 1 or float(sizes[1]) < _ROUGHLY * float(sizes[0]))
    return left[:, 0] if flat else None
