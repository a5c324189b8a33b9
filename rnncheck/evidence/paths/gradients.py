"""Runs one side with gradients recorded and computes the gradients of its results, for the paths that need them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor

from rnncheck.evidence.paths.scene import Allowed, PathScene, values
from rnncheck.evidence.tolerance import Tolerance
from rnncheck.implementations.protocol import Layer
from rnncheck.implementations.uses import NotOffered, as_called, offered
from rnncheck.model.trace import State, Trace

Gradients = Mapping[str, Tensor]
View = Callable[[Tensor], Tensor]
Same = TypeVar("Same")
CHANGE = "a gradient changes"
ALONE = "the gradient by "
END = "the gradient by x ends"
SAME = "its dropout is the same in each call"
MASKS = "its gradient has other dropout masks than its results"
GIVEN = "a gradient that was given changes"
WRITTEN = "a gradient where the output was changed"
CHANGED = "a result changes"
OTHERWISE = "a state that is handed back"
SHARE = 1e-3  # of the largest, in float64: also a layer that computes in float32 there is nearer
SAID = {  # of the worst difference
    CHANGE: f"{CHANGE} by {{}} of its largest value, but it must not change",
    MASKS: f"{MASKS}, or dropout depends on the gradient mode",
    SAME: "its dropout is the same in each call, where the reference draws it anew",
    CHANGED: "a result that it has returned changes by {} of its largest value",
    OTHERWISE: "its results differ by {} of the largest value from those for a copy of that state",
    GIVEN: "its backward writes into the gradients that it is given",
    WRITTEN: "its backward reads the output that was changed: a gradient changes by {} of its largest value",
    END: "no gradient of the last state reaches x before some timestep",
}


class NotDifferentiable(NotOffered):
    """No result of a run has a gradient."""


@dataclass(frozen=True)
class UsedAs:
    """A layer whose `run` is another use of it."""

    layer: Layer
    use: Callable[[Tensor, State, Sequence[int] | None], Trace]

    def parameters(self) -> Mapping[str, Tensor]:
        return self.layer.parameters()

    def leaves(self) -> Mapping[str, Tensor] | None:
        return self.layer.leaves()

    def trained(self) -> Mapping[str, Tensor]:
        return trained_by(self.layer)

    def as_called(self) -> AbstractContextManager[None]:
        return as_called(self.layer)

    def training(self) -> AbstractContextManager[None]:
        own: AbstractContextManager[None] = offered(self.layer, "training")()
        return own

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        return self.use(x, state, lengths)


def without_state(layer: Layer) -> Layer:
    """The layer, run without an initial state. Raises `NotOffered` if it needs one."""
    use = offered(layer, "run_without_state")
    return UsedAs(layer, lambda x, state, lengths: use(x, lengths))


def unchanged(value: Same) -> Same:
    return value


@dataclass(frozen=True)
class Attached:
    """One run with its leaves, by which its results can be differentiated: x, the states, the layer's parameters."""

    results: Mapping[str, Tensor]
    leaves: Mapping[str, Tensor]

    @classmethod
    def of(
        cls, layer: Layer, scene: PathScene, only: str | None = None, *, data: bool = False, view: View = unchanged
    ) -> "Attached":
        """Runs the side, by every leaf or by `only` this one, for which others are `frozen`. Where x and the states are
        `data`, they require no gradient; the layer is given a `view` of each. Raises `NotDifferentiable` if no result
        has a gradient.
        """
        trained = trained_by(layer)
        x, state = scene.given()
        inputs = {} if data else {"x": x, "h0": state.h} | ({} if state.c is None else {"c0": state.c})
        leaves = {name: each for name, each in (inputs | trained).items() if only in (None, name)}
        for value in leaves.values():
            value.requires_grad_()
        with as_called(layer), torch.enable_grad():
            results = values(layer.run(view(x), state.map(view), scene.lengths))
        attached = {name: value for name, value in results.items() if value.requires_grad}
        if not attached:
            raise NotDifferentiable("its results cannot be differentiated")
        return cls(attached, leaves)

    def loss(self, *, of_variables: bool = False, other: bool = False) -> Tensor:
        """A weighted sum of all results, or an `other` one. With `of_variables` the weights require gradients."""
        with torch.enable_grad():
            pairs = [(value, weights_like(value, other=other)) for value in self.results.values()]
            return torch.stack([(a * w.requires_grad_(of_variables)).sum() for a, w in pairs]).sum()

    def gradients(self, loss: Tensor | None = None, *, again: bool = False, graph: bool = False) -> Gradients:
        """The gradients by every leaf that has one. `again` keeps the graph for another backward; `graph` asks for one
        of the gradients.
        """
        loss = self.loss() if loss is None else loss
        try:
            leaves = list(self.leaves.values())
            found = torch.autograd.grad(
                loss, leaves, retain_graph=again or graph, create_graph=graph, allow_unused=True
            )
        except NotImplementedError as problem:  # of a function without a backward, which the gradients have shown
            raise NotOffered("its results cannot be differentiated") from problem
        return {name: each for name, each in zip(self.leaves, found, strict=True) if each is not None}


def trained_by(layer: Layer) -> dict[str, Tensor]:
    """The tensors of the layer that require gradients."""
    live: Mapping[str, Tensor] = getattr(layer, "trained", layer.leaves)() or {}
    return {name: value for name, value in live.items() if value.requires_grad}


@contextmanager
def frozen(layer: Layer, but: str) -> Iterator[None]:
    """Within it no tensor of the layer requires a gradient `but` this one, where it is one."""
    held = [each for name, each in trained_by(layer).items() if name != but]
    for each in held:
        each.requires_grad_(False)
    try:
        yield
    finally:
        for each in held:
            each.requires_grad_()


def weights_like(value: Tensor, *, other: bool = False) -> Tensor:
    ramp = torch.arange(1.0, value.numel() + 1, dtype=torch.float64, device=value.device)
    return (ramp.sin() if other else ramp.cos()).view(value.shape).to(value.dtype)


def kept(gradients: Gradients) -> Gradients:
    """Copies, which later calls cannot change."""
    return {name: each.detach().clone() for name, each in gradients.items()}


def change(after: Gradients, before: Gradients) -> Tensor:
    """The largest change of a gradient, relative to the largest number in it: (1, 1, 1)."""
    shares = [share(after.get(name), value) for name, value in before.items()]
    return torch.tensor(max(shares, default=0.0), dtype=torch.float64).view(1, 1, 1)


def share(after: Tensor | None, before: Tensor) -> float:
    if after is None or after.shape != before.shape:
        return float("inf")
    if torch.equal(after, before):
        return 0.0
    moved, size = (after - before).abs().max(), before.abs().max()
    found = float(moved) / max(float(size), torch.finfo(before.dtype).tiny)
    return found if found == found else float("inf")


def roughly_unchanged(scene: PathScene) -> PathScene:
    """Allows a gradient to change by a share of its largest number, as where products are summed in another order."""
    return replace(scene, allows=lambda: {CHANGE: Tolerance(atol=SHARE)})


def times(number: float, gradients: Gradients) -> Gradients:
    return {name: number * each for name, each in gradients.items()}


def accumulated(leaves: Mapping[str, Tensor], names: Sequence[str]) -> Gradients:
    """The gradients in `.grad`. Sets `.grad` to None."""
    found = {name: leaves[name].grad for name in names}
    for name in names:
        leaves[name].grad = None
    return {name: each for name, each in found.items() if each is not None}


def near_the_largest(right: Gradients, share: float = SHARE) -> Allowed:
    """A share of the largest number of each gradient of the reference."""
    return {name: Tolerance(atol=share * float(each.abs().max())) for name, each in right.items()}
