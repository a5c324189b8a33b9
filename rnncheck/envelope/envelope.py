"""The rounding envelope: the exact result of a layer, and how far a right implementation may be from it.

Monte Carlo arithmetic on the equations of the reference in float64: an exact run, and K runs in which every operation
rounds at random, stored as differences from the exact run. See docs/envelope.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rnncheck.envelope.layer import rms
from rnncheck.envelope.network import BatchRows, EnvelopeNetwork, Judged
from rnncheck.envelope.rounding import Noise, Rounding
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights

SAMPLES_BUDGET = 0.6e9  # multiplications that the perturbed runs may take
MOVES = 256  # samples times units: how many moves of one state a standard deviation is taken from
FEWEST_SAMPLES = 4
BLOCK = 2**18  # numbers that move at a time: what the caches hold


@dataclass(frozen=True)
class Envelope:
    """The exact result and the allowed difference: |candidate - exact| <= allowed, element by element.

    `exact` and `allowed` have the fields and shapes of the run's trace, in float64. `allowed` is infinite where the
    normal run cannot be judged: rounding alone may be as large as the state there, or has overflowed.
    `before` are the states (T, L*D, B, ·) from which every step started; lockstep starts from them.
    `lost` (T, B, D) says where the output is not judged; `samples` is the number of perturbed runs, and `rounding` how
    their operations round.
    """

    exact: Trace
    allowed: Trace
    before: State
    lost: Tensor
    samples: int
    rounding: Rounding

    @property
    def horizon(self) -> int:
        """The number of steps, in the order of each direction, for which the normal run is judged in all batch rows."""
        forward, *backward = (~self.lost.any(1)).unbind(1)
        return min(int(way.cumprod(0).sum()) for way in (forward, *(each.flip(0) for each in backward)))

    @property
    def growth(self) -> float:
        """The factor per step by which the allowance of the forward direction grew, over the judged steps."""
        width = self.allowed.output.shape[-1] // self.lost.shape[-1]
        sizes = rms(self.allowed.output[:, :, :width]).square().mean(-1).sqrt()
        last = self.horizon - 1
        return float((sizes[last] / sizes[0]) ** (1 / last)) if last > 0 else 1.0


def exact_and_envelope(
    spec: Spec,
    weights: Weights,
    x: Tensor,
    state: State,
    lengths: Sequence[int] | None = None,
    *,
    rounding: Rounding,
    samples: int = 16,
    seed: int = 0,
) -> Envelope:
    """The envelope of one run over x (T, B, I) from `state`, computed where x is.

    x, state and weights are first rounded to the run's dtype, as both sides get them. There are at least `samples`
    samples, more for few units, fewer for long or wide runs, so that the cost is a multiple of that of the run.
    """
    given = RoundedInputs(spec, weights, x, state, lengths, rounding)
    network = EnvelopeNetwork(spec, given.values, rounding)
    samples = affordable(spec, x.shape[0] * x.shape[1], samples, network.different_units)
    width = spec.cell.gates * spec.hidden_size
    block = max(BLOCK // (samples * width), 1)
    batch_size = x.shape[1]
    noise = Noise(samples, min(block, batch_size), width, network.work, x.device, seed)
    parts = [network.run(given.rows(start, start + block), noise) for start in range(0, batch_size, block)]
    return Envelope(*joined(parts), samples, rounding)


def affordable(spec: Spec, steps: int, samples: int, units: int) -> int:
    """The number of samples for so many steps and different units.

    It is even, because half of the samples keep their noise.
    """
    wanted = max(samples, MOVES // units)
    products = spec.count * steps
    return max(min(wanted, int(SAMPLES_BUDGET / products)), FEWEST_SAMPLES) // 2 * 2


class RoundedInputs:
    """The inputs of both sides, rounded to the run's dtype."""

    def __init__(
        self, spec: Spec, weights: Weights, x: Tensor, state: State, lengths: Sequence[int] | None, rounding: Rounding
    ) -> None:
        self._dtype, self._device = rounding.dtype, x.device
        self.values = {name: self.rounded(value) for name, value in weights.values.items()}
        self._x, self._state = self.rounded(x), self.rounded_state(state)
        ends = torch.tensor(lengths or [len(x)] * x.shape[1], device=x.device)
        self._alive = torch.arange(len(x), device=x.device)[:, None] < ends if lengths else None

    def rounded(self, value: Tensor) -> Tensor:
        return value.to(self._device, self._dtype, copy=True).double()

    def rounded_state(self, state: State) -> State:
        return state.map(self.rounded)

    def rows(self, start: int, stop: int | None) -> BatchRows:
        """The batch rows from `start` to `stop`, as far as there are any."""
        part = slice(start, stop)
        alive = None if self._alive is None else self._alive[:, part]
        return BatchRows(self._x[:, part], self._state.map(lambda each: each[:, part]), alive)


def joined(parts: Sequence[Judged]) -> Judged:
    """Joins parts of the batch."""
    if len(parts) == 1:
        return parts[0]
    exact = joined_traces([part.exact for part in parts])
    allowed = joined_traces([part.allowed for part in parts])
    before = joined_states([part.before for part in parts], dim=2)
    return Judged(exact, allowed, before, torch.cat([part.lost for part in parts], 1))


def joined_traces(traces: Sequence[Trace]) -> Trace:
    ys = [trace.y for trace in traces if trace.y is not None]
    output = torch.cat([trace.output for trace in traces], 1)
    return Trace(output, joined_states([trace.final for trace in traces], dim=1), torch.cat(ys, 1) if ys else None)


def joined_states(states: Sequence[State], dim: int) -> State:
    cs = [state.c for state in states if state.c is not None]
    return State(torch.cat([state.h for state in states], dim), torch.cat(cs, dim) if cs else None)
