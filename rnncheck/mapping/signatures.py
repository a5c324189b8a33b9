"""Tells the gates apart by their gradients when all gates have the same weights.

All gates of a layer are given the same weights, and no bias. What reaches them is then the same whatever their order,
so the gradient of each block depends on its role alone, and a network of which the roles are known says which that is.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnncheck.mapping.expression import GATES
from rnncheck.mapping.gradients import Gradients
from rnncheck.mapping.layouts import Placed
from rnncheck.mapping.native import Native
from rnncheck.mapping.other_tensors import OtherTensors
from rnncheck.mapping.probe import GradientProbe, put, scattered, weighted
from rnncheck.model.spec import Spec
from rnncheck.model.weights import own_at_rest
from rnncheck.scratch.network import Network

WEIGHTS = {"x": "weight_ih", "h": "weight_hh"}
BIASES = ("bias_ih", "bias_hh")
_TINY = 1e-9
_ONE_SIDED = 0.5

Signature = NDArray[np.float64]
"""The gradients of a block, (N, ...) of the N things that can be seen of its place. In numpy, which is faster on few
numbers, and there are thousands of comparisons."""
Measured = dict[str, list[dict[str, Signature]]]
"""Of each tensor, of each of its row blocks, by kind."""
Expected = dict[tuple[int, str, str], Signature]
"""Of each canonical block: its place, "weight_ih" or another of the four, and its gate."""
Blocks = Mapping[tuple[str, int], Tensor]


def symmetric(probe: GradientProbe) -> Blocks:
    """The weights that all gates of a place get, for each kind and place."""
    spec, draw = probe.spec, torch.Generator().manual_seed(4)
    found = {}
    for k in probe.places:
        found["x", k] = scattered((spec.hidden_size, spec.layer_input_size(k // spec.directions)), draw)
        found["h", k] = scattered((spec.hidden_size, spec.state_size), draw)
        found["b", k] = torch.zeros(spec.hidden_size, 1, dtype=torch.float64)
        found["p", k] = scattered((spec.state_size, spec.hidden_size), draw)
    return found


def measured(
    native: Native, probe: GradientProbe, tensors: Sequence[Placed], blocks: Blocks, others: OtherTensors
) -> Measured:
    """The signatures of a candidate's blocks; it keeps the symmetric weights."""
    known = {each.name: each for each in tensors}
    filled = {name: _filled(known[name], each, blocks) for name, each in native.tensors().items() if name in known}
    put(native, {name: filled.get(name, others.resting(name)) for name in native.tensors()})
    found = probe.gradients(native)
    visible = {k for k, _ in found}
    return {each.name: _signatures(each, found, visible) for each in tensors}


def _filled(placed: Placed, tensor: Tensor, blocks: Blocks) -> Tensor:
    if placed.layout.kinds == ("b",):
        return torch.zeros_like(tensor, requires_grad=False)
    held = {kind: blocks[kind, placed.k] for kind in placed.layout.kinds}
    return placed.layout.joined([held] * placed.layout.count, tensor.shape)


def _signatures(each: Placed, found: list[tuple[int, Gradients]], visible: set[int]) -> list[dict[str, Signature]]:
    """By the states of its own place, or by all if those cannot be seen."""
    chosen = [gradients[each.name].double() for k, gradients in found if k == each.k or each.k not in visible]
    blocks = [each.layout.blocks(gradient) for gradient in chosen]
    return [
        {kind: stacked([of[g][kind] for of in blocks]) for kind in each.layout.kinds} for g in range(each.layout.count)
    ]


def stacked(blocks: Sequence[Tensor]) -> Signature:
    return torch.stack(list(blocks)).cpu().numpy()


def expected(network: Network, probe: GradientProbe, blocks: Blocks) -> Expected:
    """The signatures of a network's blocks with the same weights."""
    spec, cell = probe.spec, probe.spec.cell
    weights: dict[str, Tensor] = {}
    for k in probe.places:
        suffix = place_suffix(k, spec)
        for kind, name in WEIGHTS.items():
            weights[name + suffix] = blocks[kind, k].repeat(cell.gates, 1)
        for name in BIASES:
            weights[name + suffix] = torch.zeros(cell.gates * spec.hidden_size, dtype=torch.float64)
        if spec.proj_size:
            weights["weight_hr" + suffix] = blocks["p", k].clone()
    shapes = spec.recurrent_shapes()
    weights |= {name: torch.full(shapes[name], rest, dtype=torch.float64) for name, rest in own_at_rest(spec).items()}
    roles = (*WEIGHTS.values(), *BIASES)
    found: dict[tuple[int, str, str], list[Tensor]] = {}
    with torch.inference_mode(False), torch.enable_grad():
        leaves = {name: value.requires_grad_(True) for name, value in weights.items()}
        shown = probe.seen(network.run(leaves, probe.x.double().cpu(), probe.state.to("cpu", torch.float64)))
        visible = {k for k, _, _ in shown}
        for k, seen in [(own, seen) for own in probe.places for k, _, seen in shown if k == own or own not in visible]:
            asked = [leaves[role + place_suffix(k, spec)] for role in roles]
            answers = _gradients(weighted(seen), asked)
            for role, answer in zip(roles, answers, strict=True):
                for gate, block in zip(GATES[cell] or ("",), answer.chunk(cell.gates), strict=True):
                    found.setdefault((k, role, gate), []).append(block)
    return {role: stacked(blocks) for role, blocks in found.items()}


def _gradients(value: Tensor, asked: list[Tensor]) -> list[Tensor]:
    if not value.requires_grad:
        return [torch.zeros_like(each, requires_grad=False) for each in asked]
    answers = torch.autograd.grad(value, asked, retain_graph=True, allow_unused=True)
    zeros = (torch.zeros_like(each, requires_grad=False) for each in asked)
    return [zero if answer is None else answer.detach() for answer, zero in zip(answers, zeros, strict=True)]


def place_suffix(k: int, spec: Spec) -> str:
    """How the names of the weights of place k end, as `_l0_reverse`."""
    layer, direction = divmod(k, spec.directions)
    return f"_l{layer}" + ("_reverse" if direction else "")


def silent(signature: Signature) -> bool:
    """Whether it does not affect any visible result."""
    return not bool((np.abs(signature) > _TINY).any())


def distances(units: Sequence[Signature], roles: Sequence[Signature]) -> list[list[float]]:
    """The distance of each unit from each role: 0 when they are equal up to sign, at most 1.

    The sign is a bug's to turn: an update gate that works the other way round is still the update gate. One number that
    serves as the bias of every unit acts as the sum of them.
    """
    if not units or not roles:
        return [[] for _ in units]
    if len({unit.shape for unit in units}) > 1:
        return [distances([unit], roles)[0] for unit in units]
    one = np.stack(units)
    other = np.stack(roles)
    if one.shape[2:] != other.shape[2:]:
        other = other.sum(axis=-1).reshape(*other.shape[:2], *one.shape[2:])
    a, b = one.reshape(len(one), 1, one.shape[1], -1), other.reshape(1, len(other), other.shape[1], -1)
    size = _norm(a) + _norm(b)
    least = np.minimum(_norm(a - b), _norm(a + b))
    counts = size > _TINY
    found = np.where(counts, least / size.clip(min=_TINY), 0.0).sum(-1) / counts.sum(-1).clip(min=1)
    quiet = [np.array([silent(each) for each in group]) for group in (units, roles)]
    some, both = quiet[0][:, None] | quiet[1], quiet[0][:, None] & quiet[1]
    rows: list[list[float]] = np.where(some, np.where(both, 0.0, _ONE_SIDED), found).tolist()
    return rows


def _norm(values: Signature) -> Signature:
    norms: Signature = np.sqrt(np.square(values).sum(-1))
    return norms
