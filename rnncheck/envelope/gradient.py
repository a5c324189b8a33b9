"""The envelope of gradients: of a fixed projection of all outputs and final states, through time and layers.

The Monte-Carlo arithmetic of the forward run, carried on by autograd: operations round at random both ways.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rnncheck.envelope.envelope import Given, affordable
from rnncheck.envelope.network import SIGMAS, UNITS
from rnncheck.envelope.noise import Noise
from rnncheck.envelope.rough import Rough
from rnncheck.envelope.rough_network import differentiated
from rnncheck.envelope.rounding import Rounding
from rnncheck.spec import Spec
from rnncheck.trace import State, Trace
from rnncheck.weights import Weights

FINEST = 2.0**-36  # finer roundings cannot be told from float64's own: their effect is scaled down instead


@dataclass(frozen=True)
class Gradients:
    """What a backward run yields: the gradients of x (T, B, I), of the initial states, and of every parameter."""

    x: Tensor
    state: State
    weights: Mapping[str, Tensor]


@dataclass(frozen=True)
class GradientEnvelope:
    """|candidate - exact| <= allowed, element by element; infinite where rounding may be as large as the gradient.

    So it is everywhere if a number of the run, forwards or backwards, may overflow in the dtype.
    """

    exact: Gradients
    allowed: Gradients
    samples: int


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
    seed: int = 0,
) -> GradientEnvelope:
    """The envelope of the gradients of sum(projection * trace), over the output and the final states.

    `projection` has the fields and shapes of the run's trace, and is rounded to the run's dtype as x is. The head is
    left out: its y is not projected, and its parameters have no gradient.
    """
    coarse = replace(rounding, unit=max(rounding.unit, FINEST))
    samples = affordable(spec, x.shape[0] * x.shape[1], samples, spec.state_size)
    with torch.inference_mode(False), torch.enable_grad():
        given = Given(spec, weights, x, state, lengths, rounding)
        width = max(spec.cell.gates * spec.hidden_size, spec.input_size, spec.output_size)
        noise = Noise(samples, x.shape[1], width, torch.float64, x.device, seed)
        projected = Trace(given.rounded(projection.output), given.rounded_state(projection.final))
        found, largest = differentiated(spec, given, Rough(coarse, noise), projected, samples)
    exact = {name: each.samples[0] for name, each in found.items()}
    allowed = {}
    for name, each in found.items():
        spread = each.spread() * (rounding.unit / coarse.unit)
        allowed[name] = allowance(exact[name], spread, rounding)
        if not largest <= rounding.largest / 2:  # one sum that overflows spoils every gradient that reads it
            allowed[name].fill_(torch.inf)
    return GradientEnvelope(gradients(exact), gradients(allowed), samples)


def allowance(exact: Tensor, spread: Tensor, rounding: Rounding) -> Tensor:
    """k sigma and a little of the value; infinite if that is as large as the gradient."""
    least = 16 * rounding.smallest
    allowed = SIGMAS * spread + UNITS * rounding.unit * exact.abs() + least
    judged = allowed.square().mean().sqrt() <= exact.square().mean().sqrt() + 2 * least
    return torch.where(judged, allowed, torch.inf)


def gradients(values: Mapping[str, Tensor]) -> Gradients:
    weights = {name: value for name, value in values.items() if name not in ("x", "h", "c")}
    return Gradients(values["x"], State(values["h"], values.get("c")), weights)
