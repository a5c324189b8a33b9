"""Which tensors of a candidate its results depend on: each is changed, one at a time."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from rnncheck.errors import CannotRun
from rnncheck.model.trace import State, Trace
from rnncheck.user_code.quantities import alike
from rnncheck.user_code.results import Way, leaves
from rnncheck.user_code.sizes import Sizes
from rnncheck.user_code.tensors import copied, held

AT_ONCE = 16  # tensors that are changed together where there are more, to find those on which nothing depends
DEAD_DRAWS = 5  # repetitions with other numbers, for a head that gives the same result after every change


@dataclass(frozen=True)
class Calls:
    """One call, and what it shows: `result_of` a copy of the candidate, and the states `trace_of` one."""

    x: Tensor
    state: State
    takes_state: bool
    one_step: bool
    result_of: Callable[[Any], object]
    trace_of: Callable[[Any], Trace]
    of: Callable[[Tensor, State], object]  # the result for another x and another state
    takes_cell_first: bool = False
    takes_pair: bool = False


def movers(thing: Any, seen: Callable[[Any], Mapping[Way, Tensor]]) -> Mapping[Way, frozenset[str]]:
    """The tensors of the candidate that each part of what is seen of it depends on."""
    before, drawn = seen(thing), torch.Generator().manual_seed(3)
    noise = {
        name: torch.randn(value.shape, generator=drawn, dtype=torch.float64) * 0.1
        for name, value in held(thing).items()
    }
    found: dict[Way, set[str]] = {way: set() for way in before}

    def changed(names: Sequence[str]) -> list[Way]:
        """What another value of all of these changes."""
        other = copied(thing)
        with torch.no_grad():
            values = {name: value for name, value in held(other).items() if name in names}
            kept = {name: value.clone() for name, value in values.items()}
            for name, value in values.items():
                value.add_(noise[name])
            try:
                after = seen(other)
            finally:
                for name, value in values.items():
                    value.copy_(kept[name])  # which the copy may share with the original
        return [way for way, value in before.items() if way not in after or not alike(after[way], value)]

    left = [list(noise)[start : start + AT_ONCE] for start in range(0, len(noise), AT_ONCE)]
    if len(noise) <= AT_ONCE:  # few of which are dead
        left = [[name] for name in noise]
    while left:
        names = left.pop()
        if len(names) == 1:
            for way in changed(names):
                found[way].add(names[0])
        elif moves(changed, names):
            half = len(names) // 2
            left += [names[:half], names[half:]]
    return {way: frozenset(names) for way, names in found.items()}


def moves(changed: Callable[[Sequence[str]], list[Way]], names: Sequence[str]) -> bool:
    try:
        return bool(changed(names))
    except CannotRun:  # it takes no such values of all of them; one by one it may
        return True


class Tops(NamedTuple):
    """Heads on top of the states, each with the tensors of the states that it depends on; and those of which none
    depends on any.
    """

    ways: Mapping[Way, frozenset[str]]
    unseen: list[str]


def tops(thing: Any, calls: Calls, left: Collection[Way], sizes: Sizes) -> Tops:
    """Those that depend on weights that states depend on, and on others. One step of a head may read the state before
    it instead, which depends on no weights.
    """

    def seen(each: Any) -> dict[Way, Tensor]:
        trace = calls.trace_of(each)
        states = [value for value in (trace.output, trace.final.h, trace.final.c) if value is not None]
        shown = torch.cat([value.reshape(-1) for value in states])
        return dict(leaves(calls.result_of(each), sizes.letters)) | {("states",): shown.nan_to_num()}

    moved = dict(movers(thing, seen))
    states = moved["states",]
    unseen = states
    for seed in range(DEAD_DRAWS):
        dead = [way for way in left if not moved[way]]  # a relu may let nothing through
        unseen = states - frozenset[str]().union(*(moved[way] for way in left))
        if not dead and not unseen:
            break
        again = movers(redrawn(thing, held(thing).keys() - states, seed), seen)
        moved |= {way: moved[way] | again[way] for way in left if way in again}
    ways = [way for way in left if moved[way] - states and (calls.one_step or moved[way] & states)]
    return Tops({way: moved[way] & states for way in ways}, sorted(unseen) if ways == list(left) else [])


def is_cut(thing: Any, calls: Calls, way: Way, names: Collection[str], sizes: Sizes) -> bool:
    """Whether autograd finds no gradient of a result by any of these tensors, on which it depends. A class, which is
    a whole number, has none.
    """
    wanted = [value for name, value in held(thing).items() if name in names and value.requires_grad]
    if not isinstance(thing, nn.Module) or not wanted:
        return False
    with suppress(Exception), torch.inference_mode(False), torch.enable_grad():  # it may need what it got before
        value = dict(leaves(calls.result_of(thing), sizes.letters)).get(way)
        if value is None or alike(value, value.detach().round()):
            return False
        nodes = list(graph_of(value))
        # A backward in Python, such as that of a checkpoint, may reach tensors of which the graph says nothing.
        if any(isinstance(node, torch.autograd.function.BackwardCFunction) for node in nodes):
            return False
        reached = [node.variable for node in nodes if hasattr(node, "variable")]
        # The call is of a copy, whose tensors hold the same numbers.
        return not any(torch.equal(one, other) for one in reached for other in wanted)
    return False


def graph_of(value: Tensor) -> Iterator[Any]:
    """The nodes by which autograd differentiates it."""
    nodes, seen = [value.grad_fn], set[Any]()
    while nodes:
        node = nodes.pop()
        if node is not None and node not in seen:
            seen.add(node)
            yield node
            nodes += [each for each, _ in node.next_functions]


def redrawn(thing: Any, names: Collection[str], seed: int) -> Any:
    """A copy of the candidate with new random numbers in these tensors."""
    other, drawn = copied(thing), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in held(other).items():
            if name in names:
                value.copy_(torch.randn(value.shape, generator=drawn, dtype=torch.float64))
    return other
