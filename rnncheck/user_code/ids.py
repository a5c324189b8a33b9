"""Replaces the embedding of a candidate that takes token ids by x."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_LOOK_UPS = {functional.embedding: "input", functional.one_hot: "tensor"}
_WRITES = (Tensor.__setitem__, Tensor.scatter_)


class LookedUp(TorchFunctionMode):
    """Within it an embedding, or a one-hot encoding, of the id t * B + b yields x[t, b].

    x is (T, B, I). So the layer behind the embedding is given any x, and its gradients find their way back to it. A
    one-hot encoding may also be written, as ones into zeros: `codes[rows, ids] = 1`, `codes.scatter_(-1, ids, 1)`. And
    a table may be indexed: `torch.eye(I)[ids]`.
    """

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        self._rows = x.flatten(0, 1)

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func in _WRITES and (ids := self._encoded(func, args)) is not None:
            with torch._C.DisableTorchFunctionSubclass():
                codes = args[0]
                where = args[1][:-1] if func is Tensor.__setitem__ else ()
                codes[where] = self._rows[ids].reshape(codes[where].shape)
            return codes
        if func is Tensor.__getitem__ and self._is_table(*args):
            with torch._C.DisableTorchFunctionSubclass():
                return self._rows[args[1]]
        if func not in _LOOK_UPS:
            return func(*args, **kwargs)
        ids = args[0] if args else kwargs[_LOOK_UPS[func]]
        with torch._C.DisableTorchFunctionSubclass():
            return self._rows[ids]

    def _is_table(self, table: Tensor, index: object) -> bool:
        """Whether ids look up rows as wide as x."""
        of_rows = table.dim() == 2 and table.shape[1] == self._rows.shape[1] and table.is_floating_point()
        return of_rows and isinstance(index, Tensor) and index.dtype == torch.int64

    def _encoded(self, func: Any, args: Sequence[Any]) -> Tensor | None:
        """The ids, where ones are written at them, along the last axis, into zeros as wide as x."""
        codes = args[0]
        if codes.dim() == 0 or codes.shape[-1] != self._rows.shape[-1] or not codes.is_floating_point() or codes.any():
            return None
        if func is Tensor.__setitem__:
            index, value = args[1], args[2]
            ids = index[-1] if isinstance(index, tuple) and len(index) == codes.dim() else None
        elif len(args) == 4 and args[1] in (-1, codes.dim() - 1):
            ids, value = args[2], args[3]
        else:
            return None
        whole = isinstance(ids, Tensor) and ids.dtype == torch.int64 and isinstance(value, int | float) and value == 1
        return ids if whole else None
