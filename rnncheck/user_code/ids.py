"""Replaces the embedding of a candidate that takes token ids by x."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_LOOK_UPS = {functional.embedding: "input", functional.one_hot: "tensor"}


class LookedUp(TorchFunctionMode):
    """Within it an embedding, or a one-hot encoding, of the id t * B + b yields x[t, b].

    x is (T, B, I). So the layer behind the embedding is given any x, and its gradients find their way back to it.
    """

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        self._rows = x.flatten(0, 1)

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func not in _LOOK_UPS:
            return func(*args, **kwargs)
        ids = args[0] if args else kwargs[_LOOK_UPS[func]]
        with torch._C.DisableTorchFunctionSubclass():
            return self._rows[ids]
