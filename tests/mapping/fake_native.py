"""Natives around objects whose conventions are known, so that mapping is tested without finding them out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from rnncheck.native import Facts
from rnncheck.spec import Spec
from rnncheck.trace import State, Trace

Run = Callable[[Tensor, State], Trace]


@dataclass
class FakeNative:
    """Tensors by name, and a function that runs by them."""

    spec: Spec
    held: Mapping[str, Tensor]
    running: Run
    facts: Facts
    renamed: Mapping[str, str] = field(default_factory=dict)

    def tensors(self) -> Mapping[str, Tensor]:
        return self.held

    def registered(self) -> frozenset[str]:
        return frozenset(self.held)

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        assert lengths is None
        return self.running(x, state)


def facts(takes_state: bool = True, exposes: Sequence[str] = ("output", "h_n", "c_n")) -> Facts:
    return Facts("a fake", takes_state, takes_state, frozenset(exposes))
