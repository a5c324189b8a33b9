"""The fast path overwrites only what it made itself, and what it returns stands on its own."""

import pytest
import torch
from hypothesis import given, settings
from scratch.pairs import CELLS, Call, assert_same, calls

from rnncheck import scratch

LAYERS = [{}, {"num_layers": 2}, {"bidirectional": True}, {"num_layers": 2, "bidirectional": True}]


@settings(max_examples=100, deadline=None)
@given(calls())
def test_input_states_and_weights_are_left_as_they_were(call: Call) -> None:
    layer, inputs = call.pair().ours, call.inputs()
    before = [tensor.clone() for tensor in (*inputs, *layer.parameters())]
    with torch.no_grad():
        call.run(layer, inputs)
    assert all(torch.equal(a, b) for a, b in zip((*inputs, *layer.parameters()), before, strict=True))


@pytest.mark.parametrize("gradients", [True, False])
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("options", LAYERS, ids=str)
def test_no_result_shares_memory_with_another_or_with_what_was_given(
    cell: str, options: dict[str, object], gradients: bool
) -> None:
    layer = getattr(scratch, cell)(3, 4, **options)
    k = 1 * (int(options.get("num_layers", 1))) * (2 if options.get("bidirectional") else 1)
    x, h0, c0 = torch.randn(5, 2, 3), torch.randn(k, 2, 4), torch.randn(k, 2, 4)
    with torch.set_grad_enabled(gradients):
        output, final = layer(x, (h0, c0) if cell == "LSTM" else h0)
    results = [output, *(final if cell == "LSTM" else [final])]
    everything = [x, h0, c0, *layer.parameters(), *results]
    assert len({tensor.untyped_storage().data_ptr() for tensor in everything}) == len(everything)


@pytest.mark.parametrize("cell", CELLS)
def test_a_second_call_is_not_touched_by_the_first(cell: str) -> None:
    layer, x = getattr(scratch, cell)(3, 4), torch.randn(5, 2, 3)
    with torch.no_grad():
        first = layer(x)[0]
        kept = first.clone()
        second = layer(x)[0]
        assert torch.equal(first, kept)
        assert torch.equal(first, second)
        second.zero_()
        assert torch.equal(first, kept)


@pytest.mark.parametrize("cell", CELLS)
def test_states_and_inputs_may_be_views_of_any_layout(cell: str) -> None:
    layer = getattr(scratch, cell)(3, 4)
    x, h0 = torch.randn(2, 3, 5).permute(2, 0, 1), torch.randn(1, 1, 4).expand(1, 2, 4)
    state = (h0, h0) if cell == "LSTM" else h0
    with_gradients = layer(x, state)[0].detach()
    with torch.no_grad():
        assert_same([layer(x, state)[0]], [with_gradients], 1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_frozen_weights_still_give_the_input_its_gradient(cell: str) -> None:
    layer, x = getattr(scratch, cell)(3, 4).requires_grad_(False), torch.randn(5, 2, 3, requires_grad=True)
    layer(x)[0].sum().backward()
    assert x.grad is not None
    assert bool((x.grad != 0).any())


@pytest.mark.parametrize("gradients", [True, False])
@pytest.mark.parametrize("cell", CELLS)
def test_autocast_runs_in_the_precision_it_names(cell: str, gradients: bool) -> None:
    layer, x = getattr(scratch, cell)(3, 4), torch.randn(5, 2, 3)
    with torch.set_grad_enabled(gradients):
        plain = layer(x)[0]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            cast = layer(x)[0]
    torch.testing.assert_close(cast.float(), plain, atol=0.05, rtol=0.05)
