"""Operations that round at random, in forward and in backward, for autograd.

The first axis of every tensor is the samples: (1 + K, B, ·); the first sample is exact. Values round in forward and
gradients in backward; the products for a weight's gradient are kept for later.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from rnncheck.envelope.rounding import Noise, Rounding, Site
from rnncheck.model.variant import normalised

Factors = list[tuple[Tensor, Tensor]]
"""Per step, the gradient of a product (1 + K, B, G) and what the weight was multiplied with (1 + K, B, I)."""

KINK = 4.0  # standard deviations from zero within which a sum's sign may be the other one


class NoisyOperations:
    """The arithmetic of K samples: it rounds as `rounding` says, with random numbers from `noise`."""

    def __init__(self, rounding: Rounding, noise: Noise) -> None:
        self.rounding, self._noise = rounding, noise
        self._swings: list[Tensor] = []
        self._sites: dict[object, Site] = {}
        self.factors: dict[str, Factors] = defaultdict(list)
        self.elementwise: set[str] = set()  # of these names, those whose factors are multiplied element by element

    def rounded(self, where: object, value: Tensor, scale: Tensor) -> Tensor:
        """`value` with noise of the standard deviation `scale` (B, ·) in all samples but the first, in place."""
        if where not in self._sites:
            self._sites[where] = self._noise.site()
        value[1:] += self._sites[where](scale)
        return value

    @property
    def samples(self) -> int:
        return self._noise.samples

    def of_step(self, state: Tensor) -> Tensor:
        """The moves (K, B, ·) of a state (1 + K, B, ·) from the exact one, when all operations in its formula round.

        The formula is not known, so each of two terms may be as large as the largest number of the row.
        """
        term = state[0].abs().amax(-1, keepdim=True).clamp_min(1.0).expand_as(state[0])
        rounded = self.rounded("step", state.clone(), self.rounding.of_results(state[0], term, term))
        return rounded[1:] - rounded[0]

    def product(self, name: str, values: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """weight @ values + bias."""
        return NoisyProduct.apply(self, name, values, weight, bias)  # type: ignore[no-any-return, no-untyped-call]

    def tanh(self, a: Tensor) -> Tensor:
        return NoisySquash.apply(self, "tanh", a)  # type: ignore[no-any-return, no-untyped-call]

    def relu(self, a: Tensor) -> Tensor:
        return NoisyRelu.apply(self, a)  # type: ignore[no-any-return, no-untyped-call]

    def sigmoid(self, a: Tensor) -> Tensor:
        return NoisySquash.apply(self, "sigmoid", a)  # type: ignore[no-any-return, no-untyped-call]

    def halves(self, count: int) -> Tensor:
        """For each of `count` choices a random half of the samples, (K, count)."""
        return self._noise.halves(count)

    def watch(self, a: Tensor) -> None:
        """Records how far the argument of a tanh or sigmoid moves."""
        self._swings.append((a[1:] - a[0]).abs_().amax(-1).amax(0))

    def swing(self) -> Tensor | None:
        """The largest such move since the last call, (B,); None if there was none."""
        swings, self._swings = self._swings, []
        return torch.stack(swings).amax(0) if swings else None

    def scaled(self, name: str, values: Tensor, weight: Tensor) -> Tensor:
        """weight * values, element by element."""
        self.elementwise.add(name)
        return NoisyScale.apply(self, name, values, weight)  # type: ignore[no-any-return, no-untyped-call]

    def shifted(self, name: str, values: Tensor, weight: Tensor) -> Tensor:
        """values + weight."""
        self.elementwise.add(name)
        return NoisyShift.apply(self, name, values, weight)  # type: ignore[no-any-return, no-untyped-call]

    def normalised(self, values: Tensor) -> Tensor:
        """Each row with mean 0 and variance 1. Its rounding is at most that of its largest number."""
        return NoisyRow.apply(self, normalised(NoisyRow.apply(self, values)))  # type: ignore[no-any-return, no-untyped-call]

    def stored(self, value: Tensor) -> Tensor:
        return NoisyResult.apply(self, value)  # type: ignore[no-any-return, no-untyped-call]

    def read(self, value: Tensor, times: int, terms: int) -> Sequence[Tensor]:
        """`value` once for each place that reads it, through a product whose gradient has so many terms."""
        return NoisyReads.apply(self, value, times, terms)  # type: ignore[no-any-return, no-untyped-call]


class NoisyProduct(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, noisy: NoisyOperations, name: str, values: Tensor, weight: Tensor, bias: Tensor | None
    ) -> Tensor:
        ctx.noisy, ctx.name = noisy, name
        ctx.save_for_backward(values, weight)
        result = torch.nn.functional.linear(values, weight, bias)
        squares = torch.nn.functional.linear(
            values[0].square(), weight.square(), None if bias is None else bias.square()
        )
        scale = noisy.rounding.of_sum(weight.shape[1] + 1, squares, result[0])
        return noisy.rounded((name, "forward"), result, scale)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        values, weight = ctx.saved_tensors
        noisy, name = ctx.noisy, ctx.name
        noisy.factors[name].append((gradient, values))
        back = gradient @ weight
        scale = noisy.rounding.of_sum(len(weight), gradient[0].square() @ weight.square(), back[0])
        return None, None, noisy.rounded((name, "backward"), back, scale), None, None


class NoisySquash(torch.autograd.Function):
    """tanh or sigmoid; its slope is taken from its rounded result, and 1 - h^2 or h (1 - h) rounds itself."""

    @staticmethod
    def forward(ctx: Any, noisy: NoisyOperations, kind: str, a: Tensor) -> Tensor:
        ctx.noisy, ctx.kind = noisy, kind
        noisy.watch(a)
        result = torch.tanh(a) if kind == "tanh" else torch.sigmoid(a)
        off = (
            noisy.rounding.off_tanh(result[0])
            if kind == "tanh"
            else torch.full_like(result[0], noisy.rounding.off_sigmoid)
        )
        scale = noisy.rounding.of_results(result[0], off)
        result = noisy.rounded((kind, "forward"), result, scale)
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        (result,) = ctx.saved_tensors
        slope = 1 - result.square() if ctx.kind == "tanh" else result * (1 - result)
        back = gradient * slope
        scale = ctx.noisy.rounding.of_results(gradient[0] * result[0].square(), gradient[0] * slope[0], back[0])
        return None, None, ctx.noisy.rounded((ctx.kind, "backward"), back, scale)


class NoisyRelu(torch.autograd.Function):
    """relu, which is exact. If rounding may change the sign of its argument, or if the argument is zero, its slope is 0
    in half of the samples and 1 in the others, because both slopes are right there.
    """

    @staticmethod
    def forward(ctx: Any, noisy: NoisyOperations, a: Tensor) -> Tensor:
        variance = (a[1:] - a[0]).square_().mean(0)
        spread = torch.maximum(variance, variance.mean(-1, keepdim=True)).sqrt_()
        on = a > 0
        either = a[0].abs() <= KINK * spread
        on[1:] = on[0]
        if bool(either.any()):
            on[1:, either] = noisy.halves(int(either.sum()))
        ctx.save_for_backward(on)
        return a.clamp_min(0)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        (on,) = ctx.saved_tensors
        return None, gradient * on


class NoisyScale(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, noisy: NoisyOperations, name: str, values: Tensor, weight: Tensor) -> Tensor:
        ctx.noisy, ctx.name = noisy, name
        ctx.save_for_backward(values, weight)
        result = values * weight
        return noisy.rounded((name, "forward"), result, noisy.rounding.of_results(result[0]))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        values, weight = ctx.saved_tensors
        ctx.noisy.factors[ctx.name].append((gradient, values))
        back = gradient * weight
        return None, None, ctx.noisy.rounded((ctx.name, "backward"), back, ctx.noisy.rounding.of_results(back[0])), None


class NoisyShift(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, noisy: NoisyOperations, name: str, values: Tensor, weight: Tensor) -> Tensor:
        ctx.noisy, ctx.name = noisy, name
        result = values + weight
        return noisy.rounded((name, "forward"), result, noisy.rounding.of_results(result[0]))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        ctx.noisy.factors[ctx.name].append((gradient, torch.ones_like(gradient)))
        return None, None, gradient, None


class NoisyRow(torch.autograd.Function):
    """Rounds each row, in forward and in backward, by as much as its largest number may be off."""

    @staticmethod
    def forward(ctx: Any, noisy: NoisyOperations, value: Tensor) -> Tensor:
        ctx.noisy = noisy
        return noisy.rounded("row", value.clone(), of_row(noisy, value))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return None, ctx.noisy.rounded("row backward", gradient.clone(), of_row(ctx.noisy, gradient))


def of_row(noisy: NoisyOperations, value: Tensor) -> Tensor:
    largest = value[0].abs().amax(-1, keepdim=True).expand_as(value[0])
    return noisy.rounding.of_results(largest, largest, largest)


class NoisyResult(torch.autograd.Function):
    """Rounds a state when it is stored, and its gradient when it is summed."""

    @staticmethod
    def forward(ctx: Any, noisy: NoisyOperations, value: Tensor) -> Tensor:
        ctx.noisy = noisy
        return noisy.rounded("stored", value.clone(), noisy.rounding.of_results(value[0], value[0]))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        back = gradient.clone()
        return None, ctx.noisy.rounded("gradient", back, ctx.noisy.rounding.of_results(back[0], back[0]))


class NoisyReads(torch.autograd.Function):
    """A value that is read several times. The sum of its gradients rounds: a product that is accumulated onto another
    gradient has each of its terms rounded at that gradient's size.
    """

    @staticmethod
    def forward(ctx: Any, noisy: NoisyOperations, value: Tensor, times: int, terms: int) -> tuple[Tensor, ...]:
        ctx.noisy, ctx.terms = noisy, terms
        return tuple(value.view_as(value) for _ in range(times))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        back = torch.stack(gradients).sum(0)
        scale = ctx.noisy.rounding.of_sum(ctx.terms, torch.zeros_like(back[0]), *(each[0] for each in gradients))
        return None, ctx.noisy.rounded("reads", back, scale), None, None
