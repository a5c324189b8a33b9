"""Gradients by autograd where there is one, and by trying where there is none or where it fails."""

import pytest
import torch
from mapping.fake_native import FakeNative, facts
from torch import Tensor

from rnncheck.mapping.gradients import gradients
from rnncheck.mapping.probe import zeros
from rnncheck.model.spec import Dtype, Spec
from rnncheck.model.trace import State, Trace

SPEC = Spec(input_size=2, hidden_size=3, dtype=Dtype.FLOAT64)


class Broken(torch.autograd.Function):
    @staticmethod
    def forward(context: object, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(context: object, gradient: Tensor) -> Tensor:
        raise ValueError("no backward today")


class Exchanged(torch.autograd.Function):
    """Its backward takes the rows in another order."""

    @staticmethod
    def forward(context: object, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(context: object, gradient: Tensor) -> Tensor:
        return gradient.flip(0)


@pytest.mark.parametrize(
    "seen",
    [lambda w: w, lambda w: w.detach(), Broken.apply, Exchanged.apply],
    ids=["plain", "detached", "broken", "wrong"],
)
def test_the_gradient_is_delta_outer_x(seen: object) -> None:
    torch.manual_seed(0)  # exchanged, a gradient that is nearly the same the other way round is not seen to be wrong
    held = {"W": torch.randn(3, 2, dtype=torch.float64), "decoy": torch.zeros(4, dtype=torch.float64)}

    def run(x: Tensor, state: State) -> Trace:
        output = torch.tanh(x @ seen(held["W"]).t())
        return Trace(output, State(output[-1:]))

    x = torch.randn(1, 1, 2, dtype=torch.float64)
    native = FakeNative(SPEC, held, run, facts())
    (found,) = gradients(native, x, zeros(SPEC), lambda trace: [trace.output.sum()])
    delta = 1 - torch.tanh(x[0, 0] @ held["W"].detach().t()) ** 2
    assert torch.allclose(found["W"], torch.outer(delta, x[0, 0]), atol=1e-8)
    assert not found["decoy"].any()
