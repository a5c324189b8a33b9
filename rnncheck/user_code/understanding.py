"""What is known of a candidate, for each spec: found once, then used at every dtype."""

from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from rnncheck.data.random import initial_state
from rnncheck.errors import CannotRun
from rnncheck.implementations.protocol import Ignored
from rnncheck.mapping import FoundMapping, MappingError
from rnncheck.mapping.agreement import agrees, is_affine_in
from rnncheck.mapping.budget import SECONDS, Budget
from rnncheck.mapping.expression import Unused
from rnncheck.mapping.native import Facts
from rnncheck.mapping.notes import another_layer
from rnncheck.model.randomness import Draws, Stream
from rnncheck.model.spec import Dtype, Spec
from rnncheck.model.trace import dtype_of
from rnncheck.text import printable
from rnncheck.user_code.blame import CandidateError
from rnncheck.user_code.hypothesis import Fill, Filling, Hypothesis
from rnncheck.user_code.instances import Instances
from rnncheck.user_code.isolation import isolated
from rnncheck.user_code.jax_module import in_jax_module
from rnncheck.user_code.movers import movers
from rnncheck.user_code.native_layer import NativeLayer
from rnncheck.user_code.proposals import OF_A_DTYPE, Proposals
from rnncheck.user_code.read_as import decided, exchanged_axes
from rnncheck.user_code.refusals import other_shape
from rnncheck.user_code.results import Way, leaves
from rnncheck.user_code.returned import passed_over, spelled, strangers
from rnncheck.user_code.search import Search
from rnncheck.user_code.tensors import held


class Understanding:
    """The knowledge about one candidate, for each spec. `fill` finds out how to fill it."""

    def __init__(self, instances: Instances, fill: Fill, seconds: float = SECONDS) -> None:
        self._instances, self._seconds = instances, seconds
        self._proposals = Proposals(instances)
        self._search = Search(instances, self._proposals, fill, seconds)
        self._known: dict[Spec, Hypothesis] = {}
        self._refused: dict[Spec, CannotRun] = {}
        self._others = Budget(seconds)  # for how it may be understood otherwise

    def expect(self, seq_len: int, batch_size: int) -> None:
        """Sets the timesteps and rows of the run, for a candidate that supports no others."""
        self._proposals.run_shape = seq_len, batch_size
        if self._instances.constructor is not None:
            self._instances.constructor.run_shape = seq_len, batch_size
        self._refused.clear()

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        if self._instances.constructor is not None and (reason := self._instances.constructor.refuses(spec)):
            return reason
        if spec.input_size != 1 and any(
            each.agrees and each.found.convention.of_numbers for each in self._known.values()
        ):
            return "it reads one number at each timestep, so its input_size can only be 1"
        proved = (
            (known := self._understood_as(spec)) is not None
            and known.filling is not None
            and known.filling.agrees is not None
        )
        self._others = Budget(self._seconds)
        # The weights of a function would be made for whatever shape is tried; and what is known at other sizes says it.
        one_shape = proved or self._instances.is_given_weights or self._agrees_at_other_sizes(spec)
        if not one_shape and (reason := other_shape(spec, self._instances.takes, self._understood_as)):
            return reason
        understood = self._of(spec)
        convention = understood.found.convention
        if convention.numpy and spec.dtype not in (Dtype.FLOAT64, Dtype.FLOAT32):
            return f"it computes in numpy, which has no {spec.dtype}"
        if understood.dtype is Dtype.FLOAT32 and spec.dtype is not Dtype.FLOAT32:
            return f"its code works in float32 only and fails in {spec.dtype}"
        if spec.dtype is not Dtype.FLOAT64 and self._is_double(understood, spec):
            return f"its code works in float64 only and fails in {spec.dtype}; add --dtype float64"
        if spec.dtype in (Dtype.BFLOAT16, Dtype.FLOAT16) and self._widens(understood, spec):
            return f"it is in jax and makes arrays without a dtype, which are of float32, so it fails in {spec.dtype}"
        if convention.numpy and spec.device != "cpu":
            return f"it computes in numpy, which runs on the cpu only, not on {spec.device}"
        if lengths and not (convention.is_cell or convention.by_row or convention.lengths or self._packs(spec)):
            return "it takes no lengths: it has no parameter for them and takes no PackedSequence"
        if spec.head and "output" not in understood.facts.exposes:
            return "it does not return the output of every timestep, which --head needs; leave --head out"
        return None

    def _agrees_at_other_sizes(self, spec: Spec) -> bool:
        """Whether it agrees with a published layer of this shape at other sizes."""
        return any(
            each.agrees and replace(known, input_size=spec.input_size, hidden_size=spec.hidden_size) == plain(spec)
            for known, each in self._known.items()
        )

    def _packs(self, spec: Spec) -> bool:
        """Whether it accepts a PackedSequence as x. If so, rows with lengths are passed as a PackedSequence."""
        key = plain(spec)
        understood = self._of(spec)
        convention = replace(understood.found.convention, lengths="packed")
        packing = replace(understood, found=replace(understood.found, convention=convention))
        x = torch.randn(3, 2, spec.input_size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        dtype = getattr(torch, understood.dtype)
        try:
            native = self._instances.native(packing, replace(key, dtype=understood.dtype), forgets=True)
            native.run(x.to(dtype), initial_state(key, 2).to("cpu", dtype), [3, 2])
        except CannotRun:
            return False
        self._known[key] = packing
        return True

    def _understood_as(self, spec: Spec) -> Hypothesis | None:
        raises_always = any(isinstance(each, CandidateError) and each.always for each in self._refused.values())
        if self._others.over or raises_always:
            return None
        try:
            return self._of(spec)
        except CannotRun:
            return None

    def filling(self, spec: Spec) -> Filling:
        """How to fill it. Raises `MappingError` if that could not be found."""
        understood = self._of(spec)
        if understood.filling is None:
            assert understood.problem is not None
            if understood.as_wide and "output_size" in self._instances.takes:
                raise MappingError(
                    "rnncheck read it through its head, made as wide as its states, and found no weights of torch's; "
                    "return the output of every timestep, before the head"
                ) from understood.problem
            raise understood.problem
        return understood.filling

    def doubt(self, spec: Spec) -> str | None:
        """A possible fault when it is called according to its signature."""
        understood = self._of(spec)
        found = understood.found
        if understood.in_part or (found.crashes and self._holds_more(understood, spec)):
            return (
                "only a part of it was compared, which agrees; it holds weights for more layers or directions; pass "
                "--num-layers N or --bidirectional"
            )
        if found.guess is not None:
            return (
                f"given {found.guess} as its initial state it differs from the reference, and without {found.guess} it "
                f"agrees; rename {found.guess}: h0 if it is the initial state, condition if it is not"
            )
        if found.raised and not found.crashes:
            return f"given an initial state, it raises: {found.raised}"
        if found.convention.is_cell and found.convention.x_axes.count("1") > 1:
            return "it runs with one timestep of one row alone, x (1, 1, I), and raises an error with more"
        return strangers(found.unread)

    def unsearched(self, spec: Spec) -> str | None:
        """Why rnncheck leaves the verdict open: it did not try every way to read it, or only a part agrees."""
        understood = self._of(spec)
        if understood.part_agrees:
            return (
                "it differs as rnncheck read it, but a part of it agrees, and it holds weights for more layers or "
                "directions; pass --num-layers N or --bidirectional"
            )
        if understood.as_wide and "output_size" in self._instances.takes and not understood.agrees:
            return (
                "it differs as rnncheck read it, which is through its head, made as wide as its states; return the "
                "states too"
            )
        if understood.last_alone and self._search.begins_right(understood, replace(spec, dtype=Dtype.FLOAT64)):
            return (
                "what it returns is its state after one timestep, and differs after more; it may be something else of "
                "all states, such as their mean; return the output of every timestep"
            )
        if head := self._head_as_wide(understood, spec):
            return (
                f"it differs as rnncheck read it, and {head} may be a head, which is as wide as the output of its "
                "states; return the output before it too"
            )
        if guessed := self._guessed(understood):
            return (
                f"it differs as rnncheck read it, which is a guess: {printable(guessed)} multiplies x and the state in "
                "another order; assign its tensors with --mapping FILE.toml"
            )
        if not understood.is_cut:
            return None
        return (
            f"it differs as rnncheck read it, but not every way to read it was tried in {self._seconds:g} seconds; "
            f"--read-seconds {4 * self._seconds:g} gives more time"
        )

    def _head_as_wide(self, understood: Hypothesis, spec: Spec) -> str | None:
        """A matrix that torch does not have, square and as wide as the output, that may be applied to that alone."""
        filling = understood.filling
        if not isinstance(filling, FoundMapping) or filling.agrees is not None:
            return None
        native = self._instances.native(understood, replace(spec, dtype=understood.dtype, device="cpu"), forgets=True)
        square, tensors = (spec.output_size, spec.output_size), native.tensors()
        with suppress(CannotRun), isolated(getattr(torch, understood.dtype)):
            for name in filling.beyond:
                if tensors[name].shape == square and is_affine_in(native, name):
                    return name
        return None

    def _guessed(self, understood: Hypothesis) -> str | None:
        """A tensor that multiplies what it is given in another order, where no agreement proves the reading."""
        filling = understood.filling
        if not isinstance(filling, FoundMapping) or filling.agrees is not None:
            return None
        return next(iter(filling.guessed), None)

    def passed_over(self, spec: Spec) -> list[str]:
        """Notes on results, and on what is computed of x, that rnncheck does not compare."""
        understood = self._of(spec)
        found, lengths = understood.found, understood.call.lengths
        enters = found.convention.enters
        before = [f"what it computes of x before its module {enters} was not compared"] if enters else []
        if lengths is not None and found.convention.lengths_name is None:
            before.append(f"its parameter {lengths} was left out: given numbers of timesteps, the call fails")
        return before + passed_over(found.unread)

    def decided(self, spec: Spec) -> list[str]:
        """The conventions of its call that the verdict names, also after an agreement."""
        unasked = bool(self._instances.batch_first(spec)) and not spec.batch_first
        found = self._of(spec).found
        function = self._instances.function[0] if self._instances.function is not None else None
        settled = function.keywords if isinstance(function, partial) else {}
        told = [
            f"it is called with {name}={value!r}"
            for name, value in settled.items()
            if name not in self._instances.given
        ]
        if self._instances.constructor is not None and self._instances.constructor.of_both:
            told.append("its hidden size is that of both directions together")
        return told + decided(found.convention, found.reading, batch_first_by_default=unasked)

    def computes(self, variant: Spec, read_as: Spec, budget: Budget) -> bool:
        """Whether it computes this variant, called as it is called for the spec `read_as`."""
        understood = self._of(read_as)
        way = understood if understood.found.uses_state else understood.without_state
        with torch.inference_mode(False), torch.enable_grad():
            return self._search.filled(way, variant, budget, faults=False).agrees

    def is_of_other_parts(self, plain: Spec, several: Spec) -> bool:
        """Whether all that it holds for more layers or directions than `plain` has belongs to something else.

        It agrees with `plain`. Made as `several`, it must still do so, and every tensor that it does not hold as
        `plain`, or that an instance does not use, must change what it returns. A class that holds nothing more ignores
        the number.
        """
        understood, lives = self._of(plain), self._instances.loaded.lives
        filling, network = understood.filling, understood.filling.agrees if understood.filling else None
        if not isinstance(filling, FoundMapping) or network is None or understood.facts.fixed:
            return False
        plain, several = (replace(each, dtype=understood.dtype) for each in (plain, several))
        own, made = (self._instances.native(understood, each, forgets=True) for each in (plain, several))
        known = {each for each in own.tensors() if not (lives and isinstance(filling.entries[each].expression, Unused))}
        more, dtype = made.tensors().keys() - known, getattr(torch, understood.dtype)
        caller = replace(made.caller, spec=plain)
        with isolated(dtype):
            if not agrees(made.called_by(caller), replace(filling, spec=plain), type(network)(plain)):
                return False
        x, state = (
            Draws(0, Stream.SEQUENCES).normal((4, 3, plain.input_size)).to(dtype),
            initial_state(plain, 3).to("cpu", dtype),
        )

        def seen(thing: Any) -> dict[Way, Tensor]:
            return dict(leaves(replace(caller, thing=thing).result(x, state), {}))

        with isolated(dtype), torch.no_grad():
            moved = frozenset[str]().union(*movers(made.thing, seen).values())
        return more <= moved and (bool(more) or lives)

    def is_the_same(self, plain: Spec, several: Spec) -> bool:
        """Whether it is the layer of `plain`, and holds and returns the same for more layers or directions."""
        if self._instances.constructor is None or self._instances.as_of(plain, several) is None:
            return False
        if self._agrees(several) or not self._agrees(plain):
            return False  # it may be that it always has several
        understood = self._of(plain)
        plain, several = (replace(each, dtype=understood.dtype) for each in (plain, several))
        caller = self._instances.native(understood, plain, forgets=True).caller
        dtype, (steps, rows) = getattr(torch, understood.dtype), understood.facts.fixed or (4, 3)
        x = Draws(0, Stream.SEQUENCES).normal((steps, rows, plain.input_size)).to(dtype)
        state = initial_state(plain, rows).to("cpu", dtype)
        with isolated(dtype), torch.no_grad(), suppress(Exception):  # it may fail in any way where it is not asked
            things = [caller.thing, self._instances.as_of(plain, several)]
            own = held(caller.thing)
            for name, value in held(things[1]).items():
                value.copy_(own[name])
            one, other = (dict(leaves(replace(caller, thing=each).result(x, state), {})) for each in things)
            return one.keys() == other.keys() and all(torch.equal(value, other[way]) for way, value in one.items())
        return False

    def _agrees(self, spec: Spec) -> bool:
        try:
            filling = self._of(spec).filling
        except CannotRun:
            return False
        return filling is not None and filling.agrees is not None

    def by_row(self, spec: Spec) -> bool:
        return self._of(spec).found.convention.by_row

    def crash(self, spec: Spec) -> str | None:
        """The error when it is called according to its signature, as a layer of all that it holds."""
        understood = self._of(spec)
        found = understood.found
        part = understood.in_part or (found.crashes and self._holds_more(understood, spec))
        return found.raised if found.crashes and not part else None

    def _holds_more(self, understood: Hypothesis, spec: Spec) -> bool:
        """Whether it has weights for one more layer or direction, which it may want a state for, too."""
        if not isinstance(understood.filling, FoundMapping):
            return False
        held = self._instances.native(understood, spec).tensors()
        return bool(another_layer(understood.filling, {name: value.shape for name, value in held.items()}))

    def ignored(self, spec: Spec) -> list[Ignored]:
        """Options that its constructor takes, and that have no effect on how it is called."""
        told, found = self._instances.batch_first(spec), self._of(spec).found
        if told is None:
            return []
        if found.ignores_batch_first:
            axes = "(T, B, I)" if told else "(B, T, I)"
            return [Ignored("batch_first", f"made with batch_first={told}, it reads x as {axes}")]
        output, x_axes = found.reading.output, found.convention.x_axes
        asked = told or self._instances.told_batch_first
        if not asked or output is None or found.reading.tap is not None or "T" not in x_axes:
            return []
        order = [each for each in output.axes.replace("S", "T") if each in "TB"]
        if order != [each for each in x_axes if each in "TB"]:
            returns, reads = ", ".join((*order, "H")), ", ".join(x_axes.replace("F", "I"))
            seen = f"made with batch_first={told}, it reads x as ({reads}) and returns its output as ({returns})"
            return [Ignored("batch_first", seen, half=True)]
        return []

    def has_lengths(self, spec: Spec) -> bool:
        """Whether it has a parameter for lengths."""
        return self._of(spec).found.convention.lengths == "argument"

    def packed(self, spec: Spec) -> bool:
        """Whether it takes its sequences packed, and in no other way."""
        return self._of(spec).found.convention.lengths == "always packed"

    def mixed(self, spec: Spec) -> list[str]:
        """Results with rows that depend on other rows of the batch."""
        return [spelled(way) for way in self._of(spec).found.unread.mixed]

    def single(self, spec: Spec) -> list[tuple[str, int]]:
        """Results that depend on one row of the batch, which is not the first, and that row."""
        return [(spelled(way), row) for way, row in self._of(spec).found.unread.single if row]

    def exchanged(self, spec: Spec) -> str | None:
        """How h and c are returned, where the batch has another place in c than in h."""
        return exchanged_axes(self._of(spec).found.reading)

    def cut(self, spec: Spec) -> list[str]:
        """Results through which no gradient reaches the states."""
        return [spelled(way) for way in self._of(spec).found.unread.cut]

    def facts(self, spec: Spec) -> Facts:
        return self._of(spec).facts

    def native(self, spec: Spec, *, forgets: bool = False) -> NativeLayer:
        """Built for the spec. One that `forgets` takes many calls, each as if it were the first."""
        return self._instances.native(self._of(spec), spec, forgets=forgets)

    def native_like(self, known: Spec, spec: Spec) -> NativeLayer:
        """Built for the spec as it was understood for another that is `known`, without a look whether that is right."""
        return self._instances.native(self._of(known), spec)

    def _of(self, spec: Spec) -> Hypothesis:
        key = plain(spec)
        if key in self._refused:
            raise self._refused[key]
        if key not in self._known:
            try:
                self._known[key] = self._search.at_other_sizes(key, self._known) or self._search.best(key)
            except CannotRun as problem:
                self._refused[key] = problem
                raise
        return self._known[key]

    def _is_double(self, understood: Hypothesis, spec: Spec) -> bool:
        """Whether it fails at the spec's dtype because its code requires float64."""
        seq_len, batch = understood.facts.fixed or (2, 2)
        dtype = dtype_of(spec)
        try:
            native = self._instances.native(understood, replace(spec, device="cpu"), forgets=True)
            native.run(
                torch.zeros(seq_len, batch, spec.input_size, dtype=dtype), initial_state(spec, batch).to("cpu", dtype)
            )
        except CannotRun as problem:
            return bool(OF_A_DTYPE.search(str(problem)))
        return False

    def _widens(self, understood: Hypothesis, spec: Spec) -> bool:
        """Whether it is in jax and fails at the spec's dtype, or returns float32: jax has no default dtype to set."""
        seq_len, batch = understood.facts.fixed or (2, 2)
        dtype = dtype_of(spec)
        native = self._instances.native(understood, replace(spec, device="cpu"), forgets=True)
        if not in_jax_module(native.thing):
            return False
        x, start = torch.zeros(seq_len, batch, spec.input_size, dtype=dtype), initial_state(spec, batch)
        try:
            return bool(native.run(x, start.to("cpu", dtype)).output.dtype != dtype)
        except CannotRun as problem:
            return bool(OF_A_DTYPE.search(str(problem)))


def plain(spec: Spec) -> Spec:
    """What is understood once for every dtype and device."""
    return replace(spec, dtype=Dtype.FLOAT64, device="cpu", head=None)
