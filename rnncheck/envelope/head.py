"""The head: y = softmax(s), s = W_hy h + b_y, and how far rounding moves it."""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import linear

from rnncheck.envelope.layer import spread, variance
from rnncheck.envelope.noise import Noise
from rnncheck.envelope.rounding import Rounding


def exact_head(output: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
    return torch.softmax(linear(output, parameters["weight_hy"], parameters["bias_y"]), -1)


def head_spread(
    output: Tensor,
    y: Tensor,
    moves: list[Tensor],
    parameters: Mapping[str, Tensor],
    rounding: Rounding,
    noise: Noise,
    work: torch.dtype,
) -> Tensor:
    """The standard deviation (T, B, H) of y, given how far its input moves, (K, B, D*R) at each of T steps."""
    weight, bias = parameters["weight_hy"], parameters["bias_y"]
    scores = linear(output, weight, bias)
    terms = weight.shape[1] + 1
    scores_scale = rounding.of_sum(
        terms, linear(output.square(), weight.square(), bias.square()), scores, scores - bias
    )
    shifted = scores - scores.amax(-1, keepdim=True)
    exp_scale = rounding.of_results(shifted, torch.ones_like(shifted), torch.ones_like(shifted))
    s_scale = (scores_scale.square() + exp_scale.square()).sqrt().to(work)
    sum_scale = rounding.of_sum(y.shape[-1], y.square().sum(-1, keepdim=True), torch.ones_like(y[..., :1]))
    y_scale = (y * sum_scale).to(work)
    matrix, y_work = weight.T.to(work), y.to(work)
    s_site, y_site = noise.site(), noise.site()
    variances = []
    for t, move in enumerate(moves):
        moved = moved_softmax(y_work[t], s_site(s_scale[t]) + move @ matrix)
        variances.append(variance(moved.add_(y_site(y_scale[t]))))
    return spread(torch.stack(variances))


def moved_softmax(y: Tensor, by: Tensor) -> Tensor:
    """softmax(s + d) - softmax(s) = y (e^d - E) / E, E = sum y e^d; with expm1, so that small d keep their digits."""
    grown = torch.expm1(by - by.amax(-1, keepdim=True).clamp_min(0))
    mean = (y * grown).sum(-1, keepdim=True)
    return y * (grown - mean) / (1 + mean)
