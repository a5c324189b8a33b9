"""Searches for faults that are not in a list: in one place only, or with a number to fit."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rnncheck.diagnosis.probe import FaultProbe, Values
from rnncheck.diagnosis.suspects import ran_on
from rnncheck.faults.families.constants import WithNumber, families
from rnncheck.faults.fault import Fault
from rnncheck.faults.one_place import PARAMETERS, Where, only_at, overridden, placeable, places
from rnncheck.faults.scene import Scene, weights_of
from rnncheck.model.spec import Spec
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Network

NEWTON_STEPS = 12  # of Gauss and Newton, at most: a number that is there is found in six
DERIVATIVE_STEP = 1e-6  # the distance over which a derivative is taken
MOST_UNITS = 64  # beyond, units are not tried


@dataclass(frozen=True)
class Seen:
    """Where the states of a probe are wrong: in which layer first, and there in which directions and units.

    The layers below are right, so this layer's states show its own fault only. Units are told apart in a single
    timestep only.
    """

    probe: FaultProbe
    shown: tuple[str, ...]  # the names of what is looked at
    sides: tuple[int, ...]  # indices layer * D + direction
    units: frozenset[int]

    @property
    def layer(self) -> int:
        return self.sides[0] // self.probe.scene.spec.directions

    def part(self, name: str, value: Tensor) -> Tensor:
        """What is wrong of h_n or c_n, (sides, B, units); of the output of one layer and timestep likewise."""
        if name == "output":  # (1, B, D*R)
            value = torch.stack(value[0].chunk(self.probe.scene.spec.directions, -1))
            value = value[[side % len(value) for side in self.sides]]
        else:
            value = value[list(self.sides)]
        return value[..., sorted(self.units)] if self.units else value

    def parts(self, values: Values) -> dict[str, Tensor] | None:
        """These of all that the candidate shows; None if the shapes are not the candidate's."""
        found = dict[str, Tensor]()
        for name in self.shown:
            if name not in values or values[name].shape != self.probe.candidate[name].shape:
                return None
            found[name] = self.part(name, values[name])
        return found

    def ran(self, fault: Fault) -> Values | None:
        """What this fault makes of the scene, in this layer alone where those below it are right."""
        if self.layer:
            fault = only_at(Where(layer=self.layer), fault)
        return ran_on((fault,), self.probe.scene)

    def equal(self, fault: Fault) -> bool:
        """Whether the states that are wrong are what this fault makes of them."""
        values = self.ran(fault)
        theirs, mine = None if values is None else self.parts(values), self.parts(self.probe.candidate)
        if values is None or theirs is None or mine is None:
            return False
        return all(
            bool(((mine[name] - theirs[name]).abs() <= self.probe.tolerance(name, values[name])).all()) for name in mine
        )

    def row(self, fault: Fault | None) -> Tensor | None:
        """The same of this fault, or of the candidate, in one row of numbers."""
        values = self.probe.candidate if fault is None else self.ran(fault)
        found = None if values is None else self.parts(values)
        return None if found is None else torch.cat([value.flatten() for value in found.values()])


def seen(probe: FaultProbe) -> Seen | None:
    """None where no states that are shown are wrong. The output tells only where all final states are right."""
    spec = probe.scene.spec
    layers = range(spec.num_layers)
    if found := wrong_in(probe, ("h_n", "c_n"), layers):
        return found
    return wrong_in(probe, ("output",), layers[-1:]) if probe.scene.seq_len == 1 else None


def wrong_in(probe: FaultProbe, names: Sequence[str], layers: Sequence[int]) -> Seen | None:
    """The first of these layers in which these quantities are wrong, of those that are in the right shape."""
    spec = probe.scene.spec
    there = (name for name in names if name in probe.candidate)
    shown = tuple(name for name in there if probe.candidate[name].shape == probe.right[name].shape)
    sides = [layer * spec.directions + direction for layer in layers for direction in range(spec.directions)]
    whole = Seen(probe, shown, tuple(sides), frozenset())
    wrong = [whole.part(name, probe.far(name, probe.candidate[name])).any(1) for name in shown]  # (sides, units)
    if not any(bool(each.any()) for each in wrong):
        return None
    side = torch.stack([each.any(1) for each in wrong]).any(0)
    first = int(side.byte().argmax()) // spec.directions * spec.directions
    within = [k for k in range(first, first + spec.directions) if side[k]]
    units = frozenset[int]()
    if probe.scene.seq_len == 1 and not spec.proj_size and spec.hidden_size <= MOST_UNITS:
        columns = torch.stack([each[within].any(0) for each in wrong]).any(0)
        units = frozenset(torch.nonzero(columns).flatten().tolist()) if not bool(columns.all()) else units
    return Seen(probe, shown, tuple(sides[k] for k in within), units)


def placed(faults: Iterable[Fault], found: Seen) -> Iterator[Fault]:
    """The faults in one place alone that reproduce the wrong values there."""
    spec = found.probe.scene.spec
    for fault in faults:
        for part in parts_of(fault, found.probe.scene):
            if (found.layer or not part.everywhere) and not placeable(fault, part):
                continue
            if found.equal(fault if part.everywhere else only_at(part, fault)):
                yield from in_places(fault, part, found.units, spec)


def in_places(fault: Fault, part: Where, units: frozenset[int], spec: Spec) -> Iterator[Fault]:
    """The fault in this part of every layer, and of single layers and directions; and in these units of them alone."""
    for where in (Where(), *places(spec)):
        for some in dict.fromkeys((frozenset[int](), units)):
            both = replace(part, layer=where.layer, direction=where.direction, units=some)
            if not both.everywhere and placeable(fault, both):
                yield only_at(both, fault)


def parts_of(fault: Fault, scene: Scene) -> Iterator[Where]:
    """All of a layer, and of a fault of weights the parameters and gates in which it is."""
    yield Where()
    if overridden(fault.mixin) != {"layer_weights"} or "; " in fault.variant:
        return
    spec, changed = scene.spec, {place for layer in changes(fault, scene) for place in layer}
    names = [name for name in PARAMETERS if any(name == each for each, _ in changed)]
    gates = [gate for gate in spec.cell.letters if any(gate == each for _, each in changed)]
    groups: list[tuple[str, ...]] = [(), *((name,) for name in names if len(names) > 1)]
    if len(names) > 2:
        groups += (("W_ih", "b_ih"), ("W_hh", "b_hh"), ("W_ih", "W_hh"), ("b_ih", "b_hh"))
    for group in groups:
        if group:
            yield Where(parameters=group)
        if len(gates) > 1 and fault.slug != "gate-order":
            yield from (Where(parameters=group, gate=gate) for gate in gates)


def changes(fault: Fault, scene: Scene) -> list[set[tuple[str, str]]]:
    """The parameters and gates that a fault of weights changes, in every layer and direction."""
    right = weights_of(Network(scene.spec), scene)
    wrong = weights_of(fault.network(scene.spec), scene)
    return [set(differing(one, other, scene.spec)) for one, other in zip(right, wrong, strict=True)]


def differing(right: LayerWeights, wrong: LayerWeights, spec: Spec) -> Iterator[tuple[str, str]]:
    for name, one, other in zip(PARAMETERS, right, wrong, strict=True):
        if one is None or other is None or one is other:
            continue
        if name in ("W_hr", "own") or one.shape != other.shape:
            yield name, ""
            continue
        blocks = zip(spec.cell.letters, one.chunk(spec.cell.gates, -1), other.chunk(spec.cell.gates, -1), strict=True)
        yield from ((name, gate) for gate, a, b in blocks if not torch.equal(a, b))


def fitted(found: Seen) -> Iterator[Fault]:
    """The faults with a fitted number, in every place, that reproduce the wrong values."""
    spec = found.probe.scene.spec
    for family in families(spec):
        if (number := fit(family, found)) is not None:
            yield family.at(number)
            yield from in_places(family.at(number), Where(), found.units, spec)


def fit(family: WithNumber, found: Seen) -> float | None:
    """The number with the fewest digits for which the fault reproduces the wrong values."""
    wanted, number, last = found.row(None), family.planted, math.inf
    for _ in range(NEWTON_STEPS):
        here, beyond = found.row(family.at(number)), found.row(family.at(number + DERIVATIVE_STEP))
        if wanted is None or here is None or beyond is None:
            return None
        slope, left = (beyond - here) / DERIVATIVE_STEP, wanted - here
        size, steep = float(left.square().sum()), float(slope.square().sum())
        if not size < last / 2 or not steep:
            break
        last, number = size, number + float(slope @ left) / steep
    if not math.isfinite(number) or abs(number) < DERIVATIVE_STEP or not found.equal(family.at(number)):
        return None
    shorter = (round(number, digits) for digits in range(16))
    return next((each for each in shorter if found.equal(family.at(each))), number)
