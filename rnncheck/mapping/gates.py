"""The gate of each block of a candidate, and the side of each bias, found by comparison with a network."""

import itertools
import math
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from weakref import WeakKeyDictionary

from rnncheck.mapping import names
from rnncheck.mapping.assignment import cheapest
from rnncheck.mapping.expression import GATES
from rnncheck.mapping.layouts import Placed
from rnncheck.mapping.native import Native
from rnncheck.mapping.networks import adds_biases
from rnncheck.mapping.other_tensors import OtherTensors
from rnncheck.mapping.probe import GradientProbe
from rnncheck.mapping.signatures import (
    BIASES,
    WEIGHTS,
    Expected,
    Measured,
    Signature,
    expected,
    measured,
    silent,
    symmetric,
)
from rnncheck.mapping.signatures import (
    distances as table,
)
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import EVERYTHING
from rnncheck.scratch.network import Network

# Costs of a role besides the measured ones; a larger number is stronger evidence against it.
_NAMED, _SIDE, _ORDER, _NEVER = 0.1, 0.01, 1e-3, 1e6
_ONE_EACH = 2.0  # of one gate with two biases and another with none, where there are as many biases as gates
_NO_BIAS, _SPARE = 0.45, 2.0
_HALVED = 10.0
_NO_SCALAR = 0.02  # one number is soon like another
MOST_SIDED = 4  # biases of several gates in one place of which every combination of sides is tried
NEARLY_EXACT = 0.05  # of a wrong gate, much more is left


@dataclass(frozen=True)
class Roles:
    """The gate of each row block of a tensor (None: no place was left for it), and for a bias its side of each."""

    placed: Placed
    gates: tuple[str | None, ...]
    sides: tuple[str | None, ...] = ()


@dataclass(frozen=True)
class GateReading:
    """The roles of all tensors, and whether one bias can hold the sum of both in every gate of such a cell.

    `misfit` sums up what measurement says against it, `cost` what names say too.
    """

    roles: Sequence[Roles]
    adds_biases: bool
    misfit: float
    cost: float


@lru_cache(maxsize=16)
def _remembered(spec: Spec, run: tuple[object, ...]) -> WeakKeyDictionary[Network, Expected | None]:
    """What was found of the networks for a spec in such a run of the probe: every hypothesis is held against them."""
    return WeakKeyDictionary()


class GateMeasurements:
    """The signatures of one candidate's tensors, for each arrangement of them, beside those of any network."""

    def __init__(self, native: Native, probe: GradientProbe, others: OtherTensors) -> None:
        self._native, self._probe, self._others = native, probe, others
        self._blocks = symmetric(probe)
        self._measured: dict[tuple[Placed, ...], Measured] = {}
        # With one layer and direction, expected signatures are computed for all results once, and cut to those that
        # this candidate returns.
        whole = replace(probe, exposes=EVERYTHING) if len(probe.places) == 1 else probe
        self._whole, self._shown = whole, [source in probe.exposes for source in whole.sources]
        self._expected = _remembered(probe.spec, whole.run)

    def reading(self, tensors: Sequence[Placed], network: Network, limit: float = math.inf) -> GateReading | None:
        """The roles that fit `network` best; None where its weights alone fit badly and cost `limit` or more, and for a
        network that has no states to show in a run as short as the probe's."""
        beside, key = self._beside(network), tuple(tensors)
        if beside is None:
            return None
        if key not in self._measured:
            self._measured[key] = measured(self._native, self._probe, tensors, self._blocks, self._others)
        return _GateReader(self._probe.spec, self._measured[key], beside).reading(tensors, adds_biases(network), limit)

    def _beside(self, network: Network) -> Expected | None:
        if network not in self._expected:
            try:
                self._expected[network] = expected(network, self._whole, self._blocks)
            except (RuntimeError, ValueError, IndexError):
                self._expected[network] = None
        found = self._expected[network]
        if found is None or all(self._shown) or len(self._probe.places) > 1:
            return found
        return {role: signature[self._shown] for role, signature in found.items()}


class _GateReader:
    """Gives each block the role with the nearest signature."""

    def __init__(self, spec: Spec, found: Measured, beside: Expected) -> None:
        self.spec, self.found, self.beside = spec, found, beside
        self.letters = GATES[spec.cell] or ("",)
        self.order = dict.fromkeys(range(spec.num_layers * spec.directions), self.letters)
        self.misfit = self.cost = 0.0

    def reading(self, tensors: Sequence[Placed], adds: bool, limit: float) -> GateReading | None:
        """None where it is given up, since its weights alone fit badly and cost `limit` or more."""
        read: list[Roles] = []
        for k in range(self.spec.num_layers * self.spec.directions):
            here = [each for each in tensors if each.k == k]
            read += self._weights([each for each in here if "x" in each.layout.kinds])
            read += self._weights([each for each in here if each.layout.reads == ("h",)])
            if self.cost >= limit and self.misfit >= NEARLY_EXACT:
                return None
            read += [Roles(each, ("",)) for each in here if each.layout.kinds == ("p",)]
            columns = {
                role for each in read if each.placed.k == k for role in zip(each.sides, each.gates, strict=False)
            }
            read += self._biases([each for each in here if each.layout.kinds == ("b",)], here, columns)
        return GateReading(read, adds, self.misfit, self.cost)

    def _weights(self, group: Sequence[Placed]) -> Iterator[Roles]:
        """Assigns the gates to the row blocks of these tensors."""
        units = [unit for each in group for unit in self.found[each.name]]
        places = [each.k for each in group for _ in self.found[each.name]]
        distances = self._weight_distances(units, places)
        priors = [
            [self._prior(each, g, gate) for gate in self.letters]
            for each in group
            for g in range(len(self.found[each.name]))
        ]
        slots = iter(self._assigned(distances, priors, [_NEVER] * len(distances)))
        for each in group:
            taken = [next(slots) for _ in range(each.layout.count)]
            gates = tuple(self.letters[slot] for slot in taken if slot is not None)
            if each.live and len(gates) == len(self.letters):
                self.order[each.k] = gates  # likely that of the place's other tensors too
            side = BIASES[each.layout.reads == ("h",)]
            yield Roles(each, gates, (side,) * len(gates) if "b" in each.layout.kinds else ())

    def _biases(
        self, group: Sequence[Placed], here: Sequence[Placed], columns: Collection[tuple[str | None, str | None]]
    ) -> Iterator[Roles]:
        """So do biases, with two in each gate, of which some are `columns` of weights; one that acts like no bias may
        go without."""
        sided = [(side, gate) for side in BIASES for gate in self.letters]
        distances, priors, without = [], [], []
        earlier: Counter[str | None] = Counter()
        one_each = self.spec.cell is Cell.LSTM and len(group) == len(self.letters)  # in which both sides are added
        one_each = one_each and all(each.layout.count == 1 for each in group)
        other_side = _ONE_EACH if one_each else _SIDE
        for each in group:
            named = names.gate(each.name, self.spec.cell) if each.layout.count == 1 else None
            found = self.found[each.name]
            distances += table([unit["b"] for unit in found], [self.beside[each.k, *role] for role in sided])
            for g in range(len(found)):
                side = _side(each, here, earlier[named] + g // len(self.letters))
                halved = _HALVED * (each.layout.count == len(self.letters) and self._partly_read(each))
                priors.append(
                    [
                        self._prior(each, g, gate)
                        + _against(each, bias, side, other_side)
                        + _NEVER * ((bias, gate) in columns)
                        + halved * (self.order[each.k][g % len(self.letters)] != gate)
                        for bias, gate in sided
                    ]
                )
                lone = _NO_SCALAR if each.layout.scalar else _NO_BIAS
                without.append(_SPARE if each.adds or names.is_bias(each.name) else lone)
            earlier[named] += 1
        units = [each for each in group for _ in range(each.layout.count)]
        fused = [each.name for each in group if 1 < each.layout.count <= len(self.letters)][:MOST_SIDED]
        options = []
        for combination in itertools.product(BIASES, repeat=len(fused)):  # the blocks of one tensor are on one side
            side_of = dict(zip(fused, combination, strict=True))
            held = [
                [
                    prior + _NEVER * (side_of.get(each.name, bias) != bias)
                    for prior, (bias, _) in zip(row, sided, strict=True)
                ]
                for each, row in zip(units, priors, strict=True)
            ]
            options.append((cheapest(_summed(distances, held), without)[0], held))
        held = min(options, key=lambda option: option[0])[1]
        slots = iter(self._assigned(distances, held, without))
        for each in group:
            taken = [(None, None) if (slot := next(slots)) is None else sided[slot] for _ in range(each.layout.count)]
            yield Roles(each, tuple(gate for _, gate in taken), tuple(side for side, _ in taken))

    def _weight_distances(self, units: Sequence[dict[str, Signature]], places: Sequence[int]) -> list[list[float]]:
        """The distance of each unit from each gate, over the kinds that it holds."""
        if not units:
            return []
        kinds = sorted(kind for kind in units[0] if kind in WEIGHTS)
        if len(set(places)) > 1 or any(sorted(kind for kind in unit if kind in WEIGHTS) != kinds for unit in units):
            return [self._weight_distances([unit], [k])[0] for unit, k in zip(units, places, strict=True)]
        found = [
            table([unit[kind] for unit in units], [self.beside[places[0], WEIGHTS[kind], g] for g in self.letters])
            for kind in kinds
        ]
        return [[sum(cells) / len(kinds) for cells in zip(*rows, strict=True)] for rows in zip(*found, strict=True)]

    def _assigned(
        self, distances: list[list[float]], priors: list[list[float]], without: list[float]
    ) -> list[int | None]:
        total, slots = cheapest(_summed(distances, priors), without)
        self.cost += total
        self.misfit += sum(
            lone if slot is None else row[slot] for row, slot, lone in zip(distances, slots, without, strict=True)
        )
        return slots

    def _partly_read(self, each: Placed) -> bool:
        """Whether some of its blocks have no effect, so that other blocks may be used instead of them."""
        return 0 < sum(silent(unit["b"]) for unit in self.found[each.name]) < each.layout.count

    def _prior(self, each: Placed, g: int, gate: str) -> float:
        """The cost of a gate by the name, or by the order of gates in earlier tensors (at first torch's order)."""
        if self.letters == ("",):
            return 0.0
        if each.pinned and each.layout.count == len(self.letters):
            return 0.0 if self.letters[g] == gate else _NEVER
        if each.layout.count == 1:
            return _NAMED * (names.gate(each.name, self.spec.cell) not in (None, gate))
        return _ORDER * (self.order[each.k][g % len(self.letters)] != gate)


def _summed(a: list[list[float]], b: list[list[float]]) -> list[list[float]]:
    return [[x + y for x, y in zip(*rows, strict=True)] for rows in zip(a, b, strict=True)]


def _against(each: Placed, bias: str, side: str, other_side: float) -> float:
    return _NEVER * (each.pinned in BIASES and each.pinned != bias) + other_side * (bias != side)


def _side(each: Placed, here: Sequence[Placed], rank: int) -> str:
    """The side on which a bias is expected: its module's, its name's, else the first is the input's."""
    family = names.family(each.name)
    for other in here:
        if family and names.family(other.name) == family and other.layout.reads in (("x",), ("h",)):
            return BIASES[other.layout.reads == ("h",)]
    named = names.side(each.name)
    return BIASES[named == "h" if named else rank > 0]
