"""A candidate whose calls change it, made to forget: every run is the first of a newly built one."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from rnncheck.mapping.probe import prepared, put
from rnncheck.native import Facts, Native
from rnncheck.spec import Spec
from rnncheck.trace import State, Trace


class Forgetful:
    """`Native` of what `make` builds. The tensors are those that the next run reads."""

    def __init__(self, make: Callable[[], Native]) -> None:
        self._make = make
        self._fresh = make()

    @property
    def spec(self) -> Spec:
        return self._fresh.spec

    @property
    def facts(self) -> Facts:
        return self._fresh.facts

    def tensors(self) -> Mapping[str, Tensor]:
        return self._fresh.tensors()

    def registered(self) -> frozenset[str]:
        return self._fresh.registered()

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        run, values = self._fresh, {name: value.detach().clone() for name, value in self.tensors().items()}
        trace = run.run(x, state, lengths)
        self._fresh = self._make()
        put(self._fresh, values)
        return trace


def steady(make: Callable[[], Native]) -> Native:
    """What `make` builds, made to forget if a second call is not as its first."""
    native = make()
    probe = prepared(native)
    with torch.no_grad():
        first, second = ([value.clone() for _, _, value in probe.seen(native.run(probe.x, probe.state))] for _ in "12")
    same = all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    return make() if same else Forgetful(make)
