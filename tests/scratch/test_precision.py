"""Every precision runs, on both paths, as near to float64 as torch.nn comes."""

import pytest
import torch
from scratch.pairs import CELLS

from rnncheck import scratch

DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


@pytest.mark.parametrize("gradients", [True, False])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_the_error_against_float64_is_of_the_size_of_torch_s(cell: str, dtype: torch.dtype, gradients: bool) -> None:
    torch.manual_seed(0)
    exact = getattr(torch.nn, cell)(8, 16, 2, bidirectional=True, dtype=torch.float64)
    x = torch.randn(20, 4, 8, dtype=torch.float64)
    reference = exact(x)[0].detach()
    errors = []
    for module in (scratch, torch.nn):
        layer = getattr(module, cell)(8, 16, 2, bidirectional=True, dtype=dtype)
        layer.load_state_dict(exact.state_dict())
        with torch.set_grad_enabled(gradients):
            output, final = layer(x.to(dtype))
        assert output.dtype == (final[0] if cell == "LSTM" else final).dtype == dtype
        errors.append((output.detach().double() - reference).square().mean().sqrt().item())
    ours, theirs = errors
    assert ours <= 2 * theirs + 4 * torch.finfo(torch.float64).eps


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU")
@pytest.mark.parametrize("gradients", [True, False])
@pytest.mark.parametrize("cell", CELLS)
def test_a_gpu_gives_what_the_host_gives(cell: str, gradients: bool) -> None:
    layer = getattr(scratch, cell)(3, 4, 2, bidirectional=True, dtype=torch.float64)
    x = torch.randn(5, 2, 3, dtype=torch.float64)
    with torch.set_grad_enabled(gradients):
        host = layer(x)[0].detach()
        device = layer.to("cuda")(x.cuda())[0].detach().cpu()
    torch.testing.assert_close(device, host, atol=1e-12, rtol=1e-12)
