"""How a candidate is constructed and called for a spec: found once, then used at every dtype."""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from rnncheck.data.random import initial_state
from rnncheck.errors import CannotRun
from rnncheck.implementations.protocol import Ignored
from rnncheck.mapping import FoundMapping, MappingError
from rnncheck.mapping.agreement import agrees
from rnncheck.mapping.budget import SECONDS, Budget
from rnncheck.mapping.expression import Unused
from rnncheck.mapping.native import Facts
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights, draw
from rnncheck.scratch.network import Network
from rnncheck.user_code import sizes as sizes_
from rnncheck.user_code.activations import run_with_gates
from rnncheck.user_code.arithmetics import arithmetics
from rnncheck.user_code.blame import furthest
from rnncheck.user_code.calling import MOST_PREFIXES, Caller
from rnncheck.user_code.cells import Built, torch_cell
from rnncheck.user_code.construct import construct, construct_from, constructor, signed
from rnncheck.user_code.convention import Convention
from rnncheck.user_code.decided import decided
from rnncheck.user_code.found import Found
from rnncheck.user_code.functions import (
    Scheme,
    WithWeights,
    holding,
    schemes,
    weight_names,
    weights_wanted,
    with_settings,
)
from rnncheck.user_code.hints import inside_hint, is_embedded
from rnncheck.user_code.isolation import Dice, isolated
from rnncheck.user_code.jax_module import in_jax_module
from rnncheck.user_code.loading import Loaded
from rnncheck.user_code.native_layer import NativeLayer
from rnncheck.user_code.other_shapes import other_shape
from rnncheck.user_code.probing import Probe, Proved
from rnncheck.user_code.read_as import sentence
from rnncheck.user_code.returned import Quantity, passed_over, quantities, spelled, strangers
from rnncheck.user_code.signatures import Call, read
from rnncheck.user_code.tensors import held

OF_A_DTYPE = re.compile(
    r"\bdtype\b|\bdtypes\b|\b[Dd]ouble\b|\bfloat64\b"
)  # so does torch complain of float64 and float32


MOST_EXPLAINED = 3  # hypotheses for which every known fault is tried


class Filling(Protocol):
    """How a candidate is filled with canonical weights. `agrees`: filled so, it was seen to compute a known layer."""

    @property
    def agrees(self) -> Network | None: ...

    def restrict(self, weights: Weights) -> Weights: ...

    def fill(self, native: Any, weights: Mapping[str, Tensor]) -> None: ...


Fill = Callable[[Callable[[Spec], NativeLayer], Spec, Budget, bool], Filling]
"""Finds out how the candidate that a function builds is filled; the last argument says whether to look for faults too.

Raises `MappingError` where that cannot be found.
"""


@dataclass(frozen=True)
class Understood:
    """One hypothesis: how it is constructed, called, read and filled. `problem` is why it cannot be filled."""

    found: Found
    call: Call
    facts: Facts
    dtype: Dtype  # at which it was looked at: float32 if that is written into it
    example: WithWeights | Scheme | None = None
    filling: Filling | None = None
    problem: MappingError | None = None
    is_cut: bool = False  # the time was up before all hypotheses were tried
    part_agrees: bool = False  # one layer or direction of several agrees, and the whole was not read so
    in_part: bool = False  # this is such a layer or direction

    @property
    def agrees(self) -> bool:
        """Whether it was seen to compute a known layer, filled so."""
        return self.filling is not None and self.filling.agrees is not None

    def called_like(self, other: "Understood") -> bool:
        """Whether both say to call it and to read what it returns in the same way, at whatever sizes."""
        own, others = self.found, other.found
        return (own.reading, replace(own.convention, fixed=None)) == (
            others.reading,
            replace(others.convention, fixed=None),
        )

    @property
    def likely(self) -> bool:
        return (self.found.recurs and self.found.keeps_rows) or self.found.uses_state


class Understanding:
    """The knowledge about one candidate, for each spec. `fill` finds out how to fill it."""

    def __init__(self, loaded: Loaded, given: Mapping[str, object], fill: Fill, seconds: float = SECONDS) -> None:
        self._loaded, self._given, self._fill, self._seconds = loaded, given, fill, seconds
        self._constructor = constructor(loaded, given)
        self._dice = Dice()
        self._known: dict[Spec, Understood] = {}
        self._refused: dict[Spec, CannotRun] = {}
        self._function: tuple[Callable[..., Any], Call] | None = None
        self._run_shape: tuple[int, int] | None = None
        self._weights: tuple[str, ...] = ()  # that its constructor takes
        if isinstance(loaded.thing, type) and not given:
            self._weights = weights_wanted(loaded.thing)
        if self._constructor is None and inspect.isfunction(loaded.thing):
            function = with_settings(loaded.thing, given)
            call = read(function, holds_weights=False)
            self._function = (function, call) if call.others else None
            if given and not call.others:
                raise CannotRun(
                    f"--arg sets parameters of a constructor, and {loaded.called} is a function that is called as it "
                    "is; leave --arg out"
                )

    def expect(self, seq_len: int, batch_size: int) -> None:
        """Sets the timesteps and rows of the run, for a candidate that supports no others."""
        self._run_shape = seq_len, batch_size
        self._refused.clear()

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        if self._constructor is not None and (reason := self._constructor.refuses(spec)):
            return reason
        proved = (
            (known := self._understood_as(spec)) is not None
            and known.filling is not None
            and known.filling.agrees is not None
        )
        one_shape = proved or self.is_given_weights  # whose weights would be made for whatever shape is tried
        if not one_shape and (reason := other_shape(spec, self.takes, self._found_as)):
            return reason
        understood = self._of(spec)
        convention = understood.found.convention
        if understood.dtype is Dtype.FLOAT32 and spec.dtype is not Dtype.FLOAT32:
            return f"its code works in float32 only and fails in {spec.dtype}"
        if spec.dtype is not Dtype.FLOAT64 and self._is_double(understood, spec):
            return f"its code works in float64 only and fails in {spec.dtype}; add --dtype float64"
        if spec.dtype in (Dtype.BFLOAT16, Dtype.FLOAT16) and self._widens(understood, spec):
            return f"it is in jax and makes arrays without a dtype, which are of float32, so it fails in {spec.dtype}"
        if convention.numpy and spec.dtype not in (Dtype.FLOAT64, Dtype.FLOAT32):
            return f"it computes in numpy, which has no {spec.dtype}"
        if convention.numpy and spec.device != "cpu":
            return f"it computes in numpy, which runs on the cpu only, not on {spec.device}"
        if lengths and not (convention.is_cell or convention.by_row or convention.lengths or self._packs(spec)):
            return "it takes no lengths: it has no parameter for them and takes no PackedSequence"
        if spec.head and "output" not in understood.facts.exposes:
            return "it does not return the output of every timestep, which --head needs; leave --head out"
        return None

    def _packs(self, spec: Spec) -> bool:
        """Whether it accepts a PackedSequence as x. If so, rows with lengths are passed as a PackedSequence."""
        key = replace(spec, dtype=Dtype.FLOAT64, device="cpu", head=None)
        understood = self._of(spec)
        convention = replace(understood.found.convention, lengths="packed")
        packing = replace(understood, found=replace(understood.found, convention=convention))
        x = torch.randn(3, 2, spec.input_size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        dtype = getattr(torch, understood.dtype)
        try:
            native = self._native(packing, replace(key, dtype=understood.dtype), forgets=True)
            native.run(x.to(dtype), initial_state(key, 2).to("cpu", dtype), [3, 2])
        except CannotRun:
            return False
        self._known[key] = packing
        return True

    def _found_as(self, spec: Spec) -> Found | None:
        understood = self._understood_as(spec)
        return understood.found if understood is not None else None

    def _understood_as(self, spec: Spec) -> Understood | None:
        try:
            return self._of(spec)
        except CannotRun:
            return None

    def filling(self, spec: Spec) -> Filling:
        """How to fill it. Raises `MappingError` if that could not be found."""
        understood = self._of(spec)
        if understood.filling is None:
            assert understood.problem is not None
            raise understood.problem
        return understood.filling

    @property
    def takes(self) -> frozenset[str]:
        """The roles for which its constructor has parameters."""
        return self._constructor.takes if self._constructor is not None else frozenset()

    @property
    def takes_cell_state(self) -> bool:
        """Whether it is a function that takes its weights and a cell state."""
        return self._function is not None and self._function[1].cell_state is not None

    def holds(self, spec: Spec) -> Built | None:
        """What it holds, at sizes that can be told apart if it can be built with them.

        None for what is built for whatever cell it is asked for. Raises `CannotRun` where it cannot be built.
        """
        if self._function is not None or (self._constructor is not None and self._constructor.of_any_cell):
            return None
        own = sizes_.around(spec)
        for tried in (*([sizes_.all_different(spec)] if self._constructor is not None else []), own):
            try:
                thing = construct(self._loaded, self._constructor, tried.spec, tried.output_size)
            except CannotRun:
                if tried is own:
                    raise
            else:
                return Built(tried.spec, [tuple(value.shape) for value in held(thing).values()], torch_cell(thing))
        return None

    def doubt(self, spec: Spec) -> str | None:
        """A possible fault when it is called according to its signature."""
        understood = self._of(spec)
        found = understood.found
        if found.raised and not found.crashes:
            return f"given an initial state, it raises: {found.raised}"
        if understood.in_part:
            return (
                "only a part of it was compared, which agrees; it holds weights for more layers or directions; pass "
                "--num-layers N or --bidirectional"
            )
        return strangers(found.unread)

    def unsearched(self, spec: Spec) -> str | None:
        """Why rnncheck leaves the verdict open: it did not try every way to read it, or only a part agrees."""
        understood = self._of(spec)
        if understood.part_agrees:
            return (
                "it differs as rnncheck read it, but a part of it agrees, and it holds weights for more layers or "
                "directions; pass --num-layers N or --bidirectional"
            )
        if not understood.is_cut:
            return None
        return (
            f"it differs as rnncheck read it, but not every way to read it was tried in {self._seconds:g} seconds; "
            f"--read-seconds {4 * self._seconds:g} gives more time"
        )

    def passed_over(self, spec: Spec) -> list[str]:
        """Notes on results that rnncheck does not compare."""
        return passed_over(self._of(spec).found.unread)

    def decided(self, spec: Spec) -> list[str]:
        """The conventions of its call that the verdict names, also after an agreement."""
        unasked = bool(self._batch_first(spec)) and not spec.batch_first
        found = self._of(spec).found
        function = self._function[0] if self._function is not None else None
        settled = function.keywords if isinstance(function, partial) else {}
        told = [f"it is called with {name}={value!r}" for name, value in settled.items() if name not in self._given]
        return told + decided(found.convention, found.reading, batch_first_by_default=unasked)

    def by_row(self, spec: Spec) -> bool:
        return self._of(spec).found.convention.by_row

    def crash(self, spec: Spec) -> str | None:
        """The error when it is called according to its signature."""
        found = self._of(spec).found
        return found.raised if found.crashes else None

    def ignored(self, spec: Spec) -> list[Ignored]:
        """Options that its constructor takes, and that have no effect on how it is called."""
        told, found = self._batch_first(spec), self._of(spec).found
        if told is None:
            return []
        if found.ignores_batch_first:
            axes = "(T, B, I)" if told else "(B, T, I)"
            return [Ignored("batch_first", f"made with batch_first={told}, it reads x as {axes}")]
        output, x_axes = found.reading.output, found.convention.x_axes
        if not told or output is None or found.reading.tap is not None or "T" not in x_axes:
            return []
        order = [each for each in output.axes.replace("S", "T") if each in "TB"]
        if order != [each for each in x_axes if each in "TB"]:
            returns, reads = ", ".join((*order, "H")), ", ".join(x_axes.replace("F", "I"))
            seen = f"made with batch_first={told}, it reads x as ({reads}) and returns its output as ({returns})"
            return [Ignored("batch_first", seen)]
        return []

    def mixed(self, spec: Spec) -> list[str]:
        """Results with rows that depend on other rows of the batch."""
        return [spelled(way) for way in self._of(spec).found.unread.mixed]

    def _batch_first(self, spec: Spec) -> bool | None:
        return self._constructor.batch_first(spec) if self._constructor is not None else None

    def facts(self, spec: Spec) -> Facts:
        return self._of(spec).facts

    def native(self, spec: Spec, *, forgets: bool = False) -> NativeLayer:
        """Built for the spec. One that `forgets` takes many calls, each as if it were the first."""
        return self._native(self._of(spec), spec, forgets=forgets)

    def native_like(self, known: Spec, spec: Spec) -> NativeLayer:
        """Built for the spec as it was understood for another that is `known`, without a look whether that is right."""
        return self._native(self._of(known), spec)

    def _native(self, understood: Understood, spec: Spec, *, forgets: bool = False) -> NativeLayer:
        thing = self._made(spec, sizes_.output_size(spec), understood.example)
        found, loaded = understood.found, self._loaded
        still = forgets and found.draws
        caller = Caller(thing, spec, found.convention, found.reading, loaded.called, loaded.file, still)
        with torch.inference_mode(False):  # whose tensors could not be written into
            dice = None if forgets else self._dice
            return NativeLayer(thing, caller, understood.facts, self._loaded.home, forgets=forgets, dice=dice)

    def _of(self, spec: Spec) -> Understood:
        key = replace(spec, dtype=Dtype.FLOAT64, device="cpu", head=None)
        if key in self._refused:
            raise self._refused[key]
        if key not in self._known:
            try:
                self._known[key] = self._as_at_other_sizes(key) or self._best(key)
            except CannotRun as problem:
                self._refused[key] = problem
                raise
        return self._known[key]

    def _as_at_other_sizes(self, spec: Spec) -> Understood | None:
        """As it was understood at other sizes, or with a batch_first that it does not take, if it agrees."""
        for known_spec, known in self._known.items():
            at_these = replace(
                known_spec,
                input_size=spec.input_size,
                hidden_size=spec.hidden_size,
                batch_first=spec.batch_first,
            )
            if at_these != spec or not isinstance(known.filling, FoundMapping):
                continue
            if self._batch_first(known_spec) != self._batch_first(spec):
                continue
            if known.filling.agrees is None or known.facts.fixed is not None:
                continue
            network = type(known.filling.agrees)(spec)
            again = replace(known, filling=replace(known.filling, spec=spec, agrees=network))
            with suppress(CannotRun, MappingError):
                looked_at = replace(spec, dtype=known.dtype)
                native = self._native(again, looked_at, forgets=True)
                with isolated(getattr(torch, looked_at.dtype)):
                    if agrees(native, replace(known.filling, spec=looked_at), type(known.filling.agrees)(looked_at)):
                        return again
        return None

    def _best(self, spec: Spec) -> Understood:
        """The first hypothesis under which it agrees with a published layer, else with one that has a known fault.

        Else the likeliest. Raises `CannotRun` where there is none.
        """
        budget, tried = Budget(self._seconds), list[tuple[Understood, Probe]]()
        ways, seen, part_agrees = list[Understood](), list[_Shown](), False
        for each, probe in self._hypotheses(spec, budget, ways):
            if each.facts.fixed and any(each.called_like(other) for other in ways):
                continue  # it runs at other sizes, too, where there is more to see
            shown = self._shown(each, spec)
            like = None if shown is None else next((other for other in seen if shown.is_like(other)), None)
            if like is not None:  # the same numbers in, the same out: its weights are found, or not, in the same way
                ways += [each] if like.understood.filling is not None else []
                continue
            filled = self._filled(each, spec, budget, faults=False)
            ways += [each] if filled.filling is not None else []
            seen += [replace(shown, understood=filled)] if shown is not None else []
            in_part = filled.agrees and self._in_part(filled, probe)
            part_agrees = part_agrees or in_part
            if filled.agrees and not in_part:
                finished = self._finished(filled, probe)
                inside = finished.found.reading.tap is not None and finished.found.unread.strange
                if not inside or all(other.found.reading.tap is not None for other, _ in tried):
                    return finished
            tried.append((filled, probe))
            if budget.over:
                break
        cut = budget.over
        tried.sort(key=lambda pair: pair[0].agrees)  # the sort is stable; what agrees in part comes last
        explained: list[tuple[Understood, Probe]] = []
        is_cell = tried[0][0].found.convention.is_cell
        alike = [pair for pair in tried if pair[0].found.convention.is_cell == is_cell and not pair[0].agrees]
        for each, probe in each_call_first(alike)[:MOST_EXPLAINED]:
            filled = self._filled(each, spec, budget, faults=True)
            if filled.agrees and not self._in_part(filled, probe):
                return self._finished(filled, probe)
            explained.append((filled, probe))
        every = [*explained, *tried]
        filled_ones = (pair for pair in every if pair[0].filling is not None and pair[0].likely >= every[0][0].likely)
        best, probe = next(filled_ones, every[0])
        in_part = bool(best.agrees) and self._in_part(best, probe)
        return replace(self._finished(best, probe), is_cut=cut, part_agrees=part_agrees, in_part=in_part)

    def _shown(self, understood: Understood, spec: Spec) -> "_Shown | None":
        """Its results on random numbers; None if it cannot run at these sizes."""
        seq_len, batch = understood.facts.fixed or (4, 3)
        drawn = torch.Generator().manual_seed(2)
        with suppress(CannotRun):
            native = self._native(understood, replace(spec, dtype=understood.dtype), forgets=True)
            spread(native.thing)
            dtype = getattr(torch, understood.dtype)
            x = torch.randn(seq_len, batch, spec.input_size, generator=drawn, dtype=torch.float64).to(dtype)
            start = initial_state(spec, batch).map(lambda each: torch.randn(each.shape, generator=drawn).to(dtype))
            start = start if understood.facts.takes_state else start.map(torch.zeros_like)
            return _Shown(understood, native.run(x, start))
        return None

    def _in_part(self, understood: Understood, probe: Probe) -> bool:
        """Whether what is read inside of it is one layer or direction of several: weights like its own are left."""
        if understood.found.reading.tap is None or not isinstance(understood.filling, FoundMapping):
            return False
        spec, entries = probe.sizes.spec, understood.filling.entries
        rows = spec.cell.gates * spec.hidden_size
        columns = {spec.input_size, spec.hidden_size, spec.output_size, spec.input_size + spec.hidden_size}
        native = self._native(understood, spec)
        tables = {id(each.weight) for each in modules(native.thing) if isinstance(each, nn.Embedding)}
        left = [
            value
            for name, value in native.tensors().items()
            if name in entries and isinstance(entries[name].expression, Unused) and value.dim() == 2
        ]
        like = [each for each in left if any((rows, other) in (each.shape, each.shape[::-1]) for other in columns)]
        return sum(id(each) not in tables for each in like) > 1

    def _finished(self, understood: Understood, probe: Probe) -> Understood:
        """Completes it with the other results that it returns, and compares those that are states."""
        with self._loaded.home.entered():
            found = probe.sorted(understood.found, self._proved(understood, probe))
        facts = facts_of(found, probe.sizes, sentence(found, understood.call, probe.sizes))
        return replace(understood, found=found, facts=facts)

    def _proved(self, understood: Understood, probe: Probe) -> Proved | None:
        """It with the weights of a layer that it agrees with, and what that layer yields."""
        filling, spec = understood.filling, probe.sizes.spec
        if filling is None or filling.agrees is None:
            return None
        weights = filling.restrict(draw(spec, 1))
        native = self._native(understood, spec, forgets=True)
        with torch.no_grad():
            filling.fill(native, weights.cast(spec))
        network = type(filling.agrees)(spec)

        def yields(x: Tensor, state: State) -> list[Quantity]:
            values, start = weights.values, state.to("cpu", torch.float64)
            trace, gates = run_with_gates(network, values, x.double(), start)
            return quantities(spec, trace, network.states(values, x.double(), start), x, state) + gates

        return Proved(native.thing, yields)

    def _filled(self, understood: Understood, spec: Spec, budget: Budget, *, faults: bool) -> Understood:
        try:
            looked_at = replace(spec, dtype=self._precision(understood, spec))
            make = lambda asked: self._native(understood, asked, forgets=True)  # noqa: E731
            with isolated(getattr(torch, looked_at.dtype)):  # once for all the calls of the search
                filling = self._fill(make, looked_at, budget, faults)
            return replace(understood, filling=filling, problem=None)
        except MappingError as problem:
            return replace(understood, filling=None, problem=problem)

    def _precision(self, understood: Understood, spec: Spec) -> Dtype:
        """The precision of a float64 run: float32 if the code fixes float32."""
        if understood.dtype is Dtype.FLOAT32:
            return Dtype.FLOAT32
        with suppress(CannotRun):
            native = self._native(understood, spec, forgets=True)
            spread(native.thing)
            x = torch.randn(3, 2, spec.input_size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
            trace = native.run(x, initial_state(spec, 2))
            if trace.output.dtype == torch.float32 or trace.is_float32:
                return Dtype.FLOAT32
        return Dtype.FLOAT64

    def _is_double(self, understood: Understood, spec: Spec) -> bool:
        """Whether it fails at the spec's dtype because its code requires float64."""
        seq_len, batch = understood.facts.fixed or (2, 2)
        dtype = getattr(torch, spec.dtype)
        try:
            native = self._native(understood, replace(spec, device="cpu"), forgets=True)
            native.run(
                torch.zeros(seq_len, batch, spec.input_size, dtype=dtype), initial_state(spec, batch).to("cpu", dtype)
            )
        except CannotRun as problem:
            return bool(OF_A_DTYPE.search(str(problem)))
        return False

    def _widens(self, understood: Understood, spec: Spec) -> bool:
        """Whether it is in jax and fails at the spec's dtype, or returns float32: jax has no default dtype to set."""
        seq_len, batch = understood.facts.fixed or (2, 2)
        dtype = getattr(torch, spec.dtype)
        native = self._native(understood, replace(spec, device="cpu"), forgets=True)
        if not in_jax_module(native.thing):
            return False
        x, start = torch.zeros(seq_len, batch, spec.input_size, dtype=dtype), initial_state(spec, batch)
        try:
            return bool(native.run(x, start.to("cpu", dtype)).output.dtype != dtype)
        except CannotRun as problem:
            return bool(OF_A_DTYPE.search(str(problem)))

    def _hypotheses(self, spec: Spec, budget: Budget, ways: Sequence[Understood]) -> Iterator[tuple[Understood, Probe]]:
        """In float64, whatever the spec's dtype, and in float32, if that is written into it.

        `ways` are those that were searched, to which the caller adds: they are not tried at the run's sizes again.
        """
        problems: list[CannotRun] = []
        some = False
        for dtype in (Dtype.FLOAT64, Dtype.FLOAT32):
            for understood, probe in self._hypotheses_in(dtype, spec, budget, problems, ways):
                some = True
                yield understood, probe
            if some or not any(OF_A_DTYPE.search(str(each)) for each in problems):
                break
        if not some:
            first = furthest([each for each in problems if not OF_A_DTYPE.search(str(each))] or problems)
            if hint := self.hint(spec):
                first.args = (f"{first}\n{hint}",)
            raise first

    def _hypotheses_in(
        self, dtype: Dtype, spec: Spec, budget: Budget, problems: list[CannotRun], ways: Sequence[Understood]
    ) -> Iterator[tuple[Understood, Probe]]:
        free = self._constructor is not None or self._function is not None
        different = sizes_.all_different(spec)
        tries = [different, replace(different, output_size=different.spec.output_size)] if free else []
        own = sizes_.around(spec)
        takes_input = self._constructor is None or "input_size" in self._constructor.takes
        if spec.input_size == 1:
            tries = [replace(each, spec=replace(each.spec, input_size=1)) for each in tries]
        likely, given = False, [sizes_.around(spec, self._run_shape)] if self._run_shape else []
        for tried in (*tries, own, *given) if takes_input or spec.input_size > 1 else (own, *tries, *given):
            if likely and not tried.fixed:
                continue
            for scheme in self._schemes(spec):
                if budget.over:
                    break
                sized = replace(tried, spec=replace(tried.spec, dtype=dtype))
                known = [each.found.convention for each in ways] if tried.fixed and scheme is None else []
                try:
                    for understood, probe in self._probed(sized, scheme, problems, known):
                        likely = likely or understood.likely
                        yield understood, probe
                except CannotRun as problem:
                    problems.append(problem)

    def hint(self, spec: Spec) -> str | None:
        """Which size to give, where the constructor has only one of the two that it could be told."""
        if self._constructor is None or self._given:
            return None
        with suppress(CannotRun):
            tried = sizes_.all_different(spec)
            if is_embedded(construct(self._loaded, self._constructor, tried.spec, tried.output_size), tried.spec):
                return f"Its embedding is as wide as its hidden state; add --input-size {spec.hidden_size}"
            thing = construct(self._loaded, self._constructor, spec, sizes_.output_size(spec))
            if hint := inside_hint(thing, self._constructor.takes, spec):
                return hint
        match self._constructor.takes & {"input_size", "hidden_size"}:
            case sizes if sizes == {"input_size"} and spec.input_size != spec.hidden_size:
                return f"Its constructor takes one size; if both sizes are equal, add --input-size {spec.hidden_size}"
            case sizes if sizes == {"hidden_size"} and spec.input_size != 1:
                return "Its constructor takes no input size; if the layer reads one feature, add --input-size 1"
        return None

    @property
    def is_given_weights(self) -> bool:
        """Whether it is a function without weights of its own."""
        return self._function is not None

    def _schemes(self, spec: Spec) -> Iterable[Scheme | None]:
        """The shapes of weights to try, for a function that takes its weights."""
        if self._weights or self._function is not None:
            function, call = self._function or (None, None)
            named = weight_names(function, call.others) if function is not None and call is not None else self._weights
            return schemes(spec, named)
        return (None,)

    def _made(
        self, spec: Spec, output_size: int, example: WithWeights | Scheme | None, scheme: Scheme | None = None
    ) -> object:
        """Constructed, or given weights of its own, in the shapes that were found or that `scheme` says."""
        if self._weights:
            held_as = example if isinstance(example, Scheme) else scheme
            assert held_as is not None
            return construct_from(
                self._loaded, partial(holding, self._loaded.thing, self._weights, held_as), spec, output_size
            )
        assert not isinstance(example, Scheme)
        if self._function is None:
            return construct(self._loaded, self._constructor, spec, output_size)
        function, call = self._function
        with torch.inference_mode(False):
            if example is None:
                assert scheme is not None
                return WithWeights(function, call, scheme, spec, output_size)
            made = WithWeights(function, call, example.scheme, spec, output_size)
            made.learn(example)
            return made

    def _probed(
        self,
        tried: sizes_.Sizes,
        scheme: Scheme | None,
        problems: list[CannotRun],
        known: Sequence[Convention],
    ) -> Iterator[tuple[Understood, Probe]]:
        with self._loaded.home.entered():
            thing = self._made(tried.spec, tried.output_size, None, scheme)
        spread(thing)
        call = thing.call if isinstance(thing, WithWeights) else read(signed(thing))
        told = self._batch_first(tried.spec)
        batch_first = getattr(thing, "batch_first", None) if told is None else told
        fixed = (tried.seq_len, tried.batch_size) if tried.fixed else None
        one_feature = tried.spec.input_size == 1 and "input_size" not in self.takes
        example = thing if isinstance(thing, WithWeights) else scheme
        problem, some = CannotRun(""), False
        for numpy in arithmetics(thing):
            probe = Probe(self._loaded, thing, call, tried, batch_first, numpy, one_feature, fixed, known)
            try:
                hypotheses = probe.hypotheses()
                while True:
                    with self._loaded.home.entered():
                        found = next(hypotheses, None)
                    if found is None:
                        break
                    some = True
                    facts = facts_of(found, tried, sentence(found, call, tried))
                    yield Understood(found, call, facts, tried.spec.dtype, example), probe
            except CannotRun as error:
                problem = problem if str(problem) else error
            problems += [each for _, each in probe.problems if OF_A_DTYPE.search(str(each))]
            if some:
                return
        raise problem


def each_call_first(tried: Sequence[tuple[Understood, Probe]]) -> list[tuple[Understood, Probe]]:
    """One hypothesis for every way to call the candidate, then the others, each in their order."""
    conventions = [each.found.convention for each, _ in tried]
    return sorted(tried, key=lambda pair: pair[0].found.convention in conventions[: tried.index(pair)])


def facts_of(found: Found, tried: sizes_.Sizes, read_as: str) -> Facts:
    spec, reading, convention = tried.spec, found.reading, found.convention
    exposes = set()
    last_alone = reading.h is not None and not spec.bidirectional and convention.fixed is None
    if convention.is_cell or reading.output is not None or last_alone:
        exposes.add("output")
    whole = reading.h is not None and (tried.states == 1 or "K" in reading.h.axes)
    if whole or (reading.h is None and spec.num_layers == 1):
        exposes.add("h_n")
    if reading.c is not None and (tried.states == 1 or "K" in reading.c.axes):
        exposes.add("c_n")
    prefixes = not convention.is_cell and reading.output is None and convention.fixed is None
    longest = MOST_PREFIXES if prefixes else None
    state = convention.state
    gives_c = state is not None and state.handing not in ("h", "[h]")
    return Facts(
        read_as,
        state is not None,
        gives_c or (state is not None and spec.cell is not Cell.LSTM),
        frozenset(exposes),
        longest,
        convention.by_row,
        convention.fixed,
    )


def modules(thing: object) -> Iterable[nn.Module]:
    return thing.modules() if isinstance(thing, nn.Module) else ()


def spread(thing: object) -> None:
    """Fills all its tensors with random numbers, because zeros or uninitialised memory would show nothing."""
    drawn = torch.Generator().manual_seed(1)
    with torch.inference_mode(False), torch.no_grad():
        for value in held(thing).values():
            value.copy_(torch.randn(value.shape, generator=drawn, dtype=torch.float64) * 0.4)


@dataclass(frozen=True)
class _Shown:
    """The results of a hypothesis on random numbers."""

    understood: Understood
    trace: Trace

    def is_like(self, other: "_Shown") -> bool:
        """Whether nothing that its weights are found by tells it from the other."""
        facts, others = self.understood.facts, other.understood.facts
        if replace(facts, read_as="", longest_output=None) != replace(others, read_as="", longest_output=None):
            return False
        if (self.understood.found.reading.tap is None) != (other.understood.found.reading.tap is None):
            return False
        pairs = zip(self.values(), other.values(), strict=True)
        return all(a.shape == b.shape and torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in pairs)

    def values(self) -> list[Tensor]:
        final = self.trace.final
        return [self.trace.output, final.h, *([] if final.c is None else [final.c])]
