"""The gates of a known layer at every step, which a candidate may return besides its states, for a backward pass."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace
from rnncheck.scratch.network import Network
from rnncheck.user_code.quantities import Quantity

NONLINEAR = (torch.sigmoid, torch.tanh, torch.relu, Tensor.sigmoid, Tensor.tanh, Tensor.relu)


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
    return trace, [each for values in (caught.results, caught.sums) for each in gates(network.spec, len(x), values)]


def gates(spec: Spec, steps: int, results: Sequence[Tensor]) -> list[Quantity]:
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
