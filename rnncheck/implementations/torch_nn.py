"""`torch`: the layer of `torch.nn`, the default reference."""

from torch import Tensor, nn

from rnncheck.implementations.module_layer import ModuleLayer, build_module
from rnncheck.implementations.protocol import no_place_for_own
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.weights import Weights


class TorchNN:
    """`torch.nn.RNN`, `LSTM` or `GRU`, with `torch.nn.functional`'s linear and softmax as the head."""

    name = "torch"
    location = "torch.nn"

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        return no_place_for_own(spec)

    def build(self, spec: Spec, weights: Weights) -> ModuleLayer:
        classes: dict[Cell, type[nn.Module]] = {Cell.RNN: nn.RNN, Cell.LSTM: nn.LSTM, Cell.GRU: nn.GRU}
        return ModuleLayer(spec, build_module(classes, spec), softmax_head, weights.cast(spec))


def softmax_head(output: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return nn.functional.softmax(nn.functional.linear(output, weight, bias), dim=-1)
