"""How strangers' objects are called, and what they return, told in one line each.

`returns` names the parts of what comes back, nested as they are: `("output", ("h_n", "c_n"))`. A part is `output`, all
states; `last`, the last layer's last state alone; `h_n` or `c_n`; `other`, a head or anything else. `given` names the
arguments after x in the same way; `h1` and `c1` are states without the layer axis.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from styles.style import Call
from torch import Tensor

Parts = Any  # a name, or a tuple of Parts


def layer(
    returns: Parts,
    given: tuple[Parts, ...] = (),
    *,
    batch_first: bool = False,
    numpy: bool = False,
    single: bool = False,
    invoke: Callable[..., Any] | None = None,
) -> Call:
    """The whole sequence at once: (T, B, I), or (B, T, I), or a `single` sequence (T, I) at a time."""

    def call(made: Any, x: Tensor, h0: Tensor, c0: Tensor) -> dict[str, Tensor]:
        if single:
            each = [one(made, x[:, b], h0[:, b], c0[:, b]) for b in range(x.shape[1])]
            return {name: torch.stack([part[name] for part in each], 1) for name in each[0]}
        return one(made, x.transpose(0, 1) if batch_first else x, h0, c0)

    def one(made: Any, x: Tensor, h0: Tensor, c0: Tensor) -> dict[str, Tensor]:
        arguments = [argument(each, h0, c0, numpy) for each in given]
        got = (invoke or (lambda made, *a: made(*a)))(made, x.numpy() if numpy else x, *arguments)
        found: dict[str, Tensor] = {}
        collect(got, returns, found)
        if "output" in found and batch_first:
            found["output"] = found["output"].transpose(0, 1)
        state_axes = 2 if single else 3
        return {k: v if k in ("output", "last") or v.dim() == state_axes else v[None] for k, v in found.items()}

    return call


def steps(returns: Parts, given: Parts, *, numpy: bool = False, invoke: Callable[..., Any] | None = None) -> Call:
    """One timestep (B, I) at a time, in a loop of ours; `given` and `returns` as in `layer`."""

    def call(made: Any, x: Tensor, h0: Tensor, c0: Tensor) -> dict[str, Tensor]:
        h, c, outputs = h0[0], c0[0], []
        for x_t in x:
            arguments = [argument(each, h[None], c[None], numpy) for each in given]
            got = (invoke or (lambda made, *a: made(*a)))(made, x_t.numpy() if numpy else x_t, *arguments)
            found: dict[str, Tensor] = {}
            collect(got, returns, found)
            h, c = found["h_n"], found.get("c_n", c)
            outputs.append(h)
        return {"output": torch.stack(outputs), "h_n": h[None]} | ({"c_n": c[None]} if "c_n" in found else {})

    return call


def argument(parts: Parts, h: Tensor, c: Tensor, numpy: bool) -> Any:
    if isinstance(parts, tuple):
        return tuple(argument(each, h, c, numpy) for each in parts)
    value = {"h": h, "c": c, "h1": h[0], "c1": c[0]}[parts].clone()
    return value.numpy() if numpy else value


def collect(got: Any, parts: Parts, found: dict[str, Tensor]) -> None:
    if isinstance(parts, tuple):
        for each, name in zip(got, parts, strict=True):
            collect(each, name, found)
    elif isinstance(parts, dict):
        for key, name in parts.items():
            collect(got[key], name, found)
    elif parts != "other":
        found[parts] = tensor(got)


def tensor(got: Any) -> Tensor:
    if isinstance(got, (list, tuple)):
        return torch.stack([tensor(each) for each in got])
    return torch.from_numpy(np.asarray(got)) if not isinstance(got, Tensor) else got
