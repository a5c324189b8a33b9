"""Functions of jax on torch tensors: their values, their gradients, and what they leave as it was."""

from typing import Any

import pytest
import torch

jax = pytest.importorskip("jax", reason="jax is not installed: pip install 'rnncheck[jax]'")

from jax import numpy as jnp  # noqa: E402

from rnncheck.implementations import jax_bridge  # noqa: E402
from rnncheck.implementations.jax_bridge import bridge  # noqa: E402


def affine(weights: dict[str, Any], x: Any, *, scale: float = 1.0) -> Any:
    return {"y": jnp.tanh(x @ weights["w"]) * scale, "rest": (x.shape[0], None, jnp.arange(2))}


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()


def test_arrays_are_tensors_outside_and_all_else_is_what_it_was() -> None:
    w, x = drawn(3, 4), drawn(2, 3)
    found = bridge(affine, {"w": w}, x, scale=3.0)
    torch.testing.assert_close(found["y"], 3 * torch.tanh(x @ w), rtol=1e-14, atol=1e-14)
    assert found["rest"][0] == 2
    assert found["rest"][1] is None
    assert found["rest"][2].tolist() == [0, 1]


def test_autograd_differentiates_twice() -> None:
    def y(w: torch.Tensor, x: torch.Tensor) -> Any:
        return bridge(affine, {"w": w}, x)["y"]

    inputs = (drawn(2, 2), drawn(1, 2))
    assert torch.autograd.gradcheck(y, inputs)
    assert torch.autograd.gradgradcheck(y, inputs)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_the_dtype_stays_and_jax_keeps_its_settings(dtype: torch.dtype) -> None:
    before = jax.config.jax_enable_x64
    x = drawn(2, 3).detach().to(dtype)
    found = bridge(double, x)
    assert found.dtype == dtype
    assert torch.equal(found, 2 * x)
    assert jax.config.jax_enable_x64 == before
    assert jnp.zeros(1).dtype == (jnp.float64 if before else jnp.float32)


def double(x: Any) -> Any:
    return 2 * x


def test_a_function_that_reads_the_numbers_runs_uncompiled() -> None:
    def by_sign(x: Any) -> Any:
        return 2 * x if float(x.sum()) > 0 else 3 * x

    x = torch.ones(2, dtype=torch.float64, requires_grad=True)
    assert bridge(by_sign, x).tolist() == [2, 2]
    assert bridge(by_sign, -x).tolist() == [-3, -3]
    assert torch.autograd.grad(bridge(lambda x: by_sign(jax.lax.stop_gradient(x)) * x, x).sum(), x)[0].tolist() == [
        2,
        2,
    ]


def test_a_function_is_compiled_once_for_each_shape() -> None:
    traced = []

    def counting(x: Any) -> Any:
        traced.append(x.shape)
        return x + 1

    for shape in ((2,), (2,), (3,), (2,)):
        bridge(counting, torch.zeros(shape))
    assert traced == [(2,), (3,)]


def test_many_shapes_do_not_fill_the_memory_with_compiled_code(monkeypatch: pytest.MonkeyPatch) -> None:
    jax.clear_caches()
    monkeypatch.setattr(jax_bridge, "MOST_COMPILED", 3)
    for n in range(1, 9):
        assert bridge(double, torch.ones(n)).tolist() == [2.0] * n
    assert 0 < jax_bridge.compiler()._cache_size() <= 3


def test_whole_numbers_are_given_without_a_gradient() -> None:
    x = drawn(3, 2)
    rows = bridge(lambda x, rows: x[rows], x, torch.tensor([2, 0]))
    rows.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[1, 1], [0, 0], [1, 1]]
