"""What a candidate returns beside the states that are read of it: copies of these, heads, or what nobody knows."""

import copy
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import torch
from torch import Tensor

from rnncheck.model.trace import State, Trace
from rnncheck.user_code.calling import last_states
from rnncheck.user_code.convention import Reader, Reading
from rnncheck.user_code.results import ALL, Way, leaves
from rnncheck.user_code.sizes import Sizes
from rnncheck.user_code.tensors import held


@dataclass(frozen=True)
class Unread:
    """`heads` have weights of their own on top of the states. Of what is `strange` nothing is known. `cell_alone` is
    the cell state of the last layer without those of the others.
    """

    heads: tuple[Way, ...] = ()
    strange: tuple[Way, ...] = ()
    cell_alone: tuple[Way, ...] = ()


NOTHING = Unread()


@dataclass(frozen=True)
class Calls:
    """One call, and what it shows: `result_of` a copy of the candidate, and the states `trace_of` one."""

    x: Tensor
    state: State
    takes_state: bool
    one_step: bool
    result_of: Callable[[Any], object]
    trace_of: Callable[[Any], Trace]


def unread(thing: Any, calls: Calls, reading: Reading, sizes: Sizes) -> Unread:
    """Sorts all that is returned and is not read."""
    result, trace = calls.result_of(thing), calls.trace_of(thing)
    found = dict(leaves(result, sizes.letters))
    read = ways_read(reading, trace)
    known = list(copies(calls, trace, sizes))
    given = [calls.x, *calls.x, *held(thing).values()]
    records = {way[:1] for way, value in found.items() if len(way) > 1 and is_one_of(value, given)}
    left = [
        way
        for way, value in found.items()
        if way not in read and way[:1] not in records and not is_one_of(value, known)
    ]
    front = () if reading.output is None or starts_right(reading, result, calls) else ((*reading.output.way, 0),)
    if reading.c is not None and left == [reading.c.way]:
        return Unread((), front, (reading.c.way,))
    heads = tops(thing, calls, left, sizes) if left else []
    return Unread(tuple(heads), (*front, *(way for way in left if way not in heads)))


def ways_read(reading: Reading, trace: Trace) -> set[Way]:
    """Of what is compared: a state that only one of several layers shows is not."""
    if reading.tap is not None:
        return set()
    states = {"output": reading.output, "h_n": reading.h, "c_n": reading.c}
    return {each.way for name, each in states.items() if each and not (name != "output" and name in trace.unexposed)}


def copies(calls: Calls, trace: Trace, sizes: Sizes) -> Iterator[Tensor]:
    """The states, whole or as a layer's, and what was handed over: to return them again says nothing new."""
    yield from (calls.x, trace.output)
    yield from torch.split(trace.output, sizes.spec.state_size, -1)
    ends = last_states(trace.output, sizes.spec, None)
    for value in (ends, trace.final.h, trace.final.c, calls.state.h, calls.state.c):
        if value is not None:
            yield value
            yield from value


def is_one_of(value: Tensor, known: Collection[Tensor]) -> bool:
    """Whether it has the numbers of one of them, with its axes in any order, and in any shape."""
    flat = value.detach().reshape(-1)
    return any(
        each.numel() == flat.numel() > 0 and alike(flat, each.detach().permute(order).reshape(-1))
        for each in known
        for order in permutations(range(each.dim()))
    )


def alike(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and torch.allclose(a, b.to(a.dtype), rtol=1e-9, atol=1e-12)


def starts_right(reading: Reading, result: object, calls: Calls) -> bool:
    """Whether what stands in front of the states is the initial one."""
    output = reading.output
    if output is None or "S" not in output.axes or reading.tap is not None:
        return True
    first = Reader(output.way, output.axes.replace("S", "T")).read(result, "TBF")[0]
    return alike(first, calls.state.h[-1] if calls.takes_state else torch.zeros_like(first))


def tops(thing: Any, calls: Calls, left: Collection[Way], sizes: Sizes) -> list[Way]:
    """Those that depend on weights that states depend on, and on others. One step of a head may read the state before
    it instead, which depends on no weights.
    """

    def seen(each: Any) -> dict[Way, Tensor]:
        trace = calls.trace_of(each)
        states = [value for value in (trace.output, trace.final.h, trace.final.c) if value is not None]
        shown = torch.cat([value.reshape(-1) for value in states])
        return dict(leaves(calls.result_of(each), sizes.letters)) | {("states",): shown.nan_to_num()}

    moved = movers(thing, seen)
    states = moved["states",]
    return [way for way in left if moved[way] - states and (calls.one_step or moved[way] & states)]


def movers(thing: Any, seen: Callable[[Any], Mapping[Way, Tensor]]) -> Mapping[Way, frozenset[str]]:
    """The tensors of the candidate that each part of what is seen of it depends on."""
    before = seen(thing)
    drawn = torch.Generator().manual_seed(3)
    found: dict[Way, set[str]] = {way: set() for way in before}
    for name in held(thing):
        other = copy.deepcopy(thing)
        with torch.no_grad():
            value = held(other)[name]
            value.add_(torch.randn(value.shape, generator=drawn, dtype=torch.float64) * 0.1)
        after = seen(other)
        for way, value in before.items():
            if way not in after or not alike(after[way], value):
                found[way].add(name)
    return {way: frozenset(names) for way, names in found.items()}


def strangers(found: Unread) -> str | None:
    """Why nothing is equivalent that returns them."""
    if not found.strange:
        return None
    said = " and ".join(spelled(each) for each in found.strange)
    were, it_is = ("were", "they are") if len(found.strange) > 1 else ("was", "it is")
    return (
        f"{said} {were} not compared: {it_is} not among the states as they were read, and no head with weights of its "
        "own; return the states alone to have them judged"
    )


def passed_over(found: Unread) -> list[str]:
    """What a pass does not tell."""
    heads = [f"{spelled(each)}, a head on top of the states, was not compared" for each in found.heads]
    return heads + [
        f"{spelled(each)}, the cell state of the last layer alone, was not compared" for each in found.cell_alone
    ]


def spelled(way: Way) -> str:
    """As its user would write it."""
    if not way:
        return "what it returns"
    steps = [f"[{each!r}]" if isinstance(each, int | str) and each != ALL else "[...]" for each in way]
    return f"result{''.join(steps)}"
