"""What the caller does with results: writes into them, hands a state back, and keeps them while others come."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from rnncheck.evidence.paths.gradients import CHANGED, OTHERWISE, share
from rnncheck.evidence.paths.path import Leg, Values
from rnncheck.evidence.paths.scene import PathSetting, User, values
from rnncheck.implementations.uses import InputChanged, NotOffered, Unlike, as_called
from rnncheck.text import in_words

FAULT = "results-share-memory"
LEAKS = "state-leaks-between-calls"
CALLS = 33  # one more than any ring of buffers that is likely


def legs(setting: PathSetting) -> Iterator[Leg]:
    scene = setting.base
    short = setting.scene(None if setting.fixed else min(2, len(scene.x)))

    def many(user: User) -> Values:
        """Many calls, of other numbers each, and then all their results."""
        layer, found, kept = user.fresh(short), list[Values](), list[Values]()
        x, state = short.given()
        with as_called(layer):
            for number in range(CALLS):
                found.append(values(layer.run(x + number / CALLS, state, short.lengths)))
                kept.append(copied(found[-1]))
        return farthest(found, kept)

    def at_last(user: User) -> Values:
        """After as many calls with other numbers."""
        layer, (x, state) = user.fresh(short), short.given()
        with as_called(layer):
            for number in range(1, CALLS):
                by = number / CALLS
                layer.run(x + by, state.map(lambda each, by=by: each + by), short.lengths)  # type: ignore[misc]
            return values(layer.run(x, state, short.lengths))

    def written_into(user: User) -> Values:
        """Its output, in place: torch's final states are memory of their own, those of some right layers are views."""
        layer = user.fresh(scene)
        with as_called(layer):
            trace = layer.run(*scene.given(), scene.lengths)
        finals = {name: each for name, each in values(trace).items() if name != "output"}
        kept = copied(finals)
        write(lambda: trace.output.mul_(2))
        if changed := [name for name, each in finals.items() if not torch.equal(each, kept[name])]:
            raise Unlike(f"{in_words(changed)} changes with it, which is a view of it")
        return {}

    def handed_back(user: User) -> Values:
        """Its final states, set to zero in place for the first row, as where an episode of that row ends."""
        layer = user.fresh(scene)
        with as_called(layer):
            x, start = scene.given()
            trace = layer.run(x, start, scene.lengths)
            if {"h_n", "c_n"} & trace.unexposed:
                raise NotOffered("it does not return all of its state")
            state = trace.final
            write(lambda: [each[:, :1].zero_() for each in state.tensors()])
            before = state.map(Tensor.clone)
            found = copied(values(layer.run(x, state, scene.lengths)))
            if not all(map(torch.equal, state.tensors(), before.tensors())):
                raise InputChanged("it writes into the state that it returned, where that is handed back")
            right = values(layer.run(x, before, scene.lengths))
        return {OTHERWISE: farthest([found], [right])[CHANGED]}

    yield Leg(f"called {CALLS} times before any result is used", many, short, FAULT)
    yield Leg(f"called for the {CALLS}rd time", at_last, short, LEAKS)
    yield Leg("called, and its output then changed in place", written_into, scene, FAULT)
    if setting.takes_state and (scene.state.c is None or setting.takes_cell_state):
        yield Leg("given the state that it returned, changed in place", handed_back, scene, LEAKS)


def copied(found: Values) -> Values:
    return {name: each.clone() for name, each in found.items()}


def farthest(after: Sequence[Values], before: Sequence[Values]) -> Values:
    """The largest change of any result."""
    pairs = [(one[name], each) for one, other in zip(after, before, strict=True) for name, each in other.items()]
    most = max((share(*each) for each in pairs), default=0.0)
    return {CHANGED: torch.tensor(most, dtype=torch.float64).view(1, 1, 1)}


def write(change: Callable[[], object]) -> None:
    """Changes a result in place. Raises `NotOffered` if torch does not permit that."""
    try:
        change()
    except RuntimeError as problem:
        raise NotOffered(f"torch does not permit to change its results in place: {problem}") from problem
