"""Calls of a candidate on tiny random tensors, and what they show: what each change of x or of the state changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from rnncheck.model.spec import Cell
from rnncheck.model.trace import State, Trace, dtype_of
from rnncheck.user_code import results
from rnncheck.user_code.blame import CandidateError
from rnncheck.user_code.calling import Caller
from rnncheck.user_code.convention import Convention, ResultReading
from rnncheck.user_code.found import Found, drops_time, shown
from rnncheck.user_code.front import learned_front, recurrent_inside
from rnncheck.user_code.isolation import isolated, put_back, seeds
from rnncheck.user_code.loading import Loaded
from rnncheck.user_code.movers import Calls, movers
from rnncheck.user_code.quantities import Quantity, quantities
from rnncheck.user_code.returned import sorted_out
from rnncheck.user_code.sizes import Sizes
from rnncheck.user_code.tensors import copied, held


@dataclass(frozen=True)
class Proved:
    """A candidate that holds known weights, and all that a right layer yields with these from x and a state."""

    thing: Any
    yields: Callable[[Tensor, State], list[Quantity]]


@dataclass
class TinyCalls:
    """Calls of copies of `thing`, which is built with `sizes` and filled with random numbers."""

    loaded: Loaded
    thing: Any
    sizes: Sizes
    draws: bool = False  # numbers of torch's at random, as far as has been seen

    def __post_init__(self) -> None:
        drawn = torch.Generator().manual_seed(0)
        spec = self.sizes.spec

        def normal(*shape: int) -> Tensor:
            return torch.randn(shape, generator=drawn, dtype=torch.float64).to(dtype_of(spec))

        self.x = normal(self.sizes.seq_len, self.sizes.batch_size, spec.input_size)
        states = (self.sizes.states, self.sizes.batch_size)
        c = normal(*states, spec.hidden_size) if spec.cell is Cell.LSTM else None
        self.state = State(normal(*states, spec.state_size), c)

    def given(self, convention: Convention) -> tuple[Tensor, State]:
        b = slice(0, 1) if convention.by_row else slice(None)
        t = slice(0, 1) if convention.is_cell else slice(None)
        return self.x[t, b], rows_of(self.state, b)

    def order_shows(self) -> bool:
        """Whether h and c can be told apart by what they reach: not in a layer of one unit, or with a projection."""
        spec = self.sizes.spec
        return spec.hidden_size > 1 and not spec.proj_size

    def mixes_units(self, found: Found, which: Literal["h", "c"]) -> bool:
        """Whether one unit of what is handed over as h, or as c, reaches other units in one step: of h alone it can."""
        one, state = slice(0, 1), self.state
        assert state.c is not None
        moved = state.h if which == "h" else state.c
        bumped = moved.clone()
        bumped[-1, :, 0] += 1  # of the last layer, whose states are the output's
        other = State(bumped, state.c) if which == "h" else State(state.h, bumped)

        def after(start: State) -> Tensor:
            trace = self.caller(found.convention, found.reading).run(self.x[one].clone(), start.map(torch.clone))
            return shown(trace)[..., 1 - self.sizes.spec.state_size :]

        try:
            return differ(after(state), after(other))
        except CandidateError:  # in a single timestep
            return False

    def reads_c(self, found: Found) -> bool:
        """Whether what is handed over as c reaches what it returns."""
        x, state = self.given(found.convention)
        if state.c is None:
            return False
        caller = partial(self.caller, found.convention, found.reading)
        try:
            one, other = (
                shown(caller().run(x.clone(), State(state.h.clone(), c))) for c in (state.c.clone(), state.c.cos())
            )
        except CandidateError:
            return False
        return differ(one, other)

    def starts_from(self, found: Found) -> bool:
        """Whether what is handed over as the state is one: zeros are as good as none, and it is not only added."""
        (x, state), convention = self.given(found.convention), found.convention

        def after(factor: float, convention: Convention = convention) -> Tensor:
            start = state.map(lambda each: factor * each)
            return shown(self.caller(convention, found.reading).run(x.clone(), start))

        zero, once, twice = (after(factor) for factor in (0, 1, 2))
        without = after(0, replace(convention, state=None))
        if not zero.shape == once.shape == twice.shape == without.shape or differ(zero, without):
            return False
        return differ(once, zero) and differ(twice - zero, 2 * (once - zero))

    def fails_backward(self, found: Found) -> bool:
        """Whether it runs forwards so, and raises an error backwards: one written by hand may take no broadcast."""
        state = found.convention.state
        if state is None or state.axes != "KBF" or not isinstance(self.thing, nn.Module):
            return False
        x, given = self.given(found.convention)
        x = x.clone().requires_grad_()
        try:
            with torch.inference_mode(False), torch.enable_grad():
                output = shown(self.caller(found.convention, found.reading).run(x, given.map(torch.clone)))
                if output.requires_grad:
                    output.sum().backward()  # type: ignore[no-untyped-call]
        except Exception:  # of the user's code, of any kind
            return True
        return False

    def calls(
        self, convention: Convention, reading: ResultReading, x: Tensor, state: State, thing: Any = None
    ) -> Calls:
        """Of copies of whatever they are given."""
        held_thing = self.thing if thing is None else thing

        def caller(thing: Any, reading: ResultReading) -> Caller:
            return self.caller(convention, reading, thing)

        nothing = ResultReading(None, None, None)
        return Calls(
            x,
            state,
            convention.state is not None,
            convention.is_cell,
            lambda thing: caller(thing, nothing).result(x.clone(), state.map(torch.clone)),
            lambda thing: caller(thing, reading).run(x.clone(), state.map(torch.clone)),
            lambda x, state: caller(held_thing, nothing).result(x.clone(), state.map(torch.clone)),
            convention.state is not None and convention.state.cell_first,
            convention.state is not None and convention.state.handing in ("(h, c)", "h, c"),
        )

    def matrices(self, convention: Convention, x: Tensor, state: State) -> Mapping[results.Way, frozenset[str]]:
        """Those that each part of the result depends on."""
        own = {name for name, value in held(self.thing).items() if value.dim() > 1 and min(value.shape) > 1}
        calls = self.calls(convention, ResultReading(None, None, None), x, state)
        moved = movers(self.thing, lambda thing: dict(results.leaves(calls.result_of(thing), self.sizes.letters)))
        return {way: names & own for way, names in moved.items()}

    def passed_by(self, convention: Convention, reading: ResultReading) -> frozenset[str]:
        """The tensors that what it returns depends on, but not the states that are read."""
        x, state = self.given(convention)
        calls = self.calls(convention, reading, x, state)

        def read(thing: Any) -> Mapping[results.Way, Tensor]:
            return {(name,): value for name, value in calls.trace_of(thing).shown().items()}

        returned = movers(self.thing, lambda thing: dict(results.leaves(calls.result_of(thing), self.sizes.letters)))
        return frozenset().union(*returned.values()) - frozenset().union(*movers(self.thing, read).values())

    def sorted(self, found: Found, proved: Proved | None = None) -> Found:
        """With what it returns beside the states that are read of it: added to the reading, or sorted by what it is.

        `proved` is the candidate with known weights, and what a right layer yields with these.
        """
        x, state = self.given(found.convention)
        if found.convention.state is None:
            state = state.map(torch.zeros_like)
        elif state.c is not None and not found.convention.state.gives_c:
            state = State(state.h, torch.zeros_like(state.c))
        thing = self.thing if proved is None else proved.thing
        calls = self.calls(found.convention, found.reading, x, state, thing)
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

    def caller(self, convention: Convention, reading: ResultReading | None = None, thing: Any = None) -> Caller:
        """On a copy of its own, so that nothing is carried from call to call."""
        thing, loaded = copied(self.thing if thing is None else thing), self.loaded
        reading = reading or ResultReading(None, None, None)
        return Caller(thing, self.sizes.spec, convention, reading, loaded.called, loaded.file, self.draws)

    def measured(self, convention: Convention, reading: ResultReading) -> Found:
        """What exchanging rows, another first or last timestep of one row, and another initial state change."""

        drawn = seeds()  # by numpy too, which is not held still

        def traced(x: Tensor, state: State) -> Trace:
            put_back(drawn)
            return self.caller(convention, reading).run(x.clone(), state.map(torch.clone))

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
        other = observed(self.x, self.state.map(torch.cos))
        return Found(
            convention,
            reading,
            remembers=remembers,
            foresees=foresees,
            recurs=remembers and (self.sizes.spec.bidirectional or not foresees),
            keeps_rows=base.shape == exchanged.shape and not differ(base[:, order], exchanged),
            uses_state=convention.state is not None and differ(base, other),
            drops_time=drops_time(whole, reading, self.state),
            draws=self.draws,
        )

    def hands_back(self, found: Found) -> bool:
        """Whether all that is read of the result is the state that was handed over, and something else is returned."""
        if found.convention.state is None:
            return False
        x, given = self.given(found.convention)
        trace = self.caller(found.convention, found.reading).run(x.clone(), given.map(torch.clone))
        if not all(torch.equal(each, given.h[-1]) for each in shown(trace)):
            return False
        values = [value for _, value in results.leaves(self.result(found.convention, x, given), self.sizes.letters)]
        return any(not any(same_numbers(value, each) for each in given.tensors()) for value in values)

    def front(self, convention: Convention) -> str | None:
        """The module inside that reads what others make of x with parameters, and not x."""
        module = recurrent_inside(self.thing)
        if module is None or convention.enters is not None or isinstance(self.thing, torch.jit.ScriptModule):
            return None
        x, state = self.given(convention)
        caller = self.caller(convention)
        call = partial(caller.result, x.clone(), state.map(torch.clone))
        return module if learned_front(caller.thing, module, call) else None

    def result(self, convention: Convention, x: Tensor, state: State) -> object:
        """Of one call; from the first that draws at random on, all of them are held still."""
        before = torch.get_rng_state()
        result = self.caller(convention).result(x.clone(), state.map(torch.clone))
        if self.draws or torch.equal(before, torch.get_rng_state()):
            return result
        self.draws = True
        return self.caller(convention).result(x.clone(), state.map(torch.clone))


def same_numbers(a: Tensor, b: Tensor) -> bool:
    return a.numel() == b.numel() and torch.equal(a.flatten(), b.flatten())


def differ(a: Tensor, b: Tensor) -> bool:
    rtol, atol = (1e-6, 1e-9) if a.dtype == torch.float64 else (1e-4, 1e-6)
    return not torch.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True)


def rows_of(state: State, rows: Any) -> State:
    return state.map(lambda each: each[:, rows])
