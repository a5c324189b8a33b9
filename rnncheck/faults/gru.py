"""What is done to the GRU's reset and update gates."""

from collections.abc import Iterator

from torch import Tensor

from rnncheck.faults.cut import CutNetwork
from rnncheck.faults.fault import Fault
from rnncheck.faults.scene import Scene
from rnncheck.scratch.cells import LayerWeights
from rnncheck.spec import Cell, Spec


def faults(spec: Spec) -> Iterator[Fault]:
    if spec.cell is not Cell.GRU:
        return
    yield Fault("gru-reset-before-matmul", "", ResetBeforeMatmul, hidden=one_unit_without_bias)
    yield Fault("gru-update-inverted", "", UpdateInverted)


class ResetBeforeMatmul(CutNetwork):
    """n = tanh(p_n + (r h) W_hn + b_hn): the reset gate stands before the matrix, as in the paper and Keras 1."""

    def proposal(self, w: LayerWeights, p_n: Tensor, u_n: Tensor, r: Tensor, h: Tensor) -> Tensor:
        size = h.shape[-1]
        return p_n + (r * h) @ w.W_hh[:, -size:] + w.b_hh[..., -size:]


class UpdateInverted(CutNetwork):
    """h' = z n + (1 - z) h: z says how much is new, where torch's says how much stays."""

    def mix(self, n: Tensor, z: Tensor, h: Tensor) -> Tensor:
        return h + z * (n - h)


def proposal_bias_is_zero(scene: Scene) -> bool:
    return not any(w.b_hh[-scene.spec.hidden_size :].any() for w in scene.layers())


def one_unit_without_bias(scene: Scene) -> str | None:
    if scene.spec.hidden_size == 1 and proposal_bias_is_zero(scene):
        return "H is 1 and b_hn is zero: before or after the product, r is a factor of the same one"
    return None
