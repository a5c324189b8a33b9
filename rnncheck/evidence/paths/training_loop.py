"""Training as it is mostly done: x and the states are data, the loss goes backward into .grad, and one call follows
another.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

from rnncheck.errors import RnncheckError
from rnncheck.evidence.gradients.differentiate import INPUTS
from rnncheck.evidence.paths.gradients import (
    CHANGE,
    SHARE,
    Attached,
    Gradients,
    NotDifferentiable,
    change,
    kept,
    roughly_unchanged,
    share,
    times,
    unchanged,
    without_state,
)
from rnncheck.evidence.paths.path import Leg, Values
from rnncheck.evidence.paths.scene import PathScene, User, in_mode
from rnncheck.implementations.protocol import Layer
from rnncheck.implementations.uses import NotOffered, WrongUse
from rnncheck.text import in_words

FAULT = "gradient-wrong-in-use"
CALLS = 3  # without a state
Used = Callable[[Layer], Layer]


class NoGradient(WrongUse):
    """A weight is not trained."""


class Leak(WrongUse):
    """A call starts where the last one ended."""

    fault = "state-leaks-between-calls"


def legs(scene: PathScene, zeros: PathScene, shown: Collection[str], *, train: bool) -> Iterator[Leg]:
    """In training mode, if so asked; `shown` results are in the loss."""
    mode = ", in training mode" if train else ""
    for each, use, calls, how in (
        (scene, unchanged, 1, ""),
        (zeros, without_state, CALLS, f" and without a state, {CALLS} times"),
    ):

        def go(user: User, each: PathScene = each, use: Used = use, calls: int = calls) -> Values:
            return trained(user, each, use, calls, shown, train=train)

        yield Leg(f"differentiated into .grad with x as data{how}{mode}", go, roughly_unchanged(each), FAULT)


def trained(user: User, scene: PathScene, use: Used, calls: int, shown: Collection[str], *, train: bool) -> Values:
    """The gradients of so many calls, beside those of one call that is differentiated by x and the states too."""
    if reason := user.implementation.refuses(scene.spec):
        raise NotOffered(reason)
    layer = user.fresh(scene)
    try:
        alone = into_grad(Attached.of(user.fresh(scene), scene), shown)
        used = use(layer)
    except (RuntimeError, TypeError, ValueError, RnncheckError) as problem:  # so it fails in this use in any case
        raise NotOffered(f"it fails without that too: {problem}") from problem
    if not alone:
        raise NotOffered("none of its tensors is trained")
    first: Gradients = {}
    found: Gradients = {}
    with in_mode(layer, train=train):
        for number in range(calls):
            try:
                call = Attached.of(used, scene, data=True)
                found = into_grad(call, shown)
            except NotDifferentiable as problem:
                raise NoGradient("no result has a gradient where x is data") from problem
            except RuntimeError as problem:
                if not number:
                    raise
                raise Leak(f"called again without a state, it fails: {problem}") from problem
            first = first or kept(call.results)
            if any(share(call.results.get(name), each) > SHARE for name, each in first.items()):
                raise Leak("called again without a state, it gives other results")
    if lost := [name for name in alone if name not in found]:
        raise NoGradient(f"no gradient reaches {in_words(lost)} where x is data")
    return {CHANGE: change(found, times(calls, alone))}


def into_grad(run: Attached, shown: Collection[str]) -> Gradients:
    """What is in .grad of the layer's own tensors after a backward of these results."""
    results = {name: each for name, each in run.results.items() if name in shown}
    replace(run, results=results).loss().backward()  # type: ignore[no-untyped-call]
    own = {name: each for name, each in run.leaves.items() if name not in INPUTS}
    return {name: each.grad for name, each in own.items() if each.grad is not None}
