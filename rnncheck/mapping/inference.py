"""Finds the mapping of a candidate by running it at sizes that tell its tensors apart."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from rnncheck.mapping import switched_off
from rnncheck.mapping.agreement import agrees, is_before, is_on_top
from rnncheck.mapping.arrangements import arrangements, dealt_out, other_way_round
from rnncheck.mapping.budget import Budget
from rnncheck.mapping.compose import entries
from rnncheck.mapping.expression import negated
from rnncheck.mapping.found import FoundMapping, MappingError, OtherLayer, Unplaced, require_biases, require_complete
from rnncheck.mapping.gates import NEARLY_EXACT, GateMeasurements, GateReading
from rnncheck.mapping.layouts import Placed
from rnncheck.mapping.named_cells import as_named
from rnncheck.mapping.names import gate, is_head, torch_kind
from rnncheck.mapping.native import Native
from rnncheck.mapping.networks import faulty, mirrored, of_one_direction, published, varied
from rnncheck.mapping.notes import explained, kept, uncompared, unused
from rnncheck.mapping.other_tensors import OtherTensors, other_tensors
from rnncheck.mapping.places import placed
from rnncheck.mapping.probe import GradientProbe, prepared, put
from rnncheck.mapping.proof import dead, too_small
from rnncheck.mapping.unit_by_unit import unit_by_unit
from rnncheck.mapping.variant_weights import closest, with_own
from rnncheck.model.spec import Spec
from rnncheck.model.weights import draw, own_at_rest
from rnncheck.scratch.network import Network
from rnncheck.text import printable

Make = Callable[[Spec], Native]

# No sum or multiple of one is the other, nor the number of a cell's gates: a shape says what its axes are.
_INPUT, _HIDDEN, _PROJECTION = 5, 7, 3
_SMALL_INPUT, _SMALL_HIDDEN = 2, 5
MOST_HEADS = 16  # that are tried
MOST_MISFIT = 1.0  # of a reading that is tried with a fault: of those that ever agreed, it was below 1e-4


def infer(make: Make, spec: Spec, budget: Budget | None = None, *, faults: bool = True) -> FoundMapping:
    """The mapping of the candidate that `make` builds for a spec. Calls must not change it.

    Raises `MappingError` if no tensor holds a weight of the recurrent layer.
    """
    asked, budget = make(spec), budget or Budget()
    problem = MappingError("rnncheck could not construct it to measure what its weights do")
    small = not asked.differentiable
    for attempt in _attempts(spec, small=small):
        heeds = True
        try:
            native = make(attempt)
            heeds = any(size % attempt.hidden_size == 0 for each in native.tensors().values() for size in each.shape)
            found = replace(_infer(native, budget, faults), spec=spec)
            if found.entries.keys() != asked.tensors().keys():
                raise MappingError("how many tensors it holds depends on its sizes")
            found.values(asked, draw(spec, 0).values)
        except Unplaced as error:
            telling = attempt.hidden_size == (_SMALL_HIDDEN if small else _HIDDEN)
            if telling and heeds and attempt.input_size != spec.input_size:
                raise  # at sizes that tell the axes apart, and that it was built for
            problem = error
        except MappingError as error:
            problem = error
        except Exception as error:  # a user's class may refuse any size except its own, with any error
            said = printable(str(error).partition("\n")[0], 200)
            problem = MappingError(f"rnncheck could not measure what its weights do: {said}")
            problem.__cause__ = error
        else:
            return replace(found, findings=(*too_small(found, asked), *found.findings))
    raise problem


def right(mapping: FoundMapping) -> bool:
    """Whether it is torch's layer, if only without the weights that torch lacks."""
    return type(mapping.agrees) in (Network, switched_off.BesideOwnWeights)


def _attempts(spec: Spec, *, small: bool) -> Iterator[Spec]:
    """Sizes that tell the axes apart, then those of the spec; `small` ones if every number is tried by itself."""
    tried: list[Spec] = []
    first = _SMALL_INPUT if small else _INPUT, _SMALL_HIDDEN if small else _HIDDEN
    for input_size, hidden_size in (
        first,
        (spec.input_size, _HIDDEN),
        (_INPUT, spec.hidden_size),
        *([(_HIDDEN, _HIDDEN)] if spec.input_size == spec.hidden_size else []),
        (spec.input_size, spec.hidden_size),
    ):
        projection = _PROJECTION if spec.proj_size and hidden_size == _HIDDEN else spec.proj_size
        attempt = replace(spec, input_size=input_size, hidden_size=hidden_size, proj_size=projection, device="cpu")
        if attempt not in tried:
            tried.append(attempt)
            yield attempt


def _infer(native: Native, budget: Budget, faults: bool) -> FoundMapping:
    tensors = native.tensors()
    if not tensors:
        raise MappingError("it has no tensors, so rnncheck cannot give it weights")
    probe, own = prepared(native), other_tensors(native)
    if not probe.exposes:
        raise MappingError("it returns none of its states, so rnncheck cannot measure what its weights do")
    where, live = placed(native, probe, own)
    if probe.takes_state and not any(each.live for each in where if "h" in each.layout.kinds):
        probe = prepared(native, takes_state=False)  # h0 is perhaps ignored, and the state after a step is not
        where, live = placed(native, probe, own)
    mapping = _Search(native, probe, own, live, budget).best(where, faults)
    if mapping.agrees is None or mapping.agrees.spec.variant is None:
        try:
            require_complete(mapping)
        except Unplaced as problem:
            if (said := unit_by_unit(native)) is not None:
                raise OtherLayer(said) from problem
            raise
        require_biases(mapping, live)
    put(native, own.made)
    beside = uncompared(mapping, live, own.made)
    left = [name for name in unused(mapping, own.trained) if not any(name in each for each in beside)]
    return replace(
        mapping,
        restrictions=[*mapping.restrictions, *kept(name for name in left if name in live), *beside],
        idle=tuple(name for name in left if name not in live and not is_head(name)),
        beyond=tuple(name for name in left if name in live),
        guessed=tuple(each.name for each in where if each.rearranged and not each.pinned),
        findings=(*mapping.findings, *(() if right(mapping) else dead(native, mapping))),
    )


@dataclass
class _Search:
    """Tries arrangements of the tensors with networks until the candidate agrees with one of them."""

    native: Native
    probe: GradientProbe
    own: OtherTensors
    live: set[str]
    budget: Budget

    def best(self, where: list[Placed], faults: bool) -> FoundMapping:
        """The mapping that agrees with a published layer, or with a known fault, or otherwise the likeliest one."""
        spec, bench = self.probe.spec, GateMeasurements(self.native, self.probe, self.own)
        best: GateReading | None = None
        found: FoundMapping | None
        for tensors in arrangements(where, self.native.tensors(), spec):
            for network in published(spec):
                reading = bench.reading(tensors, network)
                if reading is None:
                    continue
                if best is None or reading.cost < best.cost:
                    best = reading
                if (agreeing := self._agreeing(reading, network)) is not None:
                    return agreeing
            if self.budget.over:
                break
        for heads in self._possible_heads():
            own = replace(self.own, heads=heads, fixed=self.own.fixed | heads)
            search = replace(self, own=own)
            where_else, _ = placed(self.native, self.probe, own)
            turned = [other_way_round(each, self.native.tensors(), spec) for each in where_else]
            square, other = (
                next(name for name in heads if name in self._squares()),
                GateMeasurements(self.native, self.probe, own),
            )
            beside = {name: value for name, value in self.native.tensors().items() if name not in heads}
            for way in (where_else, turned, *as_named(where_else, beside, spec)):
                reading = other.reading(way, published(spec)[0])
                agreeing = None if reading is None else search._agreeing(reading, published(spec)[0])
                if agreeing is None:
                    continue
                network = published(spec)[0]
                if is_on_top(self.native, agreeing, square) or is_before(self.native, agreeing, square, network):
                    return agreeing
            if self.budget.over:
                break
        gates, held = spec.cell.gates, self._gates_held(where)
        fewer = 0 < min(held) <= max(held) < gates
        if (fewer or spec.variant is not None) and (variant := self._of_a_variant(bench, where)) is not None:
            return variant
        if faults and spec.variant is None and (plain := self._beside_own_weights(where)) is not None:
            return plain
        late = self.budget.over
        if faults and spec.bidirectional and not late and (shared := self._shared_by_directions(bench)) is not None:
            return shared
        sure = min(held) == gates and all(each.pinned for each in where)
        if faults and not sure and not own_at_rest(spec) and not self._has_a_matrix_more(where):
            found = self._beside_faults(bench, where, best)
        else:
            found = None if best is None else self._likeliest(best)
        if found is None:
            raise MappingError(
                f"its states do not depend on its tensors as those of a layer of the {spec.cell} depend on its "
                "weights\nAssign each tensor with --mapping FILE.toml"
            )
        return found

    def _squares(self) -> list[str]:
        size = self.probe.spec.output_size
        return [name for name, tensor in self.native.tensors().items() if tensor.shape == (size, size)]

    def _possible_heads(self) -> list[frozenset[str]]:
        """A square matrix, and a vector of its size that may go with it: such a head looks like the state."""
        spec = self.probe.spec
        live = {name: tensor for name, tensor in self.native.tensors().items() if name in self.live}
        live = {name: tensor for name, tensor in live.items() if torch_kind(name) is None}
        shapes = {name: math.prod(shape) for name, shape in spec.recurrent_shapes().items()}
        needed = sum(size for name, size in shapes.items() if name.startswith("weight"))
        beside = sum(each.numel() for each in self.native.tensors().values() if each.dim() > 1) - needed
        squares = [name for name in self._squares() if name in live and live[name].numel() <= beside]
        vectors = [name for name, tensor in live.items() if tensor.numel() == spec.output_size]
        pairs = [(square, also) for square in squares for also in ([], *([each] for each in vectors))]
        of_gates = {name for name in (*squares, *vectors) if gate(name, spec.cell) is not None and not is_head(name)}
        pairs.sort(  # the sort is stable
            key=lambda pair: (
                sum(name in of_gates for name in (pair[0], *pair[1])),
                sum(not is_head(name) for name in (pair[0], *pair[1])),
            )
        )
        return [frozenset({square, *also}) for square, also in pairs][:MOST_HEADS]

    def _gates_held(self, where: list[Placed]) -> list[int]:
        """For how many gates its tensors multiply x, and for how many h."""
        first = [each for each in where if each.k == 0]
        return [sum(each.layout.count for each in first if side in each.layout.kinds) for side in "xh"]

    def _of_a_variant(self, bench: GateMeasurements, where: list[Placed]) -> FoundMapping | None:
        """The mapping of a candidate with the equations of a variant."""
        for tensors in arrangements(where, self.native.tensors(), self.probe.spec):
            for network in varied(self.probe.spec) if self.probe.spec.variant is None else published(self.probe.spec):
                reading = bench.reading(tensors, network)
                if reading is not None and (found := self._agreeing(reading, network)) is not None:
                    return found
                other = mirrored(network)
                reading = None if other is None else bench.reading(tensors, other)
                if other is not None and reading is not None and self._agreeing(reading, other) is not None:
                    return self._with_opposite(reading, network, other.gate)
                if self.budget.over:
                    return None
        return None

    def _has_a_matrix_more(self, where: list[Placed]) -> bool:
        """Whether states depend on a trained matrix without a place: it is another layer, and no fault of torch's."""
        more = self.live & self.own.trained - {each.name for each in where}
        return any(self.own.made[name].dim() > 1 and min(self.own.made[name].shape) > 1 for name in more)

    def _beside_own_weights(self, where: list[Placed]) -> FoundMapping | None:
        """The mapping of a candidate that is torch's layer where tensors that torch lacks have no effect."""
        extra = switched_off.suspects(where, self.own.made, self.live)
        for given in switched_off.values(self.own.made, extra) if extra else ():
            if self.budget.over:
                break
            put(self.native, given)
            own = switched_off.at(self.own, given)
            search = replace(self, own=own, live=self.live - given.keys())
            where_else, _ = placed(self.native, self.probe, own)
            bench = GateMeasurements(self.native, self.probe, own)
            for tensors in (where_else, *as_named(where_else, self.native.tensors(), self.probe.spec)):
                network = published(self.probe.spec)[0]
                reading = bench.reading(tensors, network)
                found = None if reading is None else search._agreeing(reading, network)
                if found is not None:
                    put(self.native, self.own.made)
                    trained = replace(self.own, trained=self.own.trained - self.native.buffers())
                    return switched_off.told(found, given, network, trained)
        put(self.native, self.own.made)
        return None

    def _with_opposite(self, reading: GateReading, network: Network, gate: str) -> FoundMapping:
        """The mapping that stores the weights of this gate with the opposite sign."""
        mapping = self._mapping(reading)
        cell = self.probe.spec.cell
        entries = {
            name: replace(entry, expression=negated(entry.expression, gate, cell))
            for name, entry in mapping.entries.items()
        }
        return replace(explained(replace(mapping, entries=entries)), agrees=network)

    def _shared_by_directions(self, bench: GateMeasurements) -> FoundMapping | None:
        """The mapping of a candidate whose two directions read the same weights."""
        where, _ = placed(self.native, self.probe, self.own, self.probe.places[::2])
        network = of_one_direction(self.probe.spec)
        for way in (where, *as_named(where, self.native.tensors(), self.probe.spec)):
            reading = bench.reading(way, network)
            if reading is not None and (found := self._agreeing(reading, network)) is not None:
                return found
        return None

    def _beside_faults(
        self, bench: GateMeasurements, where: list[Placed], best: GateReading | None
    ) -> FoundMapping | None:
        """The first reading that agrees with a fault, or nearly fits one; otherwise the one of the lowest cost."""
        until = self.budget.for_faults()
        every, ways = list(arrangements(where, self.native.tensors(), self.probe.spec)), [where, *dealt_out(where)]
        if best is not None and best.misfit < NEARLY_EXACT:
            return self._mapping(best)
        for network, of_directions in faulty(self.probe.spec):
            for way in every if of_directions else ways:
                if self.budget.spent > until:
                    return None if best is None else self._mapping(best)
                reading = bench.reading(way, network, best.cost if best else math.inf)
                if reading is None:
                    continue
                near = reading.misfit < MOST_MISFIT
                if near and (found := self._agreeing(reading, network)) is not None:
                    return found
                if reading.misfit < NEARLY_EXACT:
                    return self._mapping(reading)
                best = reading if best is None or reading.cost < best.cost else best
        return None if best is None else self._mapping(best)

    def _agreeing(self, reading: GateReading, network: Network) -> FoundMapping | None:
        """The mapping of the reading, if the candidate computes with it what the network computes."""
        mapping: FoundMapping | None = self._mapping(reading)
        assert mapping is not None
        if own_at_rest(self.probe.spec):
            mapping = with_own(self.native, mapping, self.own, network)
            return None if mapping is None else replace(explained(mapping), agrees=network)
        return replace(mapping, agrees=network) if agrees(self.native, mapping, network) else None

    def _likeliest(self, reading: GateReading) -> FoundMapping:
        """The mapping of a candidate that agrees with no network."""
        mapping = self._mapping(reading)
        if not own_at_rest(self.probe.spec):
            return mapping
        return explained(closest(self.native, mapping, self.own, Network(self.probe.spec)))

    def _mapping(self, reading: GateReading) -> FoundMapping:
        spec = self.probe.spec
        return explained(FoundMapping(spec, entries(reading, self.native.tensors(), self.live, self.own, spec)))
