"""Right layers that are written differently, as implementations: for whole checks, gradients included."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from benchmarks.envelope.right_layers import IN_PAIRS, JOINED, PER_GATE, RightLayer, reversed_matmul
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights

BACKWARDS = RightLayer("reversed sums", reversed_matmul)
DIFFERENTIABLE = (PER_GATE, BACKWARDS, JOINED, IN_PAIRS)


class Written:
    """One way to write a layer, differentiated by autograd."""

    location = "benchmarks/envelope/right_layers.py"

    def __init__(self, way: RightLayer) -> None:
        self.name, self._way = way.name, way

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        return "it has no head" if spec.head else None

    def build(self, spec: Spec, weights: Weights) -> "WrittenLayer":
        return WrittenLayer(self._way, spec, weights)


class WrittenLayer:
    def __init__(self, way: RightLayer, spec: Spec, weights: Weights) -> None:
        self._way, self._spec = way, spec
        self._leaves = {name: value.clone().requires_grad_() for name, value in weights.cast(spec).items()}

    def parameters(self) -> Mapping[str, Tensor]:
        return {name: value.detach() for name, value in self._leaves.items()}

    def leaves(self) -> Mapping[str, Tensor]:
        return self._leaves

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        return self._way.run(self._spec, Weights(self._leaves), x, state, lengths)
