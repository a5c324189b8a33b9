"""The best hypothesis about a candidate: the first under which it agrees with a published layer, else a known fault.

Agreement in float64 with random weights, in every element, proves a hypothesis.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rnncheck.data.random import initial_state
from rnncheck.errors import CannotRun
from rnncheck.mapping import FoundMapping, MappingError
from rnncheck.mapping.agreement import agrees, inputs
from rnncheck.mapping.budget import Budget
from rnncheck.mapping.switched_off import BesideOwnWeights
from rnncheck.model.spec import Dtype, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import draw
from rnncheck.scratch.network import Network
from rnncheck.user_code.convention import Convention
from rnncheck.user_code.hypothesis import Fill, Hypothesis, facts_of
from rnncheck.user_code.in_part import is_in_part, passes_weights, seen_in_part
from rnncheck.user_code.instances import Instances, spread
from rnncheck.user_code.isolation import isolated
from rnncheck.user_code.probing import CallProbe
from rnncheck.user_code.proposals import Proposals
from rnncheck.user_code.quantities import Quantity, quantities, run_with_gates
from rnncheck.user_code.read_as import sentence
from rnncheck.user_code.signatures import doubtful
from rnncheck.user_code.tiny_calls import Proved

DEAD = "dead-parameter"
MOST_EXPLAINED = 3  # hypotheses for which every known fault is tried


class Search:
    """Tries the `proposals` about a candidate for `seconds`; `fill` finds out how to fill it."""

    def __init__(self, instances: Instances, proposals: Proposals, fill: Fill, seconds: float) -> None:
        self._instances, self._proposals, self._fill, self._seconds = instances, proposals, fill, seconds

    def best(self, spec: Spec) -> Hypothesis:
        """As `_best`. Raises `CannotRun` also for one that may differ only by the values that its call was given."""
        best = self._best(spec)
        doubts = doubtful(best.found.convention.settled)
        right = isinstance(best.filling, FoundMapping) and type(best.filling.agrees) is Network
        if doubts and best.filling is not None and not right:
            values = dict(best.found.convention.settled)
            said = ", ".join(f"{name}={values[name]!r}" for name in doubts)
            raise CannotRun(f"its call needs {' and '.join(doubts)}, and with {said} it is no published layer")
        return best

    def _best(self, spec: Spec) -> Hypothesis:
        """The first hypothesis under which it agrees with a published layer, else with one that has a known fault.

        Else the likeliest. Raises `CannotRun` where there is none.
        """
        budget, tried = Budget(self._seconds), list[tuple[Hypothesis, CallProbe]]()
        ways, seen, part_agrees = list[Hypothesis](), list[Shown](), False
        without_output: Hypothesis | None = None
        for each, probe in self._proposals.hypotheses(spec, budget, ways):
            if without_output is not None and not shows_more(each, without_output):
                continue
            if each.facts.fixed and any(each.called_like(other) for other in ways):
                continue  # it runs at other sizes, too, where there is more to see
            shown = self._shown(each, spec)
            like = None if shown is None else next((other for other in seen if shown.is_like(other)), None)
            if like is not None:  # the same numbers in, the same out: its weights are found, or not, in the same way
                ways += [each] if like.understood.filling is not None else []
                continue
            filled = self.filled(each, spec, budget, faults=False)
            ways += [each] if filled.filling is not None else []
            seen += [replace(shown, understood=filled)] if shown is not None else []
            in_part = filled.agrees and is_in_part(filled, probe)
            part_agrees = part_agrees or in_part
            if filled.agrees and not in_part:
                finished = self._finished(filled, probe)
                if self._changes_order(finished, spec):
                    continue
                inside = finished.found.reading.tap is not None and finished.found.unread.strange
                if hides_output(finished):
                    without_output = without_output or finished
                    continue
                if not inside or all(other.found.reading.tap is not None for other, _ in tried):
                    return finished
            tried.append((filled, probe))
            if budget.over:
                break
        cut = budget.over
        if without_output is not None:
            tried = [pair for pair in tried if shows_more(pair[0], without_output)]
            if not tried:
                return without_output
        tried.sort(key=lambda pair: (pair[0].agrees, unused_inside(pair[0])))  # what agrees in part comes last
        if reason := seen_in_part(tried, spec):
            raise CannotRun(reason)
        explained: list[tuple[Hypothesis, CallProbe]] = []
        is_cell = tried[0][0].found.convention.is_cell
        alike = [pair for pair in tried if pair[0].found.convention.is_cell == is_cell and not pair[0].agrees]
        for each, probe in each_call_first(alike)[:MOST_EXPLAINED]:
            filled = self.filled(each, spec, budget, faults=True)
            if filled.agrees and not is_in_part(filled, probe):
                return self._finished(filled, probe)
            explained.append((filled, probe))
        if without_output is not None and explained[0][0].filling is None:
            return without_output
        every = [*explained, *tried]
        first = every[0][0]  # if it cannot be filled, what is less plausible decides nothing
        plausible = (pair for pair in every if (pair[0].carries, pair[0].likely) >= (first.carries, first.likely))
        best, probe = next((pair for pair in plausible if pair[0].filling is not None), every[0])
        if better := next((each for each, _ in every if keeps_what_is_mixed(each, best)), None):
            assert better.problem is not None
            raise better.problem
        in_part = bool(best.agrees) and is_in_part(best, probe)
        if (tap := best.found.reading.tap) is not None and unused_inside(best) and passes_weights(best, probe):
            raise CannotRun(
                f"it returns none of its states, and rnncheck found some at the {tap.side} of its module {tap.module} "
                "alone, which not all of its weights reach; return the output of every timestep"
            )
        return replace(self._finished(best, probe), is_cut=cut, part_agrees=part_agrees, in_part=in_part)

    def at_other_sizes(self, spec: Spec, found: Mapping[Spec, Hypothesis]) -> Hypothesis | None:
        """As it was understood at other sizes, or with a batch_first that it does not take, if it agrees there and can
        be called so here. Raises `CannotRun` if it cannot: another reading would be of another layer.
        """
        failed: CannotRun | MappingError | None = None
        for known_spec, known in found.items():
            if (known_spec.proj_size > 0) is not (spec.proj_size > 0):
                continue
            at_these = replace(
                known_spec,
                input_size=spec.input_size,
                hidden_size=spec.hidden_size,
                proj_size=spec.proj_size,
                batch_first=spec.batch_first,
            )
            if at_these != spec or not isinstance(known.filling, FoundMapping):
                continue
            if self._instances.batch_first(known_spec) != self._instances.batch_first(spec):
                continue
            if known.filling.agrees is None or known.facts.fixed is not None:
                continue
            network = type(known.filling.agrees)
            try:
                looked_at = replace(spec, dtype=known.dtype)
                native = self._instances.native(known, looked_at, forgets=True)
                with isolated(getattr(torch, looked_at.dtype)):
                    right = agrees(native, replace(known.filling, spec=looked_at), network(looked_at))
                    if not right and not shaped(native.run(*inputs(native)), spec):
                        continue  # its head is as wide as the states were there
                filling = replace(known.filling, spec=spec, agrees=network(spec) if right else None)
                return replace(known, filling=filling)
            except (CannotRun, MappingError) as problem:
                failed = problem
        if failed is not None:
            raise CannotRun(f"it does not run at these sizes as it does at others: {failed}") from failed
        return None

    def begins_right(self, understood: Hypothesis, spec: Spec) -> bool:
        """Whether it agrees with the published layer in a single timestep, filled as it is."""
        filling = understood.filling
        with suppress(CannotRun, MappingError):
            looked_at = replace(spec, dtype=understood.dtype, device="cpu")
            native = self._instances.native(understood, looked_at, forgets=True)
            with isolated(getattr(torch, looked_at.dtype)):
                return filling is not None and agrees(native, filling, Network(looked_at), steps=1)
        return False

    def _shown(self, understood: Hypothesis, spec: Spec) -> "Shown | None":
        """Its results on random numbers; None if it cannot run at these sizes."""
        seq_len, batch = understood.facts.fixed or (4, 3)
        drawn = torch.Generator().manual_seed(2)
        with suppress(CannotRun):
            native = self._instances.native(understood, replace(spec, dtype=understood.dtype), forgets=True)
            spread(native.thing)
            dtype = getattr(torch, understood.dtype)
            x = torch.randn(seq_len, batch, spec.input_size, generator=drawn, dtype=torch.float64).to(dtype)
            start = initial_state(spec, batch).map(lambda each: torch.randn(each.shape, generator=drawn).to(dtype))
            start = start if understood.facts.takes_state else start.map(torch.zeros_like)
            return Shown(understood, native.run(x, start))
        return None

    def _finished(self, understood: Hypothesis, probe: CallProbe) -> Hypothesis:
        """Completes it with the other results that it returns, and compares those that are states."""
        with self._instances.loaded.import_path.entered():
            found = probe.calls.sorted(understood.found, self._proved(understood, probe))
        facts = facts_of(found, probe.sizes, sentence(found, understood.call, probe.sizes))
        return replace(understood, found=found, facts=facts)

    def _changes_order(self, finished: Hypothesis, spec: Spec) -> bool:
        """Whether it takes (c, h) and returns (h, c), with the names of torch: then it should take (h, c)."""
        state, filling = finished.found.convention.state, finished.filling
        if state is None or not state.cell_first or not isinstance(filling, FoundMapping) or filling.agrees is None:
            return False
        spec, network = replace(spec, dtype=finished.dtype), type(filling.agrees)
        native = self._instances.native(finished, spec, forgets=True)
        with isolated(getattr(torch, spec.dtype)):
            return "weight_ih_l0" in native.tensors() and not agrees(native, replace(filling, spec=spec), network(spec))

    def _proved(self, understood: Hypothesis, probe: CallProbe) -> Proved | None:
        """It with the weights of a layer that it agrees with, and what that layer yields."""
        filling, spec = understood.filling, probe.sizes.spec
        if filling is None or filling.agrees is None or isinstance(filling.agrees, BesideOwnWeights):
            return None
        weights = filling.restrict(draw(spec, 1))
        native = self._instances.native(understood, spec, forgets=True)
        with torch.no_grad():
            filling.fill(native, weights.cast(spec))
        network = type(filling.agrees)(spec)

        def yields(x: Tensor, state: State) -> list[Quantity]:
            values, start = weights.values, state.to("cpu", torch.float64)
            trace, gates = run_with_gates(network, values, x.double(), start)
            return quantities(spec, trace, network.states(values, x.double(), start), x, state) + gates

        return Proved(native.thing, yields)

    def filled(self, understood: Hypothesis, spec: Spec, budget: Budget, *, faults: bool) -> Hypothesis:
        try:
            looked_at = replace(spec, dtype=self._precision(understood, spec))
            make = lambda asked: self._instances.native(understood, asked, forgets=True)  # noqa: E731
            with isolated(getattr(torch, looked_at.dtype)):  # once for all the calls of the search
                filling = self._fill(make, looked_at, budget, faults)
            return replace(understood, filling=filling, problem=None)
        except MappingError as problem:
            found = understood.found
            if spec.variant is not None and found.convention.state is not None and not found.uses_state:
                other = self.filled(understood.without_state, spec, budget, faults=faults)
                if isinstance(other.filling, FoundMapping):
                    return replace(understood, filling=replace(other.filling, agrees=None), problem=None)
            return replace(understood, filling=None, problem=problem)

    def _precision(self, understood: Hypothesis, spec: Spec) -> Dtype:
        """The precision of a float64 run: float32 if the code fixes float32."""
        if understood.dtype is Dtype.FLOAT32:
            return Dtype.FLOAT32
        with suppress(CannotRun):
            native = self._instances.native(understood, spec, forgets=True)
            spread(native.thing)
            x = torch.randn(3, 2, spec.input_size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
            trace = native.run(x, initial_state(spec, 2))
            if trace.output.dtype == torch.float32 or trace.is_float32:
                return Dtype.FLOAT32
        return Dtype.FLOAT64


@dataclass(frozen=True)
class Shown:
    """The results of a hypothesis on random numbers."""

    understood: Hypothesis
    trace: Trace

    def is_like(self, other: "Shown") -> bool:
        """Whether nothing that its weights are found by tells it from the other."""
        if {"output", "h_n"} <= self.trace.unexposed:
            return False  # it shows nothing
        facts, others = self.understood.facts, other.understood.facts
        if replace(facts, read_as="", longest_output=None) != replace(others, read_as="", longest_output=None):
            return False
        if (self.understood.found.reading.tap is None) != (other.understood.found.reading.tap is None):
            return False
        pairs = zip(self.values(), other.values(), strict=True)
        return all(a.shape == b.shape and torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in pairs)

    def values(self) -> list[Tensor]:
        return [self.trace.output, *self.trace.final.tensors()]


def unused_inside(understood: Hypothesis) -> int:
    """How many weights change nothing where states are read inside the candidate: those of the layers behind."""
    filling = understood.filling
    if understood.found.reading.tap is None or not isinstance(filling, FoundMapping):
        return 0
    return sum(each.slug == DEAD for each in filling.findings)


def hides_output(understood: Hypothesis) -> bool:
    """Whether its last state alone is read, and not something else that it returns: from an initial state with other
    axes that may be its output, right or wrong.
    """
    reading, convention = understood.found.reading, understood.found.convention
    alone = reading.output is None and reading.tap is None and not convention.is_cell
    return alone and bool(understood.found.unread.strange)


def keeps_what_is_mixed(understood: Hypothesis, best: Hypothesis) -> bool:
    """Whether it keeps rows apart that the best one mixes, neither agrees, and what it shows was too little to tell."""
    mixed = best.agrees is False and not best.found.keeps_rows and not best.found.recurs
    return mixed and understood.found.keeps_rows and understood.problem is not None


def shows_more(understood: Hypothesis, without_output: Hypothesis) -> bool:
    """Whether it finds an output where the other, given a state with other axes, finds none."""
    reading, own, other = understood.found.reading, understood.found.convention, without_output.found.convention
    other_axes = own != other and own.state is not None and replace(own, state=other.state) == other
    return reading.output is not None and reading.tap is None and other_axes


def shaped(trace: Trace, spec: Spec) -> bool:
    """Whether what it shows is as wide as the states of this spec."""
    widths = {"output": (trace.output, spec.output_size), "h_n": (trace.final.h, spec.state_size)}
    return all(value.shape[-1] == width for name, (value, width) in widths.items() if name not in trace.unexposed)


def each_call_first(tried: Sequence[tuple[Hypothesis, CallProbe]]) -> list[tuple[Hypothesis, CallProbe]]:
    """One hypothesis for every way to call the candidate, then the others, each in their order.

    Of one way, the one by which most is returned: that an output looks like none may be the very fault.
    """
    of_each: dict[Convention, list[tuple[Hypothesis, CallProbe]]] = {}
    for pair in tried:
        of_each.setdefault(pair[0].found.convention, []).append(pair)
    chosen = [max(pairs, key=lambda pair: pair[0].found.reading.returned) for pairs in of_each.values()]
    return chosen + [pair for pair in tried if not any(pair is each for each in chosen)]
