"""The convention of a candidate, found by calling it in every way that its signature leaves open, on tiny tensors.

A way of calling is right if batch rows can be exchanged without another effect, and if what is early matters to what
comes later, and not the other way round: so batch and time are told apart by what the code does, whatever it says.
Where no way is right, the layer is wrong in one that it accepts: only what takes no batch is called row by row.
"""

import re
from collections.abc import Iterator, Mapping
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
from rnncheck.user_code.convention import Convention, Reading
from rnncheck.user_code.found import Found, broadcasts, drops_time, shown, steadily
from rnncheck.user_code.isolation import isolated, put_back, seeds
from rnncheck.user_code.loading import Loaded
from rnncheck.user_code.reading import find
from rnncheck.user_code.signatures import Call
from rnncheck.user_code.sizes import Sizes
from rnncheck.user_code.taps import taps
from rnncheck.user_code.tensors import copied, held
from rnncheck.user_code.unread import Calls, movers, unread
from rnncheck.user_code.ways import CELLS, LAYERS, PACKED, ROWS, Kind, forms, inputs

ANOTHER_KIND = ("'tuple' object", "'list' object")  # it wants a state of its own kind, which is no mistake
OF_A_SHAPE = re.compile(r"size|shape|dimension|dims")
OF_A_KIND = (TypeError, AttributeError, LookupError)  # so may code raise that wants another kind of state


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
    draws: bool = False  # as far as has been seen
    returned: list[str] = field(default_factory=list)  # by calls that worked, and in which no state was found
    problems: list[tuple[Convention, CandidateError]] = field(default_factory=list)

    def __post_init__(self) -> None:
        drawn = torch.Generator().manual_seed(0)
        spec = self.sizes.spec

        def normal(*shape: int) -> Tensor:
            return torch.randn(shape, generator=drawn, dtype=torch.float64).to(getattr(torch, spec.dtype))

        self.x = normal(self.sizes.seq_len, self.sizes.batch_size, spec.input_size)
        states = (self.sizes.states, self.sizes.batch_size)
        c = normal(*states, spec.hidden_size) if spec.cell is Cell.LSTM else None
        self.state = State(normal(*states, spec.state_size), c)

    def convention(self) -> Found:
        """Raises `CannotRun` if no way of calling it yields states."""
        layers = list(self._attempts(LAYERS)) or list(self._attempts(PACKED))
        found = steadily(layers)
        if found is not None:
            return found
        if self.batch_first is not None and layers:
            other = replace(self, batch_first=not self.batch_first)
            found = steadily(other._attempts(LAYERS))
            if found is not None:
                return replace(found, ignores_batch_first=True)
        for found in layers:
            if found.recurs:
                return found
        rows = [] if layers else list(self._attempts(ROWS))
        for found in rows:
            if found.remembers:
                return found
        cells = [] if any(each.drops_time for each in layers) else list(self._attempts(CELLS))
        backward = [each for each in layers if each.foresees and each.keeps_rows]
        for found in (*(each for each in cells if each.uses_state), *backward, *layers, *rows, *cells):
            return found
        raise self._refusal()

    def _attempts(self, kind: Kind) -> Iterator[Found]:
        if kind == CELLS and (self.sizes.spec.bidirectional or self.call.state is None):
            return
        if kind == PACKED and not isinstance(self.thing, nn.Module):
            return
        for x_axes, as_list in inputs(kind, one_feature=self.one_feature, batch_first=self.batch_first):
            for form in forms(kind, self.call, self.sizes):
                if form is not None and ("B" in form.axes) != ("B" in x_axes):
                    continue
                names = self.call.state, self.call.cell_state
                convention = Convention(self.call.x, x_axes, names, form, self.numpy, as_list)
                if kind == PACKED:
                    convention = replace(convention, lengths="always packed")
                elif self.call.lengths:
                    convention = replace(convention, lengths="argument", lengths_name=self.call.lengths)
                found = self._attempt(convention)
                if found is not None and form is not None and broadcasts(form, found.reading):
                    plain = replace(convention, state=replace(form, axes="BF"))
                    found = self._attempt(plain) or found
                if found is not None and form is not None and form.handing == "(h, c)" and self._order_shows():
                    kept = found.convention.state or form
                    other = replace(convention, state=replace(kept, cell_first=True))
                    found = self._attempt(other) if self._mixes_units(found, "c") else found
                if found is not None:
                    yield found if form is not None or self.call.state is None else self._crash(found)
                    break

    def _attempt(self, convention: Convention) -> Found | None:
        b = slice(0, 1) if convention.by_row else slice(None)
        t = slice(0, 1) if convention.is_cell else slice(None)
        x, state = self.x[t, b], rows_of(self.state, b)
        try:
            with torch.no_grad(), isolated(self.x.dtype):
                result = self._result(convention, x, state)
                reading = find(result, convention, self.sizes, lambda: self._matrices(convention, x, state))
                if reading is None and isinstance(self.thing, nn.Module):
                    reading = taps(self._caller(convention), self.sizes, x, cloned(state))
                if reading is None:
                    self.returned.append(results.described(result))
                    return None
                calls = self._calls(convention, reading, x, state)
                beside = unread(self.thing, calls, reading, self.sizes)
                return replace(self._measured(convention, reading), unread=beside)
        except CandidateError as problem:
            self.problems.append((convention, problem))
            return None

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
        one = slice(0, 1)
        state = rows_of(self.state, one)
        assert state.c is not None
        moved = state.h if which == "h" else state.c
        bumped = moved.clone()
        bumped[-1, :, 0] += 1  # of the last layer, whose states are the output's
        other = State(bumped, state.c) if which == "h" else State(state.h, bumped)

        def after(start: State) -> Tensor:
            trace = self._caller(found.convention, found.reading).run(self.x[one, one].clone(), cloned(start))
            return trace.output[..., 1 - self.sizes.spec.state_size :]

        return differ(after(state), after(other))

    def _calls(self, convention: Convention, reading: Reading, x: Tensor, state: State) -> Calls:
        """Of copies of whatever they are given."""

        def caller(thing: Any, reading: Reading) -> Caller:
            return replace(self._caller(convention, reading), thing=copied(thing))

        nothing = Reading(None, None, None)
        return Calls(
            x,
            state,
            convention.state is not None,
            convention.is_cell,
            lambda thing: caller(thing, nothing).result(x.clone(), cloned(state)),
            lambda thing: caller(thing, reading).run(x.clone(), cloned(state)),
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
            return CannotRun(
                f"{name} was tried with states of {width} units, and in what it returned, {self.returned[0]}, there is "
                "nothing of that width: return the states, or hand them to a module, such as a Linear on top"
            )
        own = [each for each in self.problems if each[1].in_its_code]
        if own:
            convention, problem = own[0]
            return CandidateError(
                f"{problem}\n    ({name} was called with {described(convention)}; no other way worked)"
            )
        if self.problems:
            return CandidateError(str(self.problems[0][1]))
        return CannotRun(f"{name} cannot be called with a sequence: there is no way to try")


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
