"""The loops of `backward.LSTMScan` over numpy's arrays, for few rows and units.

There a step is a dozen operations on some hundred numbers, and nearly all of its time is that of calling them, which
numpy does in a third of the time of torch. The arrays share the memory of torch's tensors.
"""

import numpy as np
import torch
from torch import Tensor

MOST = 512  # rows times units; with more, torch's products are quicker
DTYPES = (torch.float32, torch.float64)


def fits(p: Tensor) -> bool:
    """Whether numpy can run it, and sooner than torch. p is (T, B, 4H)."""
    return p.device.type == "cpu" and p.dtype in DTYPES and p.shape[1] * p.shape[2] <= 4 * MOST


def forward(gates: Tensor, output: Tensor, every_c: Tensor, h: Tensor, c: Tensor, W: Tensor) -> None:
    """Fills `output` and `every_c`, and turns the `gates` i, f, o, g, which are p on entry, into their values."""
    H = c.shape[-1]
    a, hs, cs, h_t, c_t = (each.detach().numpy() for each in (gates, output, every_c, h, c))
    sign = np.repeat(np.array([-1, 1], a.dtype), [3 * H, H])  # σ(v) = 1 / (1 + exp(-v))
    a *= sign
    minus = W.detach().numpy() * sign
    product, new = np.empty_like(a[0]), np.empty_like(cs[0])
    one = np.ones_like(a[0, :, : 3 * H])
    add, multiply, dot, exp, tanh = np.add, np.multiply, np.dot, np.exp, np.tanh
    parts = a, a[..., : 3 * H], *(a[..., k * H : (k + 1) * H] for k in range(4)), cs, hs
    with np.errstate(all="ignore"):
        for a_t, sigmoids, i, f, o, g, c_next, h_next in zip(*parts, strict=True):
            dot(h_t, minus, product)
            add(a_t, product, a_t)
            exp(sigmoids, sigmoids)
            add(sigmoids, one, sigmoids)
            np.divide(one, sigmoids, sigmoids)
            tanh(g, g)
            multiply(i, g, new)
            multiply(f, c_t, c_next)
            add(c_next, new, c_next)
            tanh(c_next, h_next)
            multiply(h_next, o, h_next)
            h_t, c_t = h_next, c_next


def backward(
    of_c: Tensor, of_h: Tensor, f: Tensor, d_output: Tensor, dc: Tensor, W_hh: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of p and of the initial h and c, as `backward.backward_scan` computes them."""
    (T, B, _, H), dtype = of_c.shape, of_c.dtype
    gradient = torch.empty(T, B, 4 * H, dtype=dtype)
    dp, dp_c = gradient.numpy(), gradient[..., : 3 * H].view(T, B, 3, H).numpy()
    factors, of_o, of_dc = of_c.numpy(), of_h[:, :, 0].numpy(), of_h[:, :, 1].numpy()
    W_t = np.ascontiguousarray(W_hh.detach().numpy().T)
    d = d_output.numpy()
    dh, dc_t, more = d[-1].copy(), dc.numpy().copy(), np.empty((B, H), d.dtype)
    add, multiply, dot = np.add, np.multiply, np.dot
    parts = factors, of_o, of_dc, f.numpy(), dp, dp_c, dp[..., 3 * H :], d[:-1]
    with np.errstate(all="ignore"):
        for factor, o_o, o_dc, f_t, dp_t, to_c, to_o, d_t in zip(*(each[::-1] for each in parts), strict=True):
            multiply(dh, o_dc, more)
            add(dc_t, more, dc_t)
            multiply(factor, dc_t[:, None], to_c)
            multiply(dh, o_o, to_o)
            multiply(dc_t, f_t, dc_t)
            dot(dp_t, W_t, dh)
            add(dh, d_t, dh)
    return gradient, torch.from_numpy(dh), torch.from_numpy(dc_t)
