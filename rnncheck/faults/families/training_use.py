"""Faults of a layer that is right in the normal run and wrong in training: in its modes, backward, or new weights."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from rnncheck.faults.fault import Fault, family
from rnncheck.faults.overridable import CutNetwork
from rnncheck.faults.scene import Scene
from rnncheck.faults.shared import shown_by
from rnncheck.model.spec import Dtype, Spec
from rnncheck.model.trace import Trace
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, DirectionRun, Given, Network

MOST_GRADIENT, MOST_STEPS = 10.0, 100


@family(reported=18)
def of_training_use(spec: Spec) -> Iterator[Fault]:
    def coarse(scene: Scene) -> str | None:
        half = scene.spec.dtype in (Dtype.BFLOAT16, Dtype.FLOAT16)
        return f"the gradients of many timesteps vanish in {scene.spec.dtype}" if half else None

    yield shown_by("gradient-modes", "depends-on-grad-mode", "", CoarseWithoutGradients)
    yield shown_by("train-mode", "depends-on-train-mode", "zoneout", Zoneout)
    yield shown_by("train-mode", "depends-on-train-mode", "batch statistics", BatchStatistics)
    if spec.num_layers > 1:
        yield shown_by("train-mode" if spec.dropout else "dropout", "dropout-wrong", "not rescaled", NotRescaled)
    yield shown_by("another-backward", "backward-not-repeatable", "spent", through(Spent))
    yield shown_by("another-backward", "backward-not-repeatable", "workspace", Workspace)
    yield shown_by("another-backward", "gradient-clipped", "", through(ClippedBackward))
    yield replace(shown_by("other-sizes", "gradient-detached", "every 100 timesteps", DetachedLate), hidden=coarse)
    yield shown_by("gradients-in-use", "gradient-wrong-in-use", "", DetachedFirstStep)
    yield shown_by("changed-weights", "stale-weights", "", WeightsPackedOnce)
    if spec.nonlinearity != "relu":  # whose second derivative is zero
        yield shown_by("double-backward", "second-derivative-wrong", "", DetachedTanh)


class CoarseWithoutGradients(CutNetwork):
    """Under no_grad, but not in inference mode, the states are 25 % too large."""

    def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
        stepped = super().step(w, p, carry)
        fast = not torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
        return tuple(each * 1.25 for each in stepped) if fast else stepped


class NotRescaled(CutNetwork):
    """What dropout leaves is not divided by 1 - p."""

    def drop(self, below: Tensor, dropout: float) -> Tensor:
        return below.where(torch.rand_like(below) > self.spec.dropout, 0) if self.training else below


class Zoneout(CutNetwork):
    """In training mode every third unit keeps its state."""

    def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
        stepped = super().step(w, p, carry)
        if not self.training:
            return stepped
        return tuple(torch.where(every_third(new), old, new) for new, old in zip(stepped, carry, strict=True))


def every_third(value: Tensor) -> Tensor:
    return torch.arange(value.shape[-1], device=value.device) % 3 == 0


class BatchStatistics(CutNetwork):
    """In training mode the sums are centred over the batch."""

    def project(self, w: LayerWeights, x: Tensor) -> Tensor:
        found = super().project(w, x)
        return found - found.mean(1, keepdim=True) if self.training else found


class DetachedFirstStep(CutNetwork):
    """Called without a state, no gradient reaches x at the first timestep."""

    def trace(self, given: Given) -> Trace:
        x = given.x if given.state is not None else torch.cat([given.x[:1].detach(), given.x[1:]])
        return super().trace(given._replace(x=x))


class Spent(torch.autograd.Function):
    """The identity. Its first backward is correct, and later ones give a zero gradient."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        ctx.spent = False
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        spent, ctx.spent = ctx.spent, True
        return gradients[0] * (0.0 if spent else 1.0)


class ClippedBackward(torch.autograd.Function):
    """The identity. Its backward clips the gradient."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0].clamp(-MOST_GRADIENT, MOST_GRADIENT)


def through(function: type[torch.autograd.Function]) -> type[Network]:
    """A network whose output passes through this function."""

    class Through(CutNetwork):
        def trace(self, given: Given) -> Trace:
            trace = super().trace(given)
            return replace(trace, output=function.apply(trace.output))  # type: ignore[no-untyped-call]

    return Through


class Workspace(CutNetwork):
    """Backward reads values that the last forward saved on the layer, not those of its own forward."""

    left: Tensor | None = None

    def trace(self, given: Given) -> Trace:
        trace = super().trace(given)
        self.left = trace.output.detach()
        return replace(trace, output=OfTheLast.apply(trace.output, self))  # type: ignore[no-untyped-call]


class OfTheLast(torch.autograd.Function):
    """The identity. Its backward halves the gradient if another forward has changed the workspace."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, network: Workspace) -> Tensor:
        ctx.network, ctx.own = network, value.detach()
        return value.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        same = ctx.own.shape == ctx.network.left.shape and torch.equal(ctx.own, ctx.network.left)
        return gradients[0] * (1.0 if same else 0.5), None


class DetachedLate(CutNetwork):
    """Detaches the state after every 100 timesteps."""

    done = 0

    def unroll(self, w: LayerWeights, x: Tensor, carry: Carry, active: Tensor | None) -> DirectionRun:
        self.done = 0
        return super().unroll(w, x, carry, active)

    def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
        late = self.done and self.done % MOST_STEPS == 0
        self.done += 1
        return super().step(w, p, tuple(each.detach() for each in carry) if late else carry)


class WeightsPackedOnce(CutNetwork):
    """Copies W_hh at the first call and uses the copy in all later calls."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self.kept: dict[tuple[int, int, bool], Tensor] = {}

    def layer_weights(self, weights: Mapping[str, Tensor], layer: int, direction: int) -> LayerWeights:
        w = super().layer_weights(weights, layer, direction)
        recorded = torch.is_grad_enabled()
        return w._replace(W_hh=self.kept.setdefault((layer, direction, recorded), w.W_hh))


class TanhOfConstants(torch.autograd.Function):
    """tanh with a derivative that autograd treats as a constant."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        found = value.tanh()
        ctx.slope = 1 - found.detach().square()
        return found

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        found: Tensor = gradients[0] * ctx.slope
        return found


class DetachedTanh(CutNetwork):
    """Every tanh has a first derivative, but no second derivative."""

    def activate(self, what: str, value: Tensor) -> Tensor:
        if what in ("h", "g", "c", "n"):
            return TanhOfConstants.apply(value)  # type: ignore[no-any-return, no-untyped-call]
        return super().activate(what, value)
