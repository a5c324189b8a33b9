"""Finds the convention of a candidate by calling it in every way that its signature allows, on tiny tensors.

A way of calling is right if batch rows can be exchanged without another effect, and if what is early matters to what
comes later, and not the other way round: so batch and time are told apart by what the code does, whatever it says.
Where no way is right, the layer is wrong in one that it accepts: only what takes no batch is called row by row.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import torch
from torch import nn

from rnncheck.errors import CannotRun
from rnncheck.mapping.budget import Budget
from rnncheck.model.spec import Cell
from rnncheck.model.trace import State
from rnncheck.user_code import results
from rnncheck.user_code.blame import CandidateError, NoStates, is_hopeless
from rnncheck.user_code.code_of_results import writes_members_of
from rnncheck.user_code.construct import signed
from rnncheck.user_code.convention import Convention, ResultReading, StateForm
from rnncheck.user_code.found import Found, broadcasts, has_axis_of_one, list_of_time, member_of, plausible
from rnncheck.user_code.inner_states import inner_states
from rnncheck.user_code.isolation import isolated
from rnncheck.user_code.jax_module import in_jax_module
from rnncheck.user_code.loading import Loaded
from rnncheck.user_code.one_tensor import OneTensor
from rnncheck.user_code.outputs import interpretations
from rnncheck.user_code.own_state import OwnState, own_states
from rnncheck.user_code.signatures import Call, unmasked
from rnncheck.user_code.sizes import Sizes
from rnncheck.user_code.tensors import held
from rnncheck.user_code.tiny_calls import TinyCalls
from rnncheck.user_code.ways import (
    IN_ONE,
    KINDS,
    LAYERS,
    OF_IDS,
    PACKED,
    ROWS,
    SINGLE_ROWS,
    SINGLE_STEPS,
    Kind,
    forms,
    in_place_of_ones,
    inputs,
)

# It wants a state, or x, of its own kind, which is no mistake.
ANOTHER_KIND = ("'tuple' object", "'list' object", "must be Tensor, not ", "got Long")
WANTS_GRAD = re.compile(r"requires_grad|require grad|retain_grad")
WANTS_IDS = re.compile(r"indices|index tensor|Long|one_hot|IntTensor|int64 for index")
WRITES_INTO_A_TUPLE = "'tuple' object does not support item assignment"
MOST_READINGS = 8  # of one call
OF_A_SHAPE = re.compile(r"size|shape|dimension|dims|\b\dD\b")
OF_A_KIND = (TypeError, AttributeError, LookupError)  # so may code raise that wants another kind of state


@dataclass
class CallProbe:
    """Every way to call one candidate, which is built with `sizes` and filled with random numbers."""

    loaded: Loaded
    thing: Any
    call: Call
    sizes: Sizes
    batch_first: bool | None  # as its constructor was told, if it was
    numpy: bool
    one_feature: bool
    fixed: tuple[int, int] | None  # timesteps and rows, where it takes no others
    known: Sequence[Convention]  # ways to call it that ran at sizes of our own, where there is more to see
    budget: Budget  # of the search
    ran: set[str] = field(default_factory=set)  # the axes of x in calls that worked
    returned: list[str] = field(default_factory=list)  # by calls that worked, and in which no state was found
    doubled: bool = False  # whether one of these returned twice as many units
    problems: list[tuple[Convention, CandidateError]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ran |= {each.x_axes for each in self.known}
        self.calls = TinyCalls(self.loaded, self.thing, self.sizes)

    def hypotheses(self) -> Iterator[Found]:
        """Every way of calling it that runs and yields what may be states, the likeliest first.

        A way is likely if it carries something from step to step, and nothing from row to row: so batch and time are
        told apart by what the code does. Raises `CannotRun` if no way yields states.
        """
        deferred: list[tuple[Kind, Found]] = []
        seen, batched = False, any(not each.by_row and not each.is_cell for each in self.known)
        mixing = any(each.is_cell for each in self.known)  # a cell that mixes rows, which may be timesteps
        for kind, probe in self._kinds():
            if kind in SINGLE_ROWS and (batched or (mixing and kind != ROWS)):
                continue  # that it takes no batch is said of what was tried with none that runs
            for found in probe._attempts(kind):
                seen = True
                mixes = found.convention.is_cell and not found.keeps_rows
                batched, mixing = batched or not (found.convention.by_row or mixes), mixing or mixes
                if probe is not self:
                    found = replace(found, ignores_batch_first=True)
                number = self.sizes.spec.input_size == 1 and found.raised  # its x may have no axis of features
                if found.recurs and found.keeps_rows and kind not in SINGLE_STEPS + SINGLE_ROWS and not number:
                    yield found
                else:
                    deferred.append((kind, found))
        if not seen and not self.numpy and (call := unmasked(self.call)) is not None:
            yield from replace(self, call=call).hypotheses()
            return
        if not seen:
            raise self._refusal()
        listed = {way for kind, each in deferred if kind not in SINGLE_STEPS for way in list_of_time(each)}
        deferred = [(kind, each) for kind, each in deferred if kind not in SINGLE_STEPS or not member_of(each, listed)]
        whole = any(each.drops_time for kind, each in deferred if kind not in SINGLE_STEPS)
        for _, found in sorted(deferred, key=lambda each: plausible(*each, whole=whole)):
            yield found

    def _kinds(self) -> Iterator[tuple[Kind, "CallProbe"]]:
        """Whole sequences first; then with x in the order that its constructor was not told; then all else."""
        yield LAYERS, self
        if self.batch_first is not None:
            yield LAYERS, replace(self, batch_first=not self.batch_first)
        for kind in KINDS:
            yield kind, self

    def _attempts(self, kind: Kind) -> Iterator[Found]:
        """Those of one kind; of each form of x only with the first form of the state that runs, and without one."""
        if kind in SINGLE_STEPS and (self.sizes.spec.bidirectional or self.call.state is None):
            return
        if kind == PACKED and not isinstance(self.thing, nn.Module):
            return
        if kind in OF_IDS and self.numpy:
            return  # x cannot take the place of what numpy looks up
        if kind in OF_IDS and not self._looks_up() and (kind not in SINGLE_ROWS or self.ran):
            return
        features = self.sizes.spec.input_size
        for x_axes, x_form in inputs(
            kind, features=features, one_feature=self.one_feature, batch_first=self.batch_first
        ):
            runs, later = False, list[Found]()
            handed, mixing, loops = set[str](), set[str](), set[str]()
            pairs = False  # whether it takes a pair, of which a stack of both looks like one
            for form in forms(kind, self.call, self.sizes, self._own_states):
                if form is not None and form.kind is not None and runs:
                    continue
                if self.budget.over and (self.ran or self.problems):
                    break
                if form is not None and ("B" in form.axes) != ("B" in x_axes):
                    continue
                if form is not None and form.handing == "[h]" and self.sizes.states == 1 and not self._fills_a_list():
                    continue
                if form is None and runs and not self.call.guessed:
                    continue
                if kind in SINGLE_STEPS and form is not None and form.handing in handed:
                    continue
                if any(wider in self.ran for wider in in_place_of_ones(x_axes)):
                    break  # it takes sequences, or rows, or a step without that axis
                if form is not None and form.handing == "stacked" and (pairs or self._writes_into_a_tuple):
                    continue
                names = self.call.state, self.call.cell_state
                convention = Convention(
                    self.call.x, x_axes, names, form, self.numpy, x_form, fixed=self.fixed, settled=self.call.settled
                )
                if kind == PACKED:
                    convention = replace(convention, lengths="always packed")
                elif self.call.lengths:
                    convention = replace(convention, lengths="argument", lengths_name=self.call.lengths)
                if replace(convention, fixed=None) in self.known:
                    runs = True
                    handed |= {form.handing} if form is not None else set()
                    continue
                written = form is not None and self._writes_where_it_wants_a_list(convention)
                for found in self._readings(convention, form):
                    if form is not None and form.handing in IN_ONE and not self.calls.reads_c(found):
                        continue  # what it reads is h alone
                    if form is not None and self.call.assumed and not found.uses_state:
                        continue
                    if form is not None and self.call.guessed and not self._acts_as_state(found):
                        continue
                    guess = self.call.state if form is None and runs and self.call.guessed else None
                    runs = True
                    pairs = pairs or (form is not None and form.handing == "(h, c)")
                    if form is not None and kind in SINGLE_STEPS:
                        closed = self._returns_as_it_takes(convention)
                        if form.handing in mixing and (form.handing in loops or not closed):
                            continue  # a loop hands over what is returned
                        (handed if found.keeps_rows else mixing).add(form.handing)
                        loops |= {form.handing} if closed and not has_axis_of_one(found.reading) else set()
                    if written:
                        later.append(found)
                    else:
                        offers = self.call.state is not None and not self.call.assumed and not self.call.guessed
                        yield self._crash(found) if form is None and offers else replace(found, guess=guess)
            yield from later
            if not self.ran and self.problems and all(is_hopeless(each) for _, each in self.problems):
                raise self._refusal()

    def _acts_as_state(self, found: Found) -> bool:
        """Whether what is handed over in the place of a state may be one."""
        try:
            with torch.no_grad(), isolated(self.calls.x.dtype):
                return self.calls.starts_from(found)
        except CandidateError:  # without it, it returns something else
            return False

    def _own_states(self) -> Sequence[OwnState]:
        """The kinds of state of its own that it may want, if it wants one kind alone."""
        if self.call.state is None or self.call.cell_state is not None:
            return ()
        returned = None
        if not self.call.state_required:
            axes, x = ("BTF" if self.batch_first else "TBF"), self.calls.x
            names = self.call.state, self.call.cell_state
            plain = Convention(self.call.x, axes, names, None, self.numpy, settled=self.call.settled)
            with suppress(CandidateError), torch.no_grad(), isolated(x.dtype):
                returned = self.calls.result(plain, x, self.calls.state)
        count = 2 if self.sizes.spec.cell is Cell.LSTM else 1
        return list(own_states(signed(self.thing), self.call.state, returned, count))

    def _returns_as_it_takes(self, convention: Convention) -> bool:
        """Whether what it returns has arrays of the shapes in which its states are handed over."""
        x, state = self.calls.given(convention)
        taken = convention.arguments(x, state)
        taken.pop(convention.x_name)
        with torch.no_grad(), isolated(self.calls.x.dtype):
            result = self.calls.result(convention, x, state)
        given, returned = ({each.shape for _, each in results.leaves(values, {})} for values in (taken, result))
        return given <= returned

    def _writes_where_it_wants_a_list(self, convention: Convention) -> bool:
        """Whether it writes into states that are handed over as one tensor, and makes a list of them if given none."""
        if self.sizes.states == 1 or self.call.state_required or self.numpy:
            return False
        x, given = self.calls.given(convention)
        state = given.map(torch.clone)
        try:
            with torch.no_grad(), isolated(self.calls.x.dtype):
                self.calls.caller(convention).result(x.clone(), state)
                written = not torch.equal(state.h, given.h)
                return written and results.lists(
                    self.calls.caller(replace(convention, state=None)).result(x.clone(), given), self.sizes.states
                )
        except CandidateError:
            return False

    def _fills_a_list(self) -> bool:
        """Whether its code writes into the members of its state, one for each layer."""
        code = signed(self.thing)
        return self.call.state is not None and writes_members_of(code, self.call.state)

    def _looks_up(self) -> bool:
        """Whether it wants token ids: it holds an embedding, or has complained of what it was given."""
        holds = isinstance(self.thing, nn.Module) and any(
            isinstance(each, nn.Embedding | nn.EmbeddingBag) for each in self.thing.modules()
        )
        return holds or any(WANTS_IDS.search(str(problem)) for _, problem in self.problems)

    def _readings(self, convention: Convention, form: StateForm | None) -> Iterator[Found]:
        found = self._attempt(convention)
        first = next(found, None)
        if first is None:
            return
        one_more = form is not None and broadcasts(form, first.reading)
        if form is not None and self.sizes.states == 1 and (one_more or self.calls.fails_backward(first)):
            plain = self._attempt(replace(convention, state=replace(form, axes="BF")))
            other = next(plain, None)
            # Of a state with that axis, a layer may read only the first row.
            gone = other is not None and not has_axis_of_one(other.reading)
            if other is not None and gone and (one_more or other.keeps_rows >= first.keeps_rows):
                # Without that axis, outputs that are joined along it have no axis of time.
                joined = [first, *found] if first.reading.output is not None and other.reading.output is None else []
                first, found = other, chain(plain, joined)
        readings = [first, *found]
        cell_first: Iterator[Found] = iter(())
        mixing = None
        if form is not None and form.handing in ("(h, c)", *IN_ONE) and self.calls.order_shows():
            mixing = next((each for each in readings if self.calls.mixes_units(each, "c")), None)
        if mixing is not None:
            assert form is not None
            kept = mixing.convention.state or form
            cell_first = self._attempt(replace(convention, state=replace(kept, cell_first=True)))
            torch_s = "weight_ih_l0" in held(self.thing)
            if torch_s and form.handing in IN_ONE:  # a tensor that is returned so, too, and is no pair
                cell_first = (each for each in cell_first if each.convention.returns is not None)
            if not self.calls.mixes_units(mixing, "h") and not torch_s:
                yield from cell_first  # with the names of torch, its order comes first too
        yield from readings
        yield from cell_first  # with a norm of c, both mix units

    def _attempt(self, convention: Convention) -> Iterator[Found]:
        """What a call shows, by every interpretation of what it returns; nothing if it raises."""
        try:
            x, state = self.calls.given(convention)
            with torch.no_grad(), isolated(self.calls.x.dtype):
                result = self.calls.result(convention, x, state)
                if front := self.calls.front(convention):
                    convention = replace(convention, enters=front)
                    result = self.calls.result(convention, x, state)
                if returns := self._returns_in_one(convention, result, state):
                    convention = replace(convention, returns=returns)
                    result = self.calls.result(convention, x, state)
                readings = interpretations(
                    result, convention, self.sizes, lambda: self.calls.matrices(convention, x, state)
                )
                if isinstance(self.thing, nn.Module) and not convention.is_cell and result is not None:
                    readings += inner_states(self.calls.caller(convention), self.sizes, x, state.map(torch.clone))
        except CandidateError as problem:
            if not convention.graded and WANTS_GRAD.search(str(problem)):
                yield from self._attempt(replace(convention, graded=True))
                return
            self.problems.append((convention, problem))
            if convention.lengths == "argument":  # perhaps one length of all rows, or none is needed
                yield from self._attempt(replace(convention, lengths=None, lengths_name=None))
            return
        self.ran.add(convention.x_axes)
        if not readings:
            self.returned.append(results.described(result))
            both = 2 * self.sizes.spec.state_size
            self.doubled |= any(both in value.shape for _, value in results.leaves(result, self.sizes.letters))
        for reading in readings[:MOST_READINGS]:
            try:
                with torch.no_grad(), isolated(self.calls.x.dtype):
                    found = self.calls.measured(convention, reading)
                    if self._merges(reading, result) and not (found.remembers and found.foresees):
                        self.returned.append(f"{results.described(result)}, which only one direction has computed")
                        continue
                    if not found.remembers and self.calls.hands_back(found):
                        self.returned.append(f"{results.described(result)}, in which it hands back its state")
                        continue
            except CandidateError as problem:
                self.problems.append((convention, problem))
            else:
                yield found

    def _merges(self, reading: ResultReading, result: object) -> bool:
        """Whether its output is as wide as one direction of two."""
        if reading.output is None or reading.tap is not None or not self.sizes.spec.bidirectional:
            return False
        return reading.output.read(result, "TBF").shape[2] != self.sizes.spec.output_size

    @property
    def _writes_into_a_tuple(self) -> list[CandidateError]:
        """What it raised where it writes into a pair that it is given, which is a mistake of its own."""
        return [problem for _, problem in self.problems if WRITES_INTO_A_TUPLE in str(problem)]

    def _returns_in_one(self, convention: Convention, result: object, state: State) -> OneTensor | None:
        """How it returns h and c, if in one tensor as it may be handed them."""
        form = convention.state
        if self.sizes.spec.cell is not Cell.LSTM or form is None or form.axes not in ("KBF", "BF", "BKF"):
            return None
        if form.handing not in ("(h, c)", "h, c", "stacked", "side by side"):
            return None
        ways: tuple[OneTensor, ...] = ("side by side",) if form.handing == "side by side" else ("stacked",)
        return next((how for how in ways if replace(convention, returns=how).parted(result, state) is not result), None)

    def _crash(self, found: Found) -> Found:
        """With what happens when it is given the initial state that its signature offers.

        What is raised at one line, in the same words, for states of all axes, is not for want of the right axes,
        unless the code raises it on purpose: then it may want a state that is not among them.
        """
        own = [
            problem
            for convention, problem in self.problems
            if convention.state is not None
            and convention.lengths == found.convention.lengths
            and (convention.state.handing != "h" or self.sizes.spec.cell is not Cell.LSTM)
            and problem.in_its_code
            and not any(each in str(problem) for each in ANOTHER_KIND)
        ]
        if written := self._writes_into_a_tuple:
            return replace(found, raised=": ".join(str(written[0]).split("\n    ")), crashes=True)
        if not own:
            return found
        alike = len(own) > 1 and len({str(each) for each in own}) == 1
        cause = own[0].__cause__
        refuses = any(line.lstrip().startswith(("raise ", "assert ")) for line in str(own[0]).splitlines()[1:])
        crashes = alike and not refuses and not isinstance(cause, OF_A_KIND) and not OF_A_SHAPE.search(str(cause))
        what, *line = str(own[0]).split("\n    ")
        return replace(found, raised=": ".join([what, *([] if refuses else line)]), crashes=crashes)

    def _refusal(self) -> CannotRun:
        name, width = self.loaded.called, self.sizes.spec.output_size
        if "None" in self.returned:
            return NoStates(
                f"{name} returned None when it was called: it ends without a return statement; return the output of "
                "every timestep, and the last state"
            )
        if self.returned:
            or_seen = "" if in_jax_module(self.thing) else ", or pass them to a module, such as nn.Linear"
            if self.doubled and not self.sizes.spec.bidirectional:
                or_seen += "\nIt returns twice as many, as both directions have; --bidirectional compares them"
            has_width = re.search(rf"\b{width}\b", self.returned[0])
            without = "is a state of every timestep and row" if has_width else "has that width"
            return NoStates(
                f"{name} returned {self.returned[0]}, called with states of {width} units: no part of it {without}, so "
                f"rnncheck cannot find the states; return them{or_seen}"
            )
        own = [each for each in self.problems if each[1].in_its_code]
        if own:
            # The attempt that got furthest: of those that got to one line, not one for want of the right axes or kind,
            # and one with all axes.
            convention, problem = max(
                own, key=lambda each: (each[1].reached, not wants_another(each[1]), len(each[0].x_axes))
            )
            called = f"{name} was called with {convention.described}; all other ways to call it failed too"
            if self.numpy and WANTS_IDS.search(str(problem)):
                called = (
                    f"{name} looks up token ids in a numpy array, where rnncheck cannot put x in their place; take "
                    "vectors, such as U @ x[t] in place of U[:, x[t]]"
                )
            same = len({str(each) for _, each in self.problems}) == 1
            refusal = CandidateError(f"{problem}\n    ({called})", problem.reached, str(problem) if same else "")
            refusal.__cause__ = problem.__cause__
            return refusal
        if self.problems:
            return CandidateError(str(self.problems[0][1]))
        return CannotRun(f"{name} cannot be called with a sequence: its signature has no place for x")


def wants_another(problem: CannotRun) -> bool:
    """Whether it is raised for want of other axes, or of another kind of argument, as far as its words say."""
    said = str(problem.__cause__)
    return bool(OF_A_SHAPE.search(said)) or any(kind in said for kind in ANOTHER_KIND)
