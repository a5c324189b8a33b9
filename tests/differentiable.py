"""Layers whose values are right and whose gradients are wrong, each in one way; for tests of what is said of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, Network

Values = Mapping[str, Tensor]


class Scaled(torch.autograd.Function):
    """The value as it is, its gradient times `factor`."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, factor: Tensor) -> Tensor:
        ctx.save_for_backward(factor)
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (factor,) = ctx.saved_tensors
        return gradients[0] * factor, None


def scaled(value: Tensor, factor: float | Tensor) -> Tensor:
    return Scaled.apply(value, torch.as_tensor(factor, dtype=value.dtype))


class Detaches(Network):
    """Hands on a detached state every `every` steps."""

    every = 1
    layer = 0

    def scan(self, w: LayerWeights, p: Tensor, carry: Carry, active: Tensor | None) -> list[Carry]:
        history = []
        for t, p_t in enumerate(p.unbind(0)):
            stepped = self.step(w, p_t, carry)
            stepped = stepped if active is None else self.hold(active[t], stepped, carry)
            history.append(stepped)
            carry = tuple(each.detach() for each in stepped) if (t + 1) % self.every == 0 else stepped
        return history


class Truncates(Detaches):
    """Backpropagation through four steps, and no further."""

    every = 4


class DetachesAbove(Detaches):
    """Right in the first layer alone."""

    def side(self, weights: Values, layer: int, *arguments: Any) -> Any:
        self.every = 1 if layer else 10**9
        return super().side(weights, layer, *arguments)


class FlipsAGate(Network):
    """The first gate's gradient comes back with the wrong sign."""

    def project(self, w: LayerWeights, x: Tensor) -> Tensor:
        projected = super().project(w, x)
        signs = torch.ones(projected.shape[-1])
        signs[: self.spec.hidden_size] = -1
        return scaled(projected, signs)


class WritesOverItsStates(Network):
    """Multiplies in place what autograd kept."""

    def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
        stepped = super().step(w, p, carry)
        return tuple(each.mul_(1.0) for each in stepped)


class Differentiable:
    """scratch's readable network on weights of its own: what is read of the weights and how it is run can be changed.

    `unregistered` are parameters that it uses and does not offer.
    """

    name = "differentiable"
    location = "tests"

    def __init__(
        self,
        network: type[Network] = Network,
        read: Callable[[Values, Tensor], Values] = lambda values, x: values,
        given: Callable[[Tensor, State], tuple[Tensor, State]] = lambda x, state: (x, state),
        yields: Callable[[Trace], Trace] = lambda trace: trace,
        unregistered: Sequence[str] = (),
        refuses: str | None = None,
    ) -> None:
        self.network, self.read, self.given, self.yields = network, read, given, yields
        self.unregistered, self._refuses = unregistered, refuses

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        return self._refuses

    def build(self, spec: Spec, weights: Weights) -> "DifferentiableLayer":
        with torch.inference_mode(False):
            values = {name: value.clone().requires_grad_() for name, value in weights.cast(spec).items()}
        return DifferentiableLayer(self, spec, values)


class DifferentiableLayer:
    def __init__(self, made_by: Differentiable, spec: Spec, values: dict[str, Tensor]) -> None:
        self._made_by, self._network, self.values = made_by, made_by.network(spec), values

    def parameters(self) -> Values:
        return self.values

    def leaves(self) -> Values | None:
        return {name: value for name, value in self.values.items() if name not in self._made_by.unregistered}

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        made_by = self._made_by
        x, state = made_by.given(x, state)
        return made_by.yields(self._network.run(made_by.read(self.values, x), x, state, lengths))
