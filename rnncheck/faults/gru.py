"""What is done to the GRU's reset and update gates."""

from collections.abc import Iterator

import torch
from torch import Tensor

from rnncheck.faults.fault import Fault
from rnncheck.faults.overridable import CutNetwork
from rnncheck.faults.scene import Scene
from rnncheck.model.spec import Cell, Spec
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Network


def faults(spec: Spec) -> Iterator[Fault]:
    if spec.cell is not Cell.GRU:
        return
    yield Fault("gru-reset-before-matmul", "", ResetBeforeMatmul, hidden=one_unit_without_bias)
    yield Fault("gru-update-inverted", "", UpdateInverted)
    if spec.bias:
        yield Fault("gru-bias-outside-reset", "", BiasOutsideReset, hidden=no_proposal_bias)
        yield Fault("gru-reset-before-matmul", "b_hn reset too", AllReset, hidden=one_unit)
    yield Fault("gru-reset-over-input", "", ResetOverInput)
    yield Fault("gate-ignored", "r", constant_gate("r", 1))
    yield Fault("gate-ignored", "z", constant_gate("z", 0))


class ResetBeforeMatmul(CutNetwork):
    """n = tanh(p_n + (r h) W_hn + b_hn): the reset gate before the product, as the GRU's own paper has it."""

    def proposal(self, w: LayerWeights, p_n: Tensor, u_n: Tensor, r: Tensor, h: Tensor) -> Tensor:
        W_hn, b_hn = of_proposal(w, h)  # noqa: N806
        return p_n + (r * h) @ W_hn + b_hn


class AllReset(CutNetwork):
    """n = tanh(p_n + (r h) W_hn + r b_hn)."""

    def proposal(self, w: LayerWeights, p_n: Tensor, u_n: Tensor, r: Tensor, h: Tensor) -> Tensor:
        W_hn, b_hn = of_proposal(w, h)  # noqa: N806
        return p_n + (r * h) @ W_hn + r * b_hn


class BiasOutsideReset(CutNetwork):
    """n = tanh(p_n + b_hn + r (h W_hn)): one bias, added where the input's is."""

    def proposal(self, w: LayerWeights, p_n: Tensor, u_n: Tensor, r: Tensor, h: Tensor) -> Tensor:
        W_hn, b_hn = of_proposal(w, h)  # noqa: N806
        return p_n + b_hn + r * (h @ W_hn)


class ResetOverInput(CutNetwork):
    """n = tanh(r (p_n + u_n)): the reset gate weighs the input's share too."""

    def proposal(self, w: LayerWeights, p_n: Tensor, u_n: Tensor, r: Tensor, h: Tensor) -> Tensor:
        return r * (p_n + u_n)


class UpdateInverted(CutNetwork):
    """h' = z n + (1 - z) h: z says how much is new, where torch's says how much stays."""

    def mix(self, n: Tensor, z: Tensor, h: Tensor) -> Tensor:
        return super().mix(h, z, n)


def constant_gate(gate: str, at: float) -> type[Network]:
    """The gate never does anything: r lets all of the past through, or z keeps none of it."""

    class ConstantGate(CutNetwork):
        def activate(self, what: str, value: Tensor) -> Tensor:
            return torch.full_like(value, at) if what == gate else super().activate(what, value)

    return ConstantGate


def of_proposal(w: LayerWeights, h: Tensor) -> tuple[Tensor, Tensor]:
    """W_hn (H, H) and b_hn (H)."""
    size = h.shape[-1]
    return w.W_hh[:, -size:], w.b_hh[..., -size:]


def no_proposal_bias(scene: Scene) -> str | None:
    if any(w.b_hh[-scene.spec.hidden_size :].any() for w in scene.layers()):
        return None
    return "b_hn is zero"


def one_unit(scene: Scene) -> str | None:
    return "H is 1: r is a factor of the same product either way" if scene.spec.hidden_size == 1 else None


def one_unit_without_bias(scene: Scene) -> str | None:
    return no_proposal_bias(scene) and one_unit(scene)
