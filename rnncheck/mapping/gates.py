"""Which gate each block is, measured at one symmetric point.

All gates of a layer are given the same weights, and no bias. What reaches them is then the same whatever their order,
so the gradient of each block depends on its role alone, and the reference's gradients say which role that is.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rnncheck.mapping import names
from rnncheck.mapping.assignment import cheapest
from rnncheck.mapping.expression import GATES
from rnncheck.mapping.gradients import Gradients
from rnncheck.mapping.kin import kin
from rnncheck.mapping.places import Placed
from rnncheck.mapping.probe import Probe, put, scattered, weighted
from rnncheck.native import Native
from rnncheck.scratch.network import Network
from rnncheck.spec import Spec

BIASES = ("bias_ih", "bias_hh")
_WEIGHTS = {"x": "weight_ih", "h": "weight_hh"}
_DEAD, _NAMED, _SIDE, _ORDER, _NEVER = 0.5, 0.1, 0.01, 1e-3, 1e6
_NO_BIAS, _SPARE = 0.45, 2.0

Measured = list[tuple[int, Gradients]]
Signature = list[Tensor]
"""The gradient of a block by each thing that can be seen of its place."""


@dataclass(frozen=True)
class Roles:
    """The gate of each row block of a tensor (None: no place was left for it), and for a bias its side of each."""

    placed: Placed
    gates: tuple[str | None, ...]
    sides: tuple[str | None, ...] = ()


@dataclass(frozen=True)
class Reading:
    """The roles of all tensors; `additive` when b_ih and b_hh can be added up in every gate of such a cell."""

    roles: Sequence[Roles]
    additive: bool
    misfit: float


def roles(native: Native, probe: Probe, tensors: Sequence[Placed]) -> Reading:
    """The reading that fits the measurement best, beside whichever kin of the cell."""
    spec = probe.spec
    draw = torch.Generator().manual_seed(4)
    blocks = {(kind, k): _block(kind, k, spec, draw) for k in probe.places for kind in "xhp"}
    known = {each.name: each for each in tensors}
    put(native, {name: _symmetric(known.get(name), tensor, blocks) for name, tensor in native.tensors().items()})
    measured = probe.gradients(native)
    visible = {k for k, _ in measured}
    signatures = {each.name: _signatures(each, measured, visible) for each in tensors}
    readings = []
    for network, additive in kin(spec):
        reference = _reference(network, probe, blocks)
        readings.append(_read(spec, tensors, signatures, reference, additive))
    return min(readings, key=lambda reading: reading.misfit)


def _block(kind: str, k: int, spec: Spec, draw: torch.Generator) -> Tensor:
    if kind == "p":
        return scattered((spec.state_size, spec.hidden_size), draw)
    width = spec.state_size if kind == "h" else spec.layer_input_size(k // spec.directions)
    return scattered((spec.hidden_size, width), draw)


def _symmetric(placed: Placed | None, tensor: Tensor, blocks: dict[tuple[str, int], Tensor]) -> Tensor:
    if placed is None or placed.layout.kinds == ("b",):
        return torch.zeros_like(tensor, requires_grad=False)
    held = {kind: blocks[kind, placed.k] for kind in placed.layout.kinds}
    return placed.layout.joined([held] * placed.layout.count, tensor.shape)


def _signatures(each: Placed, measured: Measured, visible: set[int]) -> list[dict[str, Signature]]:
    """Of each row block, its kinds' signatures: by the states of its own place, or by all if those cannot be seen."""
    chosen = [gradients[each.name].double() for k, gradients in measured if k == each.k or each.k not in visible]
    blocks = [each.layout.blocks(gradient) for gradient in chosen]
    return [{kind: [of[g][kind] for of in blocks] for kind in each.layout.kinds} for g in range(each.layout.count)]


def _reference(
    network: Network, probe: Probe, blocks: dict[tuple[str, int], Tensor]
) -> dict[tuple[int, str, str], Signature]:
    """The signature of each canonical block: (k, "weight_ih" and so on, gate)."""
    spec = probe.spec
    cell, letters = spec.cell, GATES[spec.cell] or ("",)
    weights: dict[str, Tensor] = {}
    for k in probe.places:
        suffix = place_suffix(k, spec)
        for kind, weight in _WEIGHTS.items():
            weights[weight + suffix] = blocks[kind, k].repeat(cell.gates, 1)
        for bias in BIASES:
            weights[bias + suffix] = torch.zeros(cell.gates * spec.hidden_size, dtype=torch.float64)
        if spec.proj_size:
            weights["weight_hr" + suffix] = blocks["p", k]
    with torch.inference_mode(False), torch.enable_grad():
        leaves = {name: value.clone().requires_grad_(True) for name, value in weights.items()}
        trace = network.run(leaves, probe.x.double().cpu(), probe.state.to("cpu", torch.float64))
        found: dict[tuple[int, str, str], Signature] = {}
        shown = probe.seen(trace)
        visible = {k for k, _, _ in shown}
        for k, seen in [(own, seen) for own in probe.places for k, _, seen in shown if k == own or own not in visible]:
            asked = [f"{kind}{place_suffix(k, spec)}" for kind in (*_WEIGHTS.values(), *BIASES)]
            answers = torch.autograd.grad(weighted(seen), [leaves[name] for name in asked], retain_graph=True)
            for kind, answer in zip((*_WEIGHTS.values(), *BIASES), answers, strict=True):
                for letter, block in zip(letters, answer.chunk(cell.gates), strict=True):
                    found.setdefault((k, kind, letter), []).append(block.detach())
    return found


def place_suffix(k: int, spec: Spec) -> str:
    """How the names of the weights of place k end, as `_l0_reverse`."""
    layer, direction = divmod(k, spec.directions)
    return f"_l{layer}" + ("_reverse" if direction else "")


def _read(
    spec: Spec,
    tensors: Sequence[Placed],
    signatures: dict[str, list[dict[str, Signature]]],
    reference: dict[tuple[int, str, str], Signature],
    additive: bool,
) -> Reading:
    found: list[Roles] = []
    misfit = 0.0
    letters = GATES[spec.cell] or ("",)
    for k in range(spec.num_layers * spec.directions):
        here = [each for each in tensors if each.k == k]
        for leading in ("x", "h"):
            group = [
                each
                for each in here
                if leading in each.layout.kinds and (leading == "x" or "x" not in each.layout.kinds)
            ]
            costs = [
                [
                    sum(distance(signature, reference[k, _WEIGHTS[kind], gate]) for kind, signature in unit.items())
                    / len(unit)
                    + _prior(each, g, gate, spec)
                    for gate in letters
                ]
                for each in group
                for g, unit in enumerate(signatures[each.name])
            ]
            total, slots = cheapest(costs, [_NEVER] * len(costs))
            misfit += total
            answers = iter(slots)
            found += [
                Roles(
                    each, tuple(letters[slot] for _ in range(each.layout.count) if (slot := next(answers)) is not None)
                )
                for each in group
            ]
        found += [Roles(each, ("",)) for each in here if each.layout.kinds == ("p",)]
        biases = [each for each in here if each.layout.kinds == ("b",)]
        sided = [(side, gate) for side in BIASES for gate in letters]
        costs, skipping = [], []
        earlier: Counter[str | None] = Counter()
        for each in biases:
            gate_named = names.gate(each.name, spec.cell) if each.layout.count == 1 else None
            for g, unit in enumerate(signatures[each.name]):
                side = _side(each, here, earlier[gate_named] + g // len(letters))
                costs.append(
                    [
                        distance(unit["b"], reference[k, bias, gate])
                        + _prior(each, g, gate, spec)
                        + _SIDE * (bias != side)
                        + _NEVER * (each.pinned in BIASES and each.pinned != bias)
                        for bias, gate in sided
                    ]
                )
                skipping.append(_SPARE if names.is_bias(each.name) else _NO_BIAS)
            earlier[gate_named] += 1
        total, slots = cheapest(costs, skipping)
        misfit += total
        answers = iter(slots)
        for each in biases:
            taken = [
                sided[slot] if (slot := next(answers)) is not None else (None, None) for _ in range(each.layout.count)
            ]
            found.append(Roles(each, tuple(gate for _, gate in taken), tuple(side for side, _ in taken)))
    return Reading(found, additive, misfit)


def _prior(each: Placed, g: int, gate: str, spec: Spec) -> float:
    """What speaks against a gate besides measurement: its name, and torch's order."""
    letters = GATES[spec.cell]
    if not letters:
        return 0.0
    if each.pinned and each.layout.count == len(letters):
        return 0.0 if letters[g] == gate else _NEVER
    if each.layout.count == 1:
        hint = names.gate(each.name, spec.cell)
        return _NAMED * (hint not in (None, gate))
    return _ORDER * (letters[g % len(letters)] != gate)


def _side(each: Placed, here: Sequence[Placed], rank: int) -> str:
    """The side on which a bias is expected: its module's, its name's, else the first is the input's."""
    if each.pinned in BIASES:
        return str(each.pinned)
    for other in here:
        if (
            names.family(each.name)
            and names.family(other.name) == names.family(each.name)
            and other.layout.kinds in (("x",), ("h",))
        ):
            return BIASES[other.layout.kinds == ("h",)]
    named = names.side(each.name)
    return BIASES[named == "h" if named else rank > 0]


def distance(measured: Signature, expected: Signature) -> float:
    """0 when they are equal up to sign, at most 1. The sign is a bug's to turn: an update gate that works the other way
    round is still the update gate."""
    if not any(bool(each.any()) for each in measured):
        return _DEAD
    costs = []
    for a, b in zip(measured, expected, strict=True):
        b = b if a.shape == b.shape else b.sum(dtype=b.dtype).reshape(a.shape)
        size = float(a.norm() + b.norm())
        if size > 1e-9:
            costs.append(min(float((a - b).norm()), float((a + b).norm())) / size)
    return sum(costs) / len(costs) if costs else _DEAD
