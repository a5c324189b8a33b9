"""Runs a candidate over whole sequences by its convention: a cell in a loop over time, unbatched row by row."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from rnncheck.implementations.uses import InputChanged, NotOffered, OtherShape
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.user_code.blame import CandidateError, blaming
from rnncheck.user_code.construct import entry
from rnncheck.user_code.convention import Convention, Reader, ResultReading, Tap
from rnncheck.user_code.front import entering
from rnncheck.user_code.ids import LookedUp
from rnncheck.user_code.layout import arrange
from rnncheck.user_code.mean_draws import MeanDraws
from rnncheck.user_code.own_state import with_each
from rnncheck.user_code.results import described


class Misplaced(CandidateError, OtherShape):
    """The states are in other places of the result than in earlier calls."""


MOST_PREFIXES = 64  # of a sequence whose last state alone is returned: all of them are run, to see every state


@dataclass(frozen=True)
class Caller:
    """`run` is `Layer.run`. Raises `CandidateError` if the candidate raises, or returns another kind of result."""

    thing: Any
    spec: Spec
    convention: Convention
    reading: ResultReading
    called: str
    file: Path | None
    mean_draws: bool = False  # whether torch's random draws return their mean
    stateless: bool = False  # the initial state is left out of the call
    forget: Callable[[], None] = lambda: None  # called between rows, or beginnings of x, that are run by themselves

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        """x (T, B, I) from `state`; what is not exposed is NaN."""
        if not self.convention.by_row:
            return self._rows(x, state, lengths)
        if x.shape[1] == 0:
            raise NotOffered("it takes no batch, and an empty one has no row to run")
        parts = []
        for b in range(x.shape[1]):
            row = slice(b, b + 1)
            own = State(state.h[:, row], None if state.c is None else state.c[:, row])
            part = self._rows(x[: lengths[b], row] if lengths else x[:, row], own, None)
            self.forget()
            parts.append(padded(part, len(x)))
        return beside(parts)

    def ready(self, x: Tensor, state: State) -> Callable[[], Tensor] | None:
        """The call of the candidate's code alone, to be timed, which returns its output or its last state. None if more
        than one call makes the output: that of a cell, or of code without a batch.
        """
        convention, function = self.convention, entry(self.thing)
        read = self.reading.output or self.reading.h
        if convention.is_cell or convention.by_row or self.reading.tap or read is None:
            return None
        if convention.x_form == "ids" or convention.lengths in ("always packed", "argument") or function is None:
            return None
        if convention.enters is not None:
            return None
        arguments, target = convention.arguments(x, state), "TBF" if self.reading.output else "KBF"

        def call() -> Tensor:
            return read.read(function(**arguments), target)

        return call

    def _rows(self, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
        return self._in_a_loop(x, state, lengths) if self.convention.is_cell else self._whole(x, state, lengths)

    def _in_a_loop(self, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
        """Calls a cell at every timestep; a row that has ended keeps its state, and its output is zero."""
        outputs = []
        ends = None if lengths is None else torch.tensor(lengths, device=x.device)
        later = replace(self, stateless=False)
        for t in range(len(x)):
            result = (later if t else self).result(x[t : t + 1], state)
            h, c = self._read(self.reading.h, result, "KBF"), self._read(self.reading.c, result, "KBF")
            assert h is not None
            if h.shape != state.h.shape or (c is not None and state.c is not None and c.shape != state.c.shape):
                raise Misplaced(f"{self.called} returned states of other shapes than it was given")
            beside = self._read(self.reading.output, result, "KBF")
            output = (h if beside is None else beside)[-1:]
            if ends is not None:
                alive = (t < ends)[None, :, None]
                output, h = torch.where(alive, output, torch.zeros_like(output)), torch.where(alive, h, state.h)
                c = None if c is None or state.c is None else torch.where(alive, c, state.c)
            outputs.append(output)
            state = State(h, c)
        if self.spec.cell is Cell.LSTM and state.c is None:  # it keeps c to itself
            unknown = State(state.h, state.h.new_full((*state.h.shape[:2], self.spec.hidden_size), torch.nan))
            return Trace(torch.cat(outputs), unknown, unexposed=frozenset({"c_n"}))
        return Trace(torch.cat(outputs) if outputs else x.new_zeros(0, x.shape[1], self.spec.state_size), state)

    def _whole(self, x: Tensor, state: State, lengths: Sequence[int] | None) -> Trace:
        result = self.result(x, state, lengths)
        reading, spec = self.reading, self.spec
        hidden: set[str] = set()
        h, c = self._read(reading.h, result, "KBF"), self._read(reading.c, result, "KBF")
        output = self._read(reading.output, result, "TBF")
        if (
            output is None
            and h is not None
            and not lengths
            and len(x) <= MOST_PREFIXES
            and not spec.bidirectional
            and self.convention.fixed is None
        ):
            prefixes = []
            for t in range(1, len(x)):
                self.forget()
                prefixes.append(self.result(x[:t], state))
            prefixes.append(result)
            lasts = [self._read(reading.h, each, "KBF") for each in prefixes]
            tops = [each[-1] for each in lasts if each is not None]
            if len({each.shape for each in tops}) > 1:
                raise Misplaced(f"{self.called} returned states of other shapes for fewer timesteps")
            output = torch.stack(tops)
        if h is None and output is not None and ends_in_output(spec) and output.dim() == 3:
            h = last_states(output, spec, lengths)
        if h is not None and h.shape[0] != state.h.shape[0]:
            h = None  # the last layer's alone
        if c is not None and (state.c is None or c.shape[0] != state.c.shape[0]):
            c = None
        if output is None:
            hidden.add("output")
            output = x.new_full((*x.shape[:2], spec.output_size), torch.nan)
        if h is None:
            hidden.add("h_n")
            h = torch.full_like(state.h, torch.nan)
        if c is None and state.c is not None:
            hidden.add("c_n")
            c = torch.full_like(state.c, torch.nan)
        return Trace(output, State(h, c), unexposed=frozenset(hidden))

    def _value(self, reader: Reader, result: object, target: str) -> Tensor:
        """What is read; also without an axis that the code may leave out.

        Unless it runs as called, that is the time axis of a single timestep, which some squeeze. Without a state it is
        an axis of size 1 of what a head reads: it may have it from the state that is given alone.
        """
        try:
            return reader.read(result, target)
        except ValueError:
            axis = "1" if self.stateless and self.reading.tap is not None else "" if self.convention.verbatim else "T"
            if not axis or axis not in reader.axes:
                raise
            with suppress(ValueError):
                return replace(reader, axes=reader.axes.replace(axis, "", 1)).read(result, target)
            raise

    def _read(self, reader: Reader | None, result: object, target: str) -> Tensor | None:
        if reader is None:
            return None
        try:
            value = self._value(reader, result, target)
        except (LookupError, TypeError, ValueError, RuntimeError, AttributeError) as problem:
            raise Misplaced(
                f"{self.called} returned {described(result)}, and its states are not where they were before: {problem}"
            ) from problem
        if self.convention.graded and not torch.is_grad_enabled():
            value = value.detach()
        # numpy's default dtype is float64.
        return value.to(getattr(torch, self.spec.dtype)) if self.convention.numpy else value

    def result(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> object:
        """The result of one call, or the input or output of the watched module in it."""
        convention = self.convention
        arguments = convention.arguments(x, state)
        handed = torch.as_tensor(arguments[convention.x_name]).detach() if convention.x_form == "array" else None
        if self.stateless:
            arguments = {name: each for name, each in arguments.items() if name not in convention.state_names}
        packs = convention.lengths == "always packed" or (convention.lengths == "packed" and lengths is not None)
        if packs:
            batch_first = convention.x_axes.startswith("B")
            ends = torch.tensor(lengths) if lengths is not None else torch.full((x.shape[1],), len(x))
            in_order = not bool((ends[1:] > ends[:-1]).any())  # then no row needs to be moved, and none is
            arguments[convention.x_name] = pack_padded_sequence(
                arguments[convention.x_name], ends, batch_first=batch_first, enforce_sorted=in_order
            )
        elif convention.lengths == "argument":
            ends = torch.tensor(lengths) if lengths is not None else torch.full((x.shape[1],), len(x))
            arguments[str(convention.lengths_name)] = ends
        before = changeable(arguments, convention.lengths_name) if convention.verbatim else {}
        function = entry(self.thing)
        assert function is not None
        tap = self.reading.tap
        checking = sizes_checked(self.thing) if packs else nullcontext()
        drawing = MeanDraws() if self.mean_draws else nullcontext()  # type: ignore[no-untyped-call]
        looking = LookedUp(x) if convention.x_form == "ids" else nullcontext()
        entered = entering(self.thing, convention.enters, x) if convention.enters else nullcontext()
        graded = convention.graded and not torch.is_grad_enabled()
        with (
            checking,
            drawing,
            looking,
            entered,
            blaming(self.called, self.file),
            torch.enable_grad() if graded else nullcontext(),
        ):
            if graded:
                arguments = {name: with_each(value, requiring) for name, value in arguments.items()}
            if tap is None:
                result = convention.parted(function(**arguments), state)
            else:
                with tapped(self.thing, tap) as caught:
                    function(**arguments)
                result = caught if tap.often else caught[-1]
        require_unchanged(before, arguments, result)
        if handed is not None:
            write_back(handed, x, convention.x_axes)
        return result


@contextmanager
def sizes_checked(thing: Any) -> Iterator[None]:
    """Lets torch's layers inside check the sizes of packed input: they read beyond its memory where these are wrong."""

    def check(module: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
        assert isinstance(module, nn.RNNBase)
        given = dict(zip(("input", "hx"), arguments, strict=False)) | named
        x, hx = given.get("input"), given.get("hx")
        if isinstance(x, PackedSequence):
            module.check_input(x.data, x.batch_sizes)
            if hx is not None:
                module.check_forward_args(x.data, hx, x.batch_sizes)

    layers = [each for each in thing.modules() if isinstance(each, nn.RNNBase)] if isinstance(thing, nn.Module) else []
    handles = [each.register_forward_pre_hook(check, with_kwargs=True) for each in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def changeable(arguments: Mapping[str, Any], lengths: str | None) -> dict[str, Any]:
    """Copies of the lists of tensors and of the lengths, into which code could write."""
    return {
        name: list(value) if isinstance(value, list) else value.clone()
        for name, value in arguments.items()
        if isinstance(value, list) or name == lengths
    }


def require_unchanged(before: Mapping[str, Any], arguments: Mapping[str, Any], result: object) -> None:
    """Raises `InputChanged` for a list or lengths that the call wrote into, unless it returns that list as its own."""
    returned = result if isinstance(result, list | tuple) else [result]
    for name, was in before.items():
        now = arguments[name]
        if any(each is now for each in (result, *returned)):
            continue
        if isinstance(was, list):
            same = len(now) == len(was) and all(one is other for one, other in zip(now, was, strict=True))
        else:
            same = torch.equal(now, was)
        if not same:
            raise InputChanged(f"it writes into {name}")


def write_back(handed: Tensor, x: Tensor, axes: str) -> None:
    """Writes into x what the code wrote into a copy of it with other axes, so that a check sees it."""
    if handed.data_ptr() != x.data_ptr() and not torch.equal(changed := arrange(handed, axes, "TBF"), x):
        x.detach().copy_(changed)


def requiring(value: Any) -> Any:
    """A floating-point tensor as a leaf that requires gradients."""
    return value.detach().requires_grad_(True) if isinstance(value, Tensor) and value.is_floating_point() else value


@contextmanager
def tapped(thing: nn.Module, tap: Tap) -> Iterator[list[object]]:
    """Collects the inputs or outputs of a submodule, call by call."""
    caught: list[object] = []
    module = thing.get_submodule(tap.module)
    if tap.side == "input":
        handle = module.register_forward_pre_hook(lambda _, arguments: caught.append(only(arguments)))
    else:
        handle = module.register_forward_hook(lambda _, arguments, result: caught.append(result))
    try:
        yield caught
    finally:
        handle.remove()


def only(arguments: tuple[Any, ...]) -> object:
    return arguments[0] if len(arguments) == 1 else arguments


def ends_in_output(spec: Spec) -> bool:
    """Whether the outputs of a layer that does not return its last state say what that is: of one direction, whatever
    is wrong with the layer.
    """
    return spec.num_layers == 1 and not spec.bidirectional


def last_states(output: Tensor, spec: Spec, lengths: Sequence[int] | None) -> Tensor:
    """(D, B, R) from outputs (T, B, D*R): the forward direction ends at each row's last timestep, the other at 0."""
    ends = torch.tensor(lengths or [len(output)] * output.shape[1], dtype=torch.long, device=output.device)
    forward = output[ends - 1, torch.arange(len(ends), device=output.device), : spec.state_size]
    return torch.stack([forward, output[0, :, spec.state_size :]]) if spec.bidirectional else forward[None]


def padded(trace: Trace, steps: int) -> Trace:
    """The outputs of one row, padded with zeros."""
    missing = steps - len(trace.output)
    if not missing:
        return trace
    zeros = trace.output.new_zeros(missing, *trace.output.shape[1:])
    return Trace(torch.cat([trace.output, zeros]), trace.final, unexposed=trace.unexposed)


def beside(parts: Sequence[Trace]) -> Trace:
    """Joins rows that were run one by one into a batch."""

    def joined(pick: Callable[[Trace], Tensor | None]) -> Tensor | None:
        values = [pick(each) for each in parts]
        return torch.cat([each for each in values if each is not None], 1) if values[0] is not None else None

    output, h = joined(lambda each: each.output), joined(lambda each: each.final.h)
    assert output is not None
    assert h is not None
    return Trace(output, State(h, joined(lambda each: each.final.c)), unexposed=parts[0].unexposed)
