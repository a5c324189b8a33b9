"""How a loaded candidate is built and called for a spec: found once, then used at every dtype."""

import inspect
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import torch

from rnncheck.data.random import initial_state
from rnncheck.errors import CannotRun
from rnncheck.implementations.protocol import Ignored
from rnncheck.mapping.native import Facts
from rnncheck.model.spec import Cell, Dtype, Spec
from rnncheck.user_code import sizes as sizes_
from rnncheck.user_code.arithmetics import arithmetics
from rnncheck.user_code.calling import MOST_PREFIXES, Caller
from rnncheck.user_code.construct import construct, constructor, signed
from rnncheck.user_code.decided import decided
from rnncheck.user_code.found import Found
from rnncheck.user_code.functions import Scheme, WithWeights, schemes
from rnncheck.user_code.isolation import Dice
from rnncheck.user_code.loading import Loaded
from rnncheck.user_code.native_layer import NativeLayer
from rnncheck.user_code.other_shapes import other_shape
from rnncheck.user_code.probing import Probe
from rnncheck.user_code.read_as import sentence
from rnncheck.user_code.signatures import Call, read
from rnncheck.user_code.tensors import held
from rnncheck.user_code.unread import passed_over, strangers

OF_A_DTYPE = re.compile(
    r"\bdtype\b|\bdtypes\b|\b[Dd]ouble\b|\bfloat64\b"
)  # so does torch complain of float64 and float32


@dataclass(frozen=True)
class Understood:
    found: Found
    call: Call
    facts: Facts
    dtype: Dtype  # at which it was looked at: float32 if that is written into it


class Understanding:
    """What is known of one candidate, spec by spec."""

    def __init__(self, loaded: Loaded, given: Mapping[str, object]) -> None:
        self._loaded, self._given = loaded, given
        self._constructor = constructor(loaded, given)
        self._dice = Dice()
        self._known: dict[Spec, Understood] = {}
        self._function: tuple[Callable[..., Any], Call] | None = None
        self._example: WithWeights | None = None
        if self._constructor is None and inspect.isfunction(loaded.thing):
            call = read(loaded.thing, holds_weights=False)
            self._function = (loaded.thing, call) if call.others else None

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        if self._constructor is not None and (reason := self._constructor.refuses(spec)):
            return reason
        if reason := other_shape(spec, self.takes, self._found_as):
            return reason
        understood = self._of(spec)
        convention = understood.found.convention
        if understood.dtype is Dtype.FLOAT32 and spec.dtype is not Dtype.FLOAT32:
            return f"float32 is written into its code, which fails in {spec.dtype}"
        if convention.numpy and spec.dtype not in (Dtype.FLOAT64, Dtype.FLOAT32):
            return f"it computes in numpy, which has no {spec.dtype}"
        if convention.numpy and spec.device != "cpu":
            return f"it computes in numpy, which has no {spec.device}"
        if lengths and not (convention.is_cell or convention.by_row or convention.lengths):
            return "it takes no lengths: neither a parameter for them nor a PackedSequence"
        if spec.head and "output" not in understood.facts.exposes:
            return "it does not expose the outputs that --head reads"
        return None

    def _found_as(self, spec: Spec) -> Found | None:
        try:
            return self._of(spec).found
        except CannotRun:
            return None

    @property
    def takes(self) -> frozenset[str]:
        """The roles that its constructor has parameters for."""
        return self._constructor.takes if self._constructor is not None else frozenset()

    @property
    def takes_cell_state(self) -> bool:
        """Whether it is a function that is given its weights, and a cell state."""
        return self._function is not None and self._function[1].cell_state is not None

    def holds(self, spec: Spec) -> tuple[Spec, list[tuple[int, ...]]] | None:
        """The shapes of all that it holds, at sizes that can be told apart if it can be built with them.

        None for what is built for whatever cell it is asked for. Raises `CannotRun` where it cannot be built.
        """
        if self._function is not None or "mode" in self.takes:
            return None
        own = sizes_.around(spec)
        for tried in (*([sizes_.all_different(spec)] if self._constructor is not None else []), own):
            try:
                thing = construct(self._loaded, self._constructor, tried.spec, tried.output_size)
            except CannotRun:
                if tried is own:
                    raise
            else:
                return tried.spec, [tuple(value.shape) for value in held(thing).values()]
        return None

    def doubt(self, spec: Spec) -> str | None:
        """What may be wrong when it is called as its signature offers."""
        found = self._of(spec).found
        if found.raised and not found.crashes:
            return f"given an initial state, it raises: {found.raised}"
        return strangers(found.unread)

    def passed_over(self, spec: Spec) -> list[str]:
        """What it returns and nobody compares, though nothing is wrong with that."""
        return passed_over(self._of(spec).found.unread)

    def decided(self, spec: Spec) -> list[str]:
        """What even an agreement has to say of how it is called."""
        unasked = bool(self._batch_first(spec)) and not spec.batch_first
        found = self._of(spec).found
        return decided(found.convention, found.reading, batch_first_by_default=unasked)

    def by_row(self, spec: Spec) -> bool:
        return self._of(spec).found.convention.by_row

    def crash(self, spec: Spec) -> str | None:
        """What is wrong when it is called as its signature offers."""
        found = self._of(spec).found
        return found.raised if found.crashes else None

    def ignored(self, spec: Spec) -> list[Ignored]:
        """Options that its constructor takes, and that have no effect on how it is called."""
        told = self._batch_first(spec)
        if not self._of(spec).found.ignores_batch_first or told is None:
            return []
        axes = "(T, B, I)" if told else "(B, T, I)"
        return [Ignored("batch_first", f"made with batch_first={told}, it reads x as {axes}")]

    def _batch_first(self, spec: Spec) -> bool | None:
        return self._constructor.batch_first(spec) if self._constructor is not None else None

    def facts(self, spec: Spec) -> Facts:
        return self._of(spec).facts

    def precision(self, spec: Spec) -> Dtype:
        """What it computes in when it is asked for float64: float32 if that is written into it."""
        if self._of(spec).dtype is Dtype.FLOAT32:
            return Dtype.FLOAT32
        double = replace(spec, dtype=Dtype.FLOAT64, device="cpu", head=None)
        with suppress(CannotRun):
            x = torch.zeros(2, 2, spec.input_size, dtype=torch.float64)
            if self.forgetful(double).run(x, initial_state(double, 2)).output.dtype == torch.float32:
                return Dtype.FLOAT32
        return Dtype.FLOAT64

    def forgetful(self, spec: Spec) -> NativeLayer:
        """For being looked at with many calls, each as if it were the first."""
        return self.native(spec, forgets=True)

    def native(self, spec: Spec, *, forgets: bool = False) -> NativeLayer:
        understood = self._of(spec)
        thing = self._made(spec, sizes_.output_size(spec))
        found, loaded = understood.found, self._loaded
        still = forgets and found.draws
        caller = Caller(thing, spec, found.convention, found.reading, loaded.called, loaded.file, still)
        with torch.inference_mode(False):  # whose tensors could not be written into
            dice = None if forgets else self._dice
            return NativeLayer(thing, caller, understood.facts, self._loaded.home, forgets=forgets, dice=dice)

    def _of(self, spec: Spec) -> Understood:
        narrow = int(spec.proj_size > 0)
        key = replace(spec, input_size=1, hidden_size=2, proj_size=narrow, dtype=Dtype.FLOAT64, device="cpu", head=None)
        if key not in self._known:
            self._known[key] = self._probed(spec)
        return self._known[key]

    def _probed(self, spec: Spec) -> Understood:
        """In float64, whatever the spec's dtype, or else in float32, if that is written into it."""
        try:
            return self._probed_in(Dtype.FLOAT64, spec)
        except CannotRun as problem:
            if not OF_A_DTYPE.search(str(problem)):
                raise
            return self._probed_in(Dtype.FLOAT32, spec)

    def _probed_in(self, dtype: Dtype, spec: Spec) -> Understood:
        first: CannotRun | None = None
        free = self._constructor is not None or self._function is not None
        tries = [sizes_.all_different(spec)] if free else []
        own = sizes_.around(spec)
        takes_input = self._constructor is None or "input_size" in self._constructor.takes
        for tried in (*tries, own) if takes_input or spec.input_size > 1 else (own, *tries):
            for scheme in schemes(spec) if self._function is not None and self._example is None else (None,):
                try:
                    with self._loaded.home.entered():
                        return self._probed_with(replace(tried, spec=replace(tried.spec, dtype=dtype)), scheme)
                except CannotRun as problem:
                    first = first or problem
        assert first is not None
        if hint := self.hint(spec):
            first.args = (f"{first}\n{hint}",)
        raise first

    def hint(self, spec: Spec) -> str | None:
        """Which size to give, where the constructor has only one of the two that it could be told."""
        if self._constructor is None or self._given:
            return None
        match self._constructor.takes & {"input_size", "hidden_size"}:
            case sizes if sizes == {"input_size"} and spec.input_size != spec.hidden_size:
                return f"Its constructor takes one size; if it is for both, say --input-size {spec.hidden_size}"
            case sizes if sizes == {"hidden_size"} and spec.input_size != 1:
                return "Its constructor takes no size of the input: if it reads one feature, say --input-size 1"
        return None

    @property
    def is_given_weights(self) -> bool:
        """Whether it is a function that has no weights of its own."""
        return self._function is not None

    def _made(self, spec: Spec, output_size: int, scheme: Scheme | None = None) -> object:
        """Constructed, or given weights of its own, in the shapes that were found or that `scheme` says."""
        if self._function is None:
            return construct(self._loaded, self._constructor, spec, output_size)
        function, call = self._function
        with torch.inference_mode(False):
            if self._example is None or scheme is not None:
                assert scheme is not None
                return WithWeights(function, call, scheme, spec, output_size)
            made = WithWeights(function, call, self._example.scheme, spec, output_size)
            made.learn(self._example)
            return made

    def _probed_with(self, tried: sizes_.Sizes, scheme: Scheme | None) -> Understood:
        thing = self._made(tried.spec, tried.output_size, scheme)
        spread(thing)
        call = thing.call if isinstance(thing, WithWeights) else read(signed(thing))
        takes = self.takes
        told = self._batch_first(tried.spec)
        batch_first = getattr(thing, "batch_first", None) if told is None else told
        one_feature = tried.spec.input_size == 1 and "input_size" not in takes
        found, problem = None, CannotRun("")
        for numpy in arithmetics(thing):
            try:
                found = Probe(self._loaded, thing, call, tried, batch_first, numpy, one_feature).convention()
                break
            except CannotRun as error:
                problem = problem if str(problem) else error
        if found is None:
            raise problem
        if isinstance(thing, WithWeights):
            self._example = thing
        facts = facts_of(found, tried, sentence(found, call, tried))
        return Understood(found, call, facts, tried.spec.dtype)


def facts_of(found: Found, tried: sizes_.Sizes, read_as: str) -> Facts:
    spec, reading, convention = tried.spec, found.reading, found.convention
    exposes = set()
    if convention.is_cell or reading.output is not None or (reading.h is not None and not spec.bidirectional):
        exposes.add("output")
    whole = reading.h is not None and (tried.states == 1 or "K" in reading.h.axes)
    if whole or (reading.h is None and spec.num_layers == 1):
        exposes.add("h_n")
    if reading.c is not None and (tried.states == 1 or "K" in reading.c.axes):
        exposes.add("c_n")
    longest = None if convention.is_cell or reading.output is not None else MOST_PREFIXES
    state = convention.state
    gives_c = state is not None and state.handing not in ("h", "[h]")
    return Facts(
        read_as,
        state is not None,
        gives_c or (state is not None and spec.cell is not Cell.LSTM),
        frozenset(exposes),
        longest,
    )


def spread(thing: object) -> None:
    """Random numbers in everything it holds: zeros, or what memory had left there, would show nothing."""
    drawn = torch.Generator().manual_seed(1)
    with torch.inference_mode(False), torch.no_grad():
        for value in held(thing).values():
            value.copy_(torch.randn(value.shape, generator=drawn, dtype=torch.float64) * 0.4)
