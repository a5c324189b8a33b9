"""The envelope of the gradients of a fixed projection of all outputs and final states.

The Monte Carlo arithmetic of the forward run goes through autograd: operations round at random in both passes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from rnncheck.envelope.envelope import RoundedInputs, affordable
from rnncheck.envelope.layer import SIGMAS, carried
from rnncheck.envelope.network import UNITS, EnvelopeNetwork
from rnncheck.envelope.noisy_operations import Factors, NoisyOperations
from rnncheck.envelope.rounding import Noise, Rounding
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.variant import Operations, States
from rnncheck.model.weights import Weights

STEADY = 0.25
"""How far rounding may move the argument of a tanh or sigmoid, which bend within 1, where gradients are judged."""


class SampledGradient(NamedTuple):
    """The gradient of one tensor in all samples, (1 + K, ...), and the rounding of its sum if it is not in them."""

    samples: Tensor
    rounding: Tensor | None = None

    def spread(self) -> Tensor:
        """The standard deviation of each element: its own, or an estimate from its row and column if that is larger."""
        variance = (self.samples[1:] - self.samples[0]).square().mean(0)
        typical = variance.mean(-1, keepdim=True)
        if self.rounding is not None and variance.dim() == 2:
            typical = typical * (variance.mean(0) / variance.mean().clamp_min(torch.finfo(variance.dtype).tiny))
        spread = torch.maximum(variance, typical).sqrt()
        return spread if self.rounding is None else torch.hypot(spread, self.rounding)


class Differentiated(NamedTuple):
    """The gradients of x, h, c and every parameter, by name; a bound on all numbers met, whatever their order; and for
    how many timesteps rounding moves what feeds the gates by so little that gradients follow in proportion.
    """

    found: dict[str, SampledGradient]
    largest: float
    steady: int


def differentiated(
    spec: Spec, given: RoundedInputs, noisy: NoisyOperations, projection: Trace, samples: int
) -> Differentiated:
    network = NoisyNetwork(spec, given, noisy)
    rows = given.rows(0, None)
    inputs = [rows.x, *rows.state.tensors()]
    leaves = [each.expand(1 + samples, *each.shape).clone().requires_grad_() for each in inputs]
    results = network.run(leaves[0], leaves[1:], rows.alive)
    wanted = [projection.output, *projection.final.tensors()]
    # As one number: torch imports sympy, which takes half a second, to check the shapes of grad_outputs.
    loss = torch.stack([(each * weight).sum() for each, weight in zip(results, wanted, strict=True)]).sum()
    gradients = torch.autograd.grad(loss, leaves)
    found = {name: SampledGradient(each) for name, each in zip(("x", "h", "c"), gradients, strict=False)}
    with torch.no_grad():
        for name, shape in spec.recurrent_shapes().items():
            found[name] = parameter_gradient(name, shape, noisy)
        products = {name: each for name, each in noisy.factors.items() if each and given.values[name].dim() == 2}
        largest = [bound(each, given.values[name]) for name, each in products.items()]
    return Differentiated(found, float(torch.stack(largest).amax()), network.steady)


def bound(steps: Factors, weight: Tensor) -> Tensor:
    """A bound on all partial sums of products with this weight, in forward, backward and its own gradient.

    NaN if a number is NaN or infinite.
    """
    gradient, values = (torch.cat([pair[k][0] for pair in steps]).abs() for k in (0, 1))
    size, most, most_values = weight.abs(), gradient.amax(0), values.amax(0)
    sums = size @ most_values, most @ size, gradient.sum(0) * most_values.amax()
    return torch.cat([each.nan_to_num(torch.nan, torch.nan) for each in sums]).amax()


def parameter_gradient(name: str, shape: tuple[int, ...], noisy: NoisyOperations) -> SampledGradient:
    """The sum over all steps and rows of gradient times input for a weight, and of the gradient for a bias.

    Zero for a weight that no step reads.
    """
    steps = noisy.factors[name.replace("bias", "weight")]
    if not steps:
        return SampledGradient(torch.zeros(1 + noisy.samples, *shape, dtype=torch.float64))
    gradient = torch.cat([each for each, _ in steps], 1)
    if name in noisy.elementwise:
        terms = gradient * torch.cat([each for _, each in steps], 1)
        total = terms.sum(1)
        return SampledGradient(total, noisy.rounding.of_sum(terms.shape[1], terms[0].square().sum(0), total[0]))
    values = gradient.new_ones(*gradient.shape[:2], 1)
    if name.startswith("weight"):
        values = torch.cat([each for _, each in steps], 1)
    total = gradient.mT @ values
    squares = gradient[0].square().T @ values[0].square()
    rounding = noisy.rounding.of_sum(len(values[0]), squares, total[0])
    rounding += noisy.rounding.flushed(gradient[0].T, values[0])
    return (
        SampledGradient(total.squeeze(-1), rounding.squeeze(-1))
        if name.startswith("bias")
        else SampledGradient(total, rounding)
    )


class NoisyNetwork:
    """A spec with its weights, run in all samples at once, (1 + K, B, ·) at every step."""

    def __init__(self, spec: Spec, given: RoundedInputs, noisy: NoisyOperations) -> None:
        self._spec, self._values, self._noisy = spec, given.values, noisy
        self._cells = EnvelopeNetwork(spec, given.values, noisy.rounding).cells
        self.steady = 0

    def run(self, x: Tensor, states: Sequence[Tensor], alive: Tensor | None) -> list[Tensor]:
        """The output (1 + K, T, B, D*R), and the final states (1 + K, L*D, B, ·)."""
        read: Sequence[Tensor] = x.unbind(1)
        finals: list[States] = []
        starts = list(zip(*(each.unbind(1) for each in states), strict=True))
        self.steady = len(read)
        for layer in range(self._spec.num_layers):
            sides = []
            for direction, each in enumerate(self._read_by_directions(layer, read)):
                output, last = self._walk(layer, direction, each, starts[len(finals)], alive)
                sides.append(output)
                finals.append(last)
            read = [torch.cat(each, -1) for each in zip(*sides, strict=True)]
        return [torch.stack(list(read), 1), *(torch.stack(kind, 1) for kind in zip(*finals, strict=True))]

    def _read_by_directions(self, layer: int, read: Sequence[Tensor]) -> Sequence[Sequence[Tensor]]:
        """The input of a layer for each of its directions."""
        if self._spec.directions == 1:
            return [read]
        terms = len(self._values[f"weight_ih_l{layer}"])
        return list(zip(*(self._noisy.read(each, self._spec.directions, terms) for each in read), strict=True))

    def _walk(
        self, layer: int, direction: int, read: Sequence[Tensor], states: States, alive: Tensor | None
    ) -> tuple[list[Tensor], States]:
        noisy, cell = self._noisy, self._cells[layer][direction]
        suffix = f"_l{layer}" + ("_reverse" if direction else "")

        def product(part: str, values: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
            return noisy.product("weight" + part + suffix, values, weight, bias)

        w_ih, w_hh = (self._values["weight" + part + suffix] for part in ("_ih", "_hh"))
        b_ih, b_hh = (self._values.get("bias" + part + suffix) for part in ("_ih", "_hh"))
        by = Operations(
            noisy.tanh,
            noisy.sigmoid,
            lambda h, weight: product("_hr", h, weight),
            lambda values: product("_hh", values, w_hh, b_hh),
            noisy.relu,
            lambda name, values: noisy.scaled(name + suffix, values, self._values[name + suffix]),
            lambda name, values: noisy.shifted(name + suffix, values, self._values[name + suffix]),
            noisy.normalised,
        )
        output, swings = list(read), []
        for t in range(len(read))[:: -1 if direction else 1]:
            from_x, from_h = product("_ih", read[t], w_ih, b_ih), product("_hh", states[0], w_hh, b_hh)
            h, *rest = (noisy.stored(each) for each in cell.step(from_x, from_h, states, by))
            above, onward = noisy.read(h, 2, len(w_hh))
            (output[t],) = carried(alive, t, (above,), ())
            states = carried(alive, t, (onward, *rest), states)
            if (swing := noisy.swing()) is not None:
                swings.append(swing if alive is None else swing * alive[t])
        if swings:
            within = torch.stack(swings).amax(1) <= STEADY
            self.steady = min(self.steady, int(within.cumprod(0).sum()))
        return output, states


@dataclass(frozen=True)
class GradientSet:
    """The results of a backward run: the gradients of x (T, B, I), of the initial states, and of every parameter."""

    x: Tensor
    state: State
    weights: Mapping[str, Tensor]


@dataclass(frozen=True)
class GradientEnvelope:
    """|candidate - exact| <= allowed, element by element; infinite where rounding may be as large as the gradient.

    It is infinite everywhere if a number of the run may overflow in the dtype, in forward or backward, or if the run is
    longer than `steady`: the number of timesteps in which rounding changes the gates so little that gradients change
    in proportion.
    """

    exact: GradientSet
    allowed: GradientSet
    samples: int
    steady: int


def gradient_envelope(
    spec: Spec,
    weights: Weights,
    x: Tensor,
    state: State,
    projection: Trace,
    lengths: Sequence[int] | None = None,
    *,
    rounding: Rounding,
    samples: int = 8,
) -> GradientEnvelope:
    """The envelope of the gradients of sum(projection * trace), over the output and the final states.

    `projection` has the fields and shapes of the run's trace, and is rounded to the run's dtype as x is. The head is
    left out: its y is not projected, and its parameters have no gradient.
    """
    samples = affordable(spec, x.shape[0] * x.shape[1], samples, spec.state_size)
    with torch.inference_mode(False), torch.enable_grad():
        given = RoundedInputs(spec, weights, x, state, lengths, rounding)
        width = max(spec.cell.gates * spec.hidden_size, spec.input_size, spec.output_size)
        noise = Noise(samples, x.shape[1], width, torch.float64, x.device, 0)
        projected = Trace(given.rounded(projection.output), given.rounded_state(projection.final))
        found, largest, steady = differentiated(spec, given, NoisyOperations(rounding, noise), projected, samples)
    exact = {name: each.samples[0] for name, each in found.items()}
    allowed = {}
    for name, each in found.items():
        allowed[name] = allowance(exact[name], each.spread(), rounding)
        if steady < len(x) or not largest <= rounding.largest / 2:
            allowed[name].fill_(torch.inf)
    return GradientEnvelope(gradients(exact), gradients(allowed), samples, steady)


def allowance(exact: Tensor, spread: Tensor, rounding: Rounding) -> Tensor:
    """k sigma and a few roundoffs of the value; infinite if that is as large as the gradient.

    This is decided for each row of a weight, for each timestep and row of x, and for all together.
    """
    least = 16 * rounding.smallest
    allowed = SIGMAS * spread + UNITS * rounding.unit * exact.abs() + least
    judged = size(allowed) <= size(exact) + 2 * least
    if exact.dim() > 1:
        judged = judged & (size(allowed, -1) <= size(exact, -1) + 2 * least)
    return torch.where(judged, allowed, torch.inf)


def size(values: Tensor, dim: int | None = None) -> Tensor:
    """The root mean square of all elements, or along one dimension."""
    return values.square().mean(dim, keepdim=True).sqrt()


def gradients(values: Mapping[str, Tensor]) -> GradientSet:
    weights = {name: value for name, value in values.items() if name not in ("x", "h", "c")}
    return GradientSet(values["x"], State(values["h"], values.get("c")), weights)
