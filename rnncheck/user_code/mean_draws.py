"""Replaces random draws by their mean while a candidate is read, so that dropout has no effect."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class MeanDraws(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A context in which torch's random draws return their mean, so that dropout changes nothing."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        average = AVERAGES.get(func)
        return func(*args, **kwargs) if average is None else average(func, *args, **kwargs)


def chance(func: Any, drawn: Tensor, p: float | Tensor = 0.5, **_: Any) -> Tensor:
    return drawn.copy_(p) if isinstance(p, Tensor) else drawn.fill_(p)


def chances(func: Any, p: Tensor, **_: Any) -> Tensor:
    return p.clone()


def between(func: Any, drawn: Tensor, low: float = 0.0, high: float = 1.0, **_: Any) -> Tensor:
    return drawn.fill_((low + high) / 2)


def mean(func: Any, drawn: Tensor, centre: float = 0.0, *_: Any, **__: Any) -> Tensor:
    return drawn.fill_(centre)


def always(value: float) -> Callable[..., Tensor]:
    def filled(func: Any, *args: Any, **kwargs: Any) -> Tensor:
        made: Tensor = func(*args, **kwargs)
        return made.fill_(value)

    return filled


aten = torch.ops.aten
AVERAGES: Mapping[Any, Callable[..., Tensor]] = {
    aten.bernoulli_.float: chance,
    aten.bernoulli_.Tensor: chance,
    aten.bernoulli.default: chances,
    aten.uniform_.default: between,
    aten.normal_.default: mean,
    aten.rand.default: always(0.5),
    aten.rand_like.default: always(0.5),
    aten.randn.default: always(0.0),
    aten.randn_like.default: always(0.0),
}
