"""Finds the convention of a candidate by calling it in every way that its signature allows, on tiny tensors.

A way of calling is right if batch rows can be exchanged without another effect, and if what is early matters to what
comes later, and not the other way round: so batch and time are told apart by what the code does, whatever it says.
Where no way is right, the layer is wrong in one that it accepts: only what takes no batch is called row by row.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from rnncheck.errors import CannotRun
from rnncheck.model.spec import Cell
from rnncheck.model.trace import State, Trace
from rnncheck.user_code import results
from rnncheck.user_code.blame import CandidateError
from rnncheck.user_code.calling import Caller
from rnncheck.user_code.convention import Convention, Reading, StateForm
from rnncheck.user_code.found import Found, broadcasts, drops_time, plausible, shown
from rnncheck.user_code.inner_states import inner_states
from rnncheck.user_code.isolation import isolated, put_back, seeds
from rnncheck.user_code.jax_module import in_jax_module
from rnncheck.user_code.loading import Loaded
from rnncheck.user_code.outputs import interpretations
from rnncheck.user_code.returned import Calls, Quantity, movers, quantities, sorted_out
from rnncheck.user_code.signatures import Call
from rnncheck.user_code.sizes import Sizes
from rnncheck.user_code.tensors import copied, held
from rnncheck.user_code.ways import KINDS, LAYERS, OF_IDS, PACKED, SINGLE_ROWS, SINGLE_STEPS, Kind, forms, inputs

ANOTHER_KIND = ("'tuple' object", "'list' object")  # it wants a state of its own kind, which is no mistake
WANTS_GRAD = re.compile(r"requires_grad|require grad|retain_grad")
WANTS_IDS = re.compile(r"indices|index tensor|Long|one_hot|IntTensor|int64 for index")
WRITES_INTO_A_TUPLE = "'tuple' object does not support item assignment"
MOST_READINGS = 8  # of one call
OF_A_SHAPE = re.compile(r"size|shape|dimension|dims")
OF_A_KIND = (TypeError, AttributeError, LookupError)  # so may code raise that wants another kind of state


@dataclass(frozen=True)
class Proved:
    """A candidate that holds known weights, and all that a right layer yields with these from x and a state."""

    thing: Any
    yields: Callable[[Tensor, State], list[Quantity]]


@dataclass
class Probe:
    """One candidate, built with `sizes` and filled with random numbers."""

    loaded: Loaded
    thing: Any
    call: Call
    sizes: Sizes
    batch_first: bool | None  # as its constructor was told, if it was
    numpy: bool
    one_feature: bool
    fixed: tuple[int, int] | None = None  # timesteps and rows, where it takes no others
    known: Sequence[Convention] = ()  # ways to call it that ran at sizes of our own, where there is more to see
    draws: bool = False  # as far as has been seen
    ran: set[str] = field(default_factory=set)  # the axes of x in calls that worked
    returned: list[str] = field(default_factory=list)  # by calls that worked, and in which no state was found
    problems: list[tuple[Convention, CandidateError]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ran |= {each.x_axes for each in self.known}
        drawn = torch.Generator().manual_seed(0)
        spec = self.sizes.spec

        def normal(*shape: int) -> Tensor:
            return torch.randn(shape, generator=drawn, dtype=torch.float64).to(getattr(torch, spec.dtype))

        self.x = normal(self.sizes.seq_len, self.sizes.batch_size, spec.input_size)
        states = (self.sizes.states, self.sizes.batch_size)
        c = normal(*states, spec.hidden_size) if spec.cell is Cell.LSTM else None
        self.state = State(normal(*states, spec.state_size), c)

    def hypotheses(self) -> Iterator[Found]:
        """Every way of calling it that runs and yields what may be states, the likeliest first.

        A way is likely if it carries something from step to step, and nothing from row to row: so batch and time are
        told apart by what the code does. Raises `CannotRun` if no way yields states.
        """
        deferred: list[tuple[Kind, Found]] = []
        seen, batched = False, any(not each.by_row for each in self.known)
        for kind, probe in self._kinds():
            if kind in SINGLE_ROWS and batched:
                continue  # that it takes no batch is said of what was tried with none that runs
            for found in probe._attempts(kind):
                seen = True
                batched = batched or not found.convention.by_row
                if probe is not self:
                    found = replace(found, ignores_batch_first=True)
                if found.recurs and found.keeps_rows and kind not in SINGLE_STEPS + SINGLE_ROWS:
                    yield found
                else:
                    deferred.append((kind, found))
        if not seen:
            raise self._refusal()
        whole = any(each.drops_time for kind, each in deferred if kind not in SINGLE_STEPS)
        for _, found in sorted(deferred, key=lambda each: plausible(*each, whole=whole)):
            yield found

    def _kinds(self) -> Iterator[tuple[Kind, "Probe"]]:
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
        if kind in OF_IDS and not self._looks_up() and (kind not in SINGLE_ROWS or self.ran):
            return
        features = self.sizes.spec.input_size
        for x_axes, x_form in inputs(
            kind, features=features, one_feature=self.one_feature, batch_first=self.batch_first
        ):
            runs, handed, later = False, set[str](), list[Found]()
            for form in forms(kind, self.call, self.sizes):
                if form is not None and ("B" in form.axes) != ("B" in x_axes):
                    continue
                if (form is None and runs) or (kind in SINGLE_STEPS and form is not None and form.handing in handed):
                    continue
                if "1" in x_axes and {x_axes.replace("1", "T"), x_axes.replace("1", "")} & self.ran:
                    break  # it takes sequences, or a step without that axis
                names = self.call.state, self.call.cell_state
                convention = Convention(self.call.x, x_axes, names, form, self.numpy, x_form, fixed=self.fixed)
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
                    runs = True
                    handed |= {form.handing} if form is not None else set()
                    if written:
                        later.append(found)
                    else:
                        yield found if form is not None or self.call.state is None else self._crash(found)
            yield from later

    def _writes_where_it_wants_a_list(self, convention: Convention) -> bool:
        """Whether it writes into states that are handed over as one tensor, and makes a list of them if given none."""
        if self.sizes.states == 1 or self.call.state_required or self.numpy:
            return False
        x, given = self._given(convention)
        state = cloned(given)
        try:
            with torch.no_grad(), isolated(self.x.dtype):
                self._caller(convention).result(x.clone(), state)
                written = not torch.equal(state.h, given.h)
                return written and results.lists(
                    self._caller(replace(convention, state=None)).result(x.clone(), given), self.sizes.states
                )
        except CandidateError:
            return False

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
        if form is not None and broadcasts(form, first.reading):
            plain = self._attempt(replace(convention, state=replace(form, axes="BF")))
            if (other := next(plain, None)) is not None:
                first, found = other, plain
        cell_first: Iterator[Found] = iter(())
        alone = False
        if form is not None and form.handing == "(h, c)" and self._order_shows() and self._mixes_units(first, "c"):
            kept = first.convention.state or form
            cell_first = self._attempt(replace(convention, state=replace(kept, cell_first=True)))
            alone = not self._mixes_units(first, "h")
        if alone:
            yield from cell_first
        yield first
        yield from found
        yield from cell_first  # with a norm of c, both mix units

    def _attempt(self, convention: Convention) -> Iterator[Found]:
        """What a call shows, by every interpretation of what it returns; nothing if it raises."""
        try:
            x, state = self._given(convention)
            with torch.no_grad(), isolated(self.x.dtype):
                result = self._result(convention, x, state)
                readings = interpretations(result, convention, self.sizes, lambda: self._matrices(convention, x, state))
                if isinstance(self.thing, nn.Module) and not convention.is_cell:
                    readings += inner_states(self._caller(convention), self.sizes, x, cloned(state))
        except CandidateError as problem:
            if not convention.graded and WANTS_GRAD.search(str(problem)):
                yield from self._attempt(replace(convention, graded=True))
                return
            self.problems.append((convention, problem))
            return
        self.ran.add(convention.x_axes)
        if not readings:
            self.returned.append(results.described(result))
        for reading in readings[:MOST_READINGS]:
            try:
                with torch.no_grad(), isolated(self.x.dtype):
                    found = self._measured(convention, reading)
            except CandidateError as problem:
                self.problems.append((convention, problem))
            else:
                yield found

    def _given(self, convention: Convention) -> tuple[Tensor, State]:
        b = slice(0, 1) if convention.by_row else slice(None)
        t = slice(0, 1) if convention.is_cell else slice(None)
        return self.x[t, b], rows_of(self.state, b)

    def sorted(self, found: Found, proved: "Proved | None" = None) -> Found:
        """With what it returns beside the states that are read of it: added to the reading, or sorted by what it is.

        `proved` is the candidate with known weights, and what a right layer yields with these.
        """
        x, state = self._given(found.convention)
        if found.convention.state is None:
            state = State(torch.zeros_like(state.h), None if state.c is None else torch.zeros_like(state.c))
        elif state.c is not None and found.convention.state.handing in ("h", "[h]"):
            state = State(state.h, torch.zeros_like(state.c))
        thing = self.thing if proved is None else proved.thing
        calls = self._calls(found.convention, found.reading, x, state, thing)
        try:
            with torch.no_grad(), isolated(self.x.dtype):
                result = calls.result_of(thing)
                if proved is None:
                    known = quantities(self.sizes.spec, calls.trace_of(thing), None, x, state)
                else:
                    known = proved.yields(x, state)
                reading, unread = sorted_out(thing, result, found.reading, known, calls, self.sizes, proved is not None)
        except CandidateError:  # one call of a kind that it takes no longer
            return found
        return replace(found, reading=reading, unread=unread)

    def _result(self, convention: Convention, x: Tensor, state: State) -> object:
        """Of one call; from the first that draws at random on, all of them are held still."""
        before = torch.get_rng_state()
        result = self._caller(convention).result(x.clone(), cloned(state))
        if self.draws or torch.equal(before, torch.get_rng_state()):
            return result
        self.draws = True
        return self._caller(convention).result(x.clone(), cloned(state))

    def _crash(self, found: Found) -> Found:
        """With what happens when it is given the initial state that its signature offers.

        What is raised at one line, in the same words, for states of all axes, is not for want of the right axes.
        """
        own = [
            problem
            for convention, problem in self.problems
            if convention.state is not None
            and (convention.state.handing != "h" or self.sizes.spec.cell is not Cell.LSTM)
            and problem.in_its_code
            and not any(each in str(problem) for each in ANOTHER_KIND)
        ]
        written = [problem for _, problem in self.problems if WRITES_INTO_A_TUPLE in str(problem)]
        if written:
            return replace(found, raised=": ".join(str(written[0]).split("\n    ")), crashes=True)
        if not own:
            return found
        alike = len(own) > 1 and len({str(each) for each in own}) == 1
        cause = own[0].__cause__
        crashes = alike and not isinstance(cause, OF_A_KIND) and not OF_A_SHAPE.search(str(cause))
        said = ": ".join(str(own[0]).split("\n    "))
        return replace(found, raised=said, crashes=crashes)

    def _order_shows(self) -> bool:
        """Whether h and c can be told apart by what they reach: not in a layer of one unit, nor through a projection,
        nor do they have to be where the layer is a copy of torch's, names and all.
        """
        spec = self.sizes.spec
        return spec.hidden_size > 1 and not spec.proj_size and "weight_ih_l0" not in held(self.thing)

    def _mixes_units(self, found: Found, which: Literal["h", "c"]) -> bool:
        """Whether one unit of what is handed over as h, or as c, reaches other units in one step: of h alone it can."""
        one, state = slice(0, 1), self.state
        assert state.c is not None
        moved = state.h if which == "h" else state.c
        bumped = moved.clone()
        bumped[-1, :, 0] += 1  # of the last layer, whose states are the output's
        other = State(bumped, state.c) if which == "h" else State(state.h, bumped)

        def after(start: State) -> Tensor:
            trace = self._caller(found.convention, found.reading).run(self.x[one].clone(), cloned(start))
            return trace.output[..., 1 - self.sizes.spec.state_size :]

        return differ(after(state), after(other))

    def _calls(self, convention: Convention, reading: Reading, x: Tensor, state: State, thing: Any = None) -> Calls:
        """Of copies of whatever they are given."""
        held_thing = self.thing if thing is None else thing

        def caller(thing: Any, reading: Reading) -> Caller:
            return replace(self._caller(convention, reading), thing=copied(thing))

        nothing = Reading(None, None, None)
        order = torch.arange(x.shape[1]).roll(1)
        return Calls(
            x,
            state,
            convention.state is not None,
            convention.is_cell,
            lambda thing: caller(thing, nothing).result(x.clone(), cloned(state)),
            lambda thing: caller(thing, reading).run(x.clone(), cloned(state)),
            lambda: caller(held_thing, nothing).result(x[:, order], rows_of(state, order)),
            convention.state is not None and convention.state.cell_first,
            convention.state is not None and convention.state.handing in ("(h, c)", "h, c"),
        )

    def _matrices(self, convention: Convention, x: Tensor, state: State) -> Mapping[results.Way, frozenset[str]]:
        """Those that each part of the result depends on."""
        own = {name for name, value in held(self.thing).items() if value.dim() > 1 and min(value.shape) > 1}
        calls = self._calls(convention, Reading(None, None, None), x, state)
        moved = movers(self.thing, lambda thing: dict(results.leaves(calls.result_of(thing), self.sizes.letters)))
        return {way: names & own for way, names in moved.items()}

    def _caller(self, convention: Convention, reading: Reading | None = None) -> Caller:
        """On a copy of its own, so that nothing is carried from call to call."""
        thing, loaded = copied(self.thing), self.loaded
        reading = reading or Reading(None, None, None)
        return Caller(thing, self.sizes.spec, convention, reading, loaded.called, loaded.file, self.draws)

    def _measured(self, convention: Convention, reading: Reading) -> Found:
        """What exchanging rows, another first or last timestep of one row, and another initial state change."""

        drawn = seeds()  # by numpy too, which is not held still

        def traced(x: Tensor, state: State) -> Trace:
            put_back(drawn)
            return self._caller(convention, reading).run(x.clone(), cloned(state))

        def observed(x: Tensor, state: State) -> Tensor:
            return shown(traced(x, state))

        def bumped(t: int) -> Tensor:
            x = self.x.clone()
            x[t, 0] += 1
            return observed(x, self.state)[:, 0]

        whole = traced(self.x, self.state)
        base = shown(whole)
        order = torch.arange(self.sizes.batch_size).roll(1)
        exchanged = observed(self.x[:, order], rows_of(self.state, order))
        late = slice(1, None) if len(base) > 1 else slice(None)
        remembers = differ(base[late, 0], bumped(0)[late])
        foresees = differ(base[:-1, 0], bumped(-1)[:-1])
        c = self.state.c
        other = observed(self.x, State(torch.cos(self.state.h), None if c is None else torch.cos(c)))
        return Found(
            convention,
            reading,
            remembers=remembers,
            foresees=foresees,
            recurs=remembers and (self.sizes.spec.bidirectional or not foresees),
            keeps_rows=base.shape == exchanged.shape and not differ(base[:, order], exchanged),
            uses_state=convention.state is not None and differ(base, other),
            drops_time=drops_time(whole, reading),
            draws=self.draws,
        )

    def _refusal(self) -> CannotRun:
        name, width = self.loaded.called, self.sizes.spec.output_size
        if self.returned:
            or_seen = "" if in_jax_module(self.thing) else ", or pass them to a module, such as nn.Linear"
            return CannotRun(
                f"{name} returned {self.returned[0]}, called with states of {width} units: no part of it has that "
                f"width, so rnncheck cannot find the states; return them{or_seen}"
            )
        own = [each for each in self.problems if each[1].in_its_code]
        if own:
            convention, problem = max(own, key=lambda each: each[1].reached)  # the attempt that got furthest
            called = f"{name} was called with {described(convention)}; all other ways to call it failed too"
            return CandidateError(f"{problem}\n    ({called})", problem.reached)
        if self.problems:
            return CandidateError(str(self.problems[0][1]))
        return CannotRun(f"{name} cannot be called with a sequence: its signature has no place for x")


def described(convention: Convention) -> str:
    axes = ", ".join(convention.x_axes.replace("F", "I"))
    state = (
        ""
        if convention.state is None
        else f" and {convention.state.handing} of axes ({', '.join(convention.state.axes)})"
    )
    return f"x of axes ({axes}){state}"


def differ(a: Tensor, b: Tensor) -> bool:
    rtol, atol = (1e-6, 1e-9) if a.dtype == torch.float64 else (1e-4, 1e-6)
    return not torch.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True)


def rows_of(state: State, rows: Any) -> State:
    return State(state.h[:, rows], None if state.c is None else state.c[:, rows])


def cloned(state: State) -> State:
    return replace(state, h=state.h.clone(), c=None if state.c is None else state.c.clone())
