"""The LSTM's own backward pass gives what autograd makes of the loop, and can be differentiated again."""

import pytest
import torch
from torch import Tensor, nn

from rnncheck import scratch
from rnncheck.scratch import small_scan
from rnncheck.scratch.network import Network

OPTIONS = [{}, {"proj_size": 3}, {"num_layers": 2, "bidirectional": True}, {"bias": False, "num_layers": 2}]


def leaves(options: dict[str, object], sizes: tuple[int, ...] = (5, 3, 4, 6)) -> list[Tensor]:
    T, B, I, H = sizes  # noqa: E741
    rows = int(str(options.get("num_layers", 1))) * (2 if options.get("bidirectional") else 1)
    widths = int(str(options.get("proj_size", H))), H
    shapes = (T, B, I), (rows, B, widths[0]), (rows, B, widths[1])
    return [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]


def gradients(layer: torch.nn.Module, inputs: list[Tensor]) -> tuple[Tensor, ...]:
    x, h, c = inputs
    output, (h_n, c_n) = layer(x, (h, c))
    draws = torch.Generator().manual_seed(1)
    loss = sum((each * torch.randn(each.shape, dtype=each.dtype, generator=draws)).sum() for each in (output, h_n, c_n))
    return torch.autograd.grad(loss, [*inputs, *layer.parameters()], create_graph=False)


@pytest.mark.parametrize("in_numpy", [True, False])
@pytest.mark.parametrize("options", OPTIONS)
def test_the_gradients_are_those_of_the_loop(
    options: dict[str, object], in_numpy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(small_scan, "MOST", small_scan.MOST if in_numpy else 0)
    torch.manual_seed(0)
    layer = scratch.LSTM(4, 6, dtype=torch.float64, **options)
    inputs = leaves(options)
    own = gradients(layer, inputs)
    layer._networks = Network(layer.spec), layer._networks[1]
    assert all(
        torch.allclose(one, other, rtol=1e-12, atol=1e-13)
        for one, other in zip(own, gradients(layer, inputs), strict=True)
    )


@pytest.mark.parametrize("options", OPTIONS[:2])
def test_they_can_be_differentiated_again(options: dict[str, object]) -> None:
    torch.manual_seed(0)
    layer = scratch.LSTM(2, 4, dtype=torch.float64, **options)
    inputs = leaves(options, (3, 1, 2, 4))

    def run(x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        output, (_, c_n) = layer(x, (h, c))
        return output, c_n

    assert torch.autograd.gradcheck(run, inputs, fast_mode=True)
    assert torch.autograd.gradgradcheck(run, inputs, fast_mode=True)


@pytest.mark.parametrize("large", [1e3, float("inf"), float("nan")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_both_loops_saturate_and_keep_what_is_not_finite_in_its_row(
    large: float, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    def results(most: int) -> list[Tensor]:
        monkeypatch.setattr(small_scan, "MOST", most)
        torch.manual_seed(0)
        layer, x = scratch.LSTM(4, 6, dtype=dtype), torch.randn(5, 3, 4, dtype=dtype)
        x[2, 1] *= large
        x.requires_grad_()
        output, (h, c) = layer(x)
        return [output.detach(), h.detach(), c.detach(), torch.autograd.grad(output.sum() + c.sum(), x)[0]]

    for one, other in zip(results(512), results(0), strict=True):
        assert torch.allclose(one, other, rtol=1e-5, atol=1e-6, equal_nan=True)
        assert one[:, [0, 2]].isfinite().all()


def test_frozen_parts_have_no_gradient_and_change_no_other() -> None:
    torch.manual_seed(0)
    layer = scratch.LSTM(4, 6)
    x = torch.randn(5, 3, 4)
    layer(x)[0].sum().backward()
    whole = layer.weight_ih_l0.grad
    layer.zero_grad()
    layer.weight_hh_l0.requires_grad_(False)
    layer(x)[0].sum().backward()
    assert layer.weight_hh_l0.grad is None
    assert torch.equal(layer.weight_ih_l0.grad, whole)


def test_one_gradient_for_each_sequence_by_vmap() -> None:
    torch.manual_seed(0)
    layer = scratch.LSTM(3, 4)
    weights, x = dict(layer.named_parameters()), torch.randn(2, 5, 1, 3)

    def loss(values: dict[str, Tensor], one: Tensor) -> Tensor:
        return torch.func.functional_call(layer, values, (one,))[0].square().sum()

    found = torch.func.vmap(torch.func.grad(loss), (None, 0))(weights, x)
    alone = torch.func.grad(loss)(weights, x[1])
    assert torch.allclose(found["weight_hh_l0"][1], alone["weight_hh_l0"], atol=1e-6)


def test_wide_layers_are_as_exact_as_torchs() -> None:
    """A product that is added up from the output's gradient on, of size 1, loses more the wider the layer is."""
    wide = nn.LSTM(3, 512)
    torch.manual_seed(0)
    x, state = torch.randn(8, 2, 3), (torch.randn(1, 2, 512), torch.randn(1, 2, 512))
    own = scratch.LSTM(3, 512)
    own.load_state_dict(wide.state_dict())

    def by_c0(layer: nn.Module, dtype: torch.dtype) -> Tensor:
        h, c = (each.to(dtype).requires_grad_() for each in state)
        output, (_, last) = layer.to(dtype)(x.to(dtype), (h, c))
        torch.manual_seed(0)
        loss = (output * torch.randn(output.shape).to(dtype)).sum() + last.sum()
        return torch.autograd.grad(loss, c)[0].double()

    with torch.enable_grad():
        found, theirs, exact = by_c0(own, torch.float32), by_c0(wide, torch.float32), by_c0(wide, torch.float64)
    assert float((found - exact).norm()) < 3 * float((theirs - exact).norm())
