"""Natives around objects whose conventions are known, so that mapping is tested without finding them out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from rnncheck.mapping.native import Facts
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace

Run = Callable[[Tensor, State], Trace]


@dataclass
class FakeNative:
    """Tensors by name, and a function that runs by them."""

    spec: Spec
    held: Mapping[str, Tensor]
    running: Run
    facts: Facts
    renamed: Mapping[str, str] = field(default_factory=dict)

    @property
    def differentiable(self) -> bool:
        return True

    def tensors(self) -> Mapping[str, Tensor]:
        return self.held

    def registered(self) -> frozenset[str]:
        return frozenset(self.held)

    def buffers(self) -> frozenset[str]:
        return frozenset()

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        assert lengths is None
        return self._shown(self.running(x, state))

    def _shown(self, trace: Trace) -> Trace:
        """What is not exposed is NaN, as of a stranger's layer."""
        hidden = frozenset({"output", "h_n", "c_n"}) - self.facts.exposes
        h, c = trace.final.h, trace.final.c
        state = State(
            torch.full_like(h, torch.nan) if "h_n" in hidden else h,
            torch.full_like(c, torch.nan) if c is not None and "c_n" in hidden else c,
        )
        output = torch.full_like(trace.output, torch.nan) if "output" in hidden else trace.output
        return Trace(output, state, unexposed=hidden)


def facts(takes_state: bool = True, exposes: Sequence[str] = ("output", "h_n", "c_n")) -> Facts:
    return Facts("a fake", takes_state, takes_state, frozenset(exposes))
