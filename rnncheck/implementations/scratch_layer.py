"""`scratch`: rnncheck's own readable layers, the default candidate."""

from torch import nn

from rnncheck import scratch
from rnncheck.implementations.module_layer import ModuleLayer, build_module
from rnncheck.implementations.protocol import no_place_for_own
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.weights import Weights
from rnncheck.scratch.head import softmax_head


class Scratch:
    """`rnncheck.scratch.RNN`, `LSTM` or `GRU`, written with tensor operations only, and a head."""

    name = "scratch"
    location = "rnncheck.scratch"

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        return no_place_for_own(spec)

    def build(self, spec: Spec, weights: Weights) -> ModuleLayer:
        classes: dict[Cell, type[nn.Module]] = {Cell.RNN: scratch.RNN, Cell.LSTM: scratch.LSTM, Cell.GRU: scratch.GRU}
        return ModuleLayer(spec, build_module(classes, spec), softmax_head, weights.cast(spec))
