"""Runs user code with every torch dropout switched off, and tells whether there was any."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

# All of them take what they drop from, the chance, and whether this is training, in this order.
DROPOUTS = {
    functional.dropout,
    functional.dropout1d,
    functional.dropout2d,
    functional.dropout3d,
    functional.alpha_dropout,
    functional.feature_alpha_dropout,
    torch.dropout,
    torch.dropout_,
    torch.alpha_dropout,
    torch.feature_dropout,
}
# They take the chance of dropout between layers, and whether this is training, after the flag `has_biases`.
LAYERS = {"lstm", "gru", "rnn_tanh", "rnn_relu"}


class WithoutDropout(TorchFunctionMode):
    """Switches dropout off within its context. `chances` are the probabilities of the dropouts that were called."""

    def __init__(self) -> None:
        super().__init__()
        self.chances = set[float]()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = dict(kwargs or {})
        if getattr(func, "__name__", "") in LAYERS:
            return func(*self._between_layers(args), **named)
        if func not in DROPOUTS:
            return func(*args, **named)
        given = dict(zip(("input", "p", "training"), args, strict=False)) | named
        if given.get("p", 0.5) and given.get("training", given.get("train", True)):
            self.chances.add(float(given.get("p", 0.5)))
        return given["input"]

    def _between_layers(self, args: Sequence[Any]) -> Sequence[Any]:
        """The arguments of one of torch's recurrent layers without the dropout between its layers."""
        flag = next((at for at, each in enumerate(args) if isinstance(each, bool)), len(args))
        if len(args) < flag + 4:
            return args
        layers, chance, training = args[flag + 1 : flag + 4]
        if chance and training and layers > 1:
            self.chances.add(float(chance))
        return [*args[: flag + 2], 0.0, *args[flag + 3 :]]
