"""The scratch layers and torch.nn's are the same functions, with the same gradients, whatever the options."""

import pytest
import torch
from hypothesis import given, settings
from scratch.pairs import CELLS, Call, assert_same, calls
from torch import Tensor


def projected(outputs: list[Tensor]) -> Tensor:
    """A loss in which every value of every output has a weight of its own: a sum would hide faults."""
    draw = torch.Generator().manual_seed(0)
    return torch.stack([(y * torch.randn(y.shape, generator=draw, dtype=y.dtype)).sum() for y in outputs]).sum()


@settings(max_examples=40, deadline=None)  # with gradients, and with against without, say the rest
@given(calls())
def test_outputs_and_final_states_are_torch_s_without_gradients(call: Call) -> None:
    pair, inputs = call.pair(), call.inputs()
    with torch.no_grad():
        assert_same(call.run(pair.ours, inputs), call.run(pair.theirs, inputs))


@settings(max_examples=60, deadline=None)
@given(calls())
def test_outputs_final_states_and_every_gradient_are_torch_s(call: Call) -> None:
    pair, sides = call.pair(), []
    for layer, parameters in zip((pair.ours, pair.theirs), pair.parameters(), strict=True):
        inputs = [tensor.requires_grad_() for tensor in call.inputs()]
        outputs = call.run(layer, inputs)
        gradients = torch.autograd.grad(projected(outputs), [*inputs, *parameters], materialize_grads=True)
        sides.append([*(y.detach() for y in outputs), *gradients])
    assert_same(*sides)


@settings(max_examples=40, deadline=None)
@given(calls())
def test_with_and_without_gradients_the_result_is_the_same(call: Call) -> None:
    pair, inputs = call.pair(), call.inputs()
    with_gradients = [y.detach() for y in call.run(pair.ours, inputs)]
    with torch.no_grad():
        assert_same(call.run(pair.ours, inputs), with_gradients)
    with torch.inference_mode():
        assert_same(call.run(pair.ours, inputs), with_gradients)


@pytest.mark.parametrize("cell", CELLS)
def test_long_sequences_agree_across_the_blocks_they_are_projected_in(
    cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rnncheck.scratch.fast_path.BLOCK", 50)
    options = {"num_layers": 2, "bias": True, "batch_first": False, "bidirectional": True}
    call = Call(cell, (3, 4), options, timesteps=40, rows=2, lengths=None, state=True, seed=0)
    pair, inputs = call.pair(), call.inputs()
    with torch.no_grad():
        assert_same(call.run(pair.ours, inputs), call.run(pair.theirs, inputs))


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # torch's own, on its first forward derivative
@pytest.mark.sample(1)
@pytest.mark.parametrize("cell", CELLS)
def test_second_derivatives_and_forward_derivatives_exist(cell: str) -> None:
    options = {"num_layers": 1, "bias": True, "batch_first": False, "bidirectional": True}
    call = Call(cell, (2, 3), options, timesteps=3, rows=2, lengths=None, state=True, seed=0)
    layer = call.pair().ours
    inputs = tuple(tensor.requires_grad_() for tensor in call.inputs())

    def outputs(*inputs: Tensor) -> tuple[Tensor, ...]:
        return tuple(call.run(layer, inputs))

    assert torch.autograd.gradcheck(outputs, inputs, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(outputs, inputs)
