"""All quantities that a recurrent layer may return, with their axes, its gates among them; and which an array is."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace
from rnncheck.scratch.network import Network
from rnncheck.user_code.calling import last_states
from rnncheck.user_code.layout import arrange, letters
from rnncheck.user_code.sizes import Sizes

POOLED = "output pooled over time"
NONLINEAR = (torch.sigmoid, torch.tanh, torch.relu, Tensor.sigmoid, Tensor.tanh, Tensor.relu)


@dataclass(frozen=True)
class Quantity:
    """A quantity that a recurrent layer may return, with its axes: T, B, F, and K for layers and directions."""

    name: str
    axes: str
    value: Tensor


def quantities(spec: Spec, trace: Trace, every: State | None, x: Tensor, start: State) -> list[Quantity]:
    """All that a layer may return: from its trace, and from its states at every step, (K, T, B, F), where known."""
    found = [Quantity("output", "TBF", trace.output)]
    found += [Quantity("h_n", "KBF", trace.final.h)] if "h_n" not in trace.unexposed else []
    if trace.final.c is not None and "c_n" not in trace.unexposed:
        found.append(Quantity("c_n", "KBF", trace.final.c))
    found += [Quantity("x", "TBF", x), Quantity("h0", "KBF", start.h)]
    found += [Quantity("part of output", "TBF", part) for part in torch.split(trace.output, spec.state_size, -1)]
    by_time, by_row = trace.output, trace.output.transpose(0, 1)
    if len(trace.output) and not trace.output.isnan().any():
        pooled = trace.output.mean(0), trace.output.sum(0), trace.output.amax(0)
        found += [Quantity(POOLED, "BF", each) for each in pooled]
    width = trace.output.shape[-1]
    found += [Quantity("flat output", "?", each.reshape(-1, width)) for each in (by_time, by_row)]
    if not spec.bidirectional:  # the backward direction has read one step of it alone
        found += [Quantity("last output", "BF", trace.output[-1]), Quantity("last output", "TBF", trace.output[-1:])]
    if width == spec.output_size:  # not the sum of both directions
        ends = last_states(trace.output, spec, None)
        found += [
            Quantity("h of the last layer", "KBF", ends),
            Quantity("h of the last layer", "BF", torch.cat(list(ends), -1)),
        ]
    if start.c is not None:
        found.append(Quantity("c0", "KBF", start.c))
    for name, value in (("h_n", trace.final.h), ("c_n", trace.final.c)):
        if value is None or f"{name}" in trace.unexposed:
            continue
        part, top = f"part of {name}", value[-spec.directions :]
        found += [
            Quantity(name, "KBF", value),
            *(Quantity(part, "BF", each) for each in top),
            Quantity(part, "KBF", top),
        ]
        found += [Quantity(part, "BF", torch.cat(list(each), -1)) for each in (top, value)]
    for name, steps in (("h", every.h), ("c", every.c)) if every is not None else ():
        if steps is None:
            continue
        found += [Quantity(f"{name} of every layer", "KTBF", steps)]
        found += [Quantity(f"{name} of one layer", "TBF", each) for each in steps]
        layers = torch.split(steps, spec.directions)
        found += [Quantity(f"{name} of one layer", "TBF", torch.cat(list(layer), -1)) for layer in layers]
    return found


class _Caught(TorchFunctionMode):
    """Within it the results of all nonlinear functions are kept, and what they are functions of."""

    def __init__(self) -> None:
        super().__init__()
        self.results: list[Tensor] = []
        self.sums: list[Tensor] = []

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func in NONLINEAR:
            self.results.append(result)
            self.sums.append(args[0])
        return result


def run_with_gates(
    network: Network, weights: Mapping[str, Tensor], x: Tensor, state: State
) -> tuple[Trace, list[Quantity]]:
    """The run over x (T, B, I), and gates, their sums, and tanh(c), of every layer and direction: (T, B, F) each."""
    with _Caught() as caught:
        trace = network.run(weights, x, state)
    return trace, [
        each for values in (caught.results, caught.sums) for each in split_gates(network.spec, len(x), values)
    ]


def split_gates(spec: Spec, steps: int, results: Sequence[Tensor]) -> list[Quantity]:
    places = spec.num_layers * spec.directions
    parts = [part for each in results for part in torch.split(each, spec.hidden_size, -1)]
    each_step, rest = divmod(len(parts), places * steps)
    if rest or not each_step:
        return []
    found = []
    for k in range(places):
        of_side = parts[k * steps * each_step : (k + 1) * steps * each_step]
        for n in range(each_step):
            values = torch.stack(of_side[n::each_step])
            found.append(Quantity("gate", "TBF", values.flip(0) if k % spec.directions else values))
    return found


def axes_of(value: Tensor, sizes: Sizes) -> str | None:
    return letters(value.shape, sizes.letters, "K" if sizes.letters.get(sizes.states) == "F" else "")


def matching(value: Tensor, known: Sequence[Quantity], sizes: Sizes) -> Quantity | None:
    """The quantity with the same numbers, axis by axis."""
    axes = axes_of(value, sizes)
    if axes is not None and {"S", "T"} <= set(axes):
        return None  # a head may be as wide as one timestep more
    for each in known:
        if axes is not None:
            own, value_ = axes, value
            if "S" in own:
                front = own.index("S")
                own, value_ = own.replace("S", "T"), value.narrow(front, 1, value.shape[front] - 1)
            if set(own) - {"1"} - set(each.axes):
                continue
            try:
                same = arrange(value_, own, each.axes)
            except ValueError:
                continue
            if alike(same, each.value):
                return each
        elif value.shape == each.value.shape and alike(value, each.value):
            return each
    return None


def has_numbers_of(value: Tensor, known: Collection[Tensor]) -> bool:
    """Whether it has the numbers of one of them, with its axes in any order, and in any shape."""
    flat = value.detach().reshape(-1)
    return any(
        each.numel() == flat.numel() > 0 and alike(flat, each.detach().permute(order).reshape(-1))
        for each in known
        for order in permutations(range(each.dim()))
    )


def alike(a: Tensor, b: Tensor, *, nan: bool = False) -> bool:
    """Whether they are equal up to rounding; `nan` says that a NaN is equal to a NaN."""
    rtol, atol = (1e-9, 1e-12) if a.dtype == torch.float64 else (1e-4, 1e-5)
    other = b.detach().to(a.dtype)
    return a.shape == b.shape and torch.allclose(a.detach(), other, rtol=rtol, atol=atol, equal_nan=nan)
