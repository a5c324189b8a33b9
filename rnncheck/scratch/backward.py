"""The LSTM with its backward pass written out, for where gradients are wanted: one node for the whole sequence.

Autograd over the loop of `cells.lstm` records seven operations for each timestep and walks them one by one. Here the
forward pass keeps the gates and the cells of every step. All factors that do not depend on the gradients are then made
for all timesteps at once, and only what has to go backwards through time is left in the loop.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function, forward_ad

from rnncheck.model.spec import Cell
from rnncheck.scratch import cells, small_scan
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, DirectionRun, Network


class LSTMScan(Function):
    """From p (T, B, 4H), h (B, R), c (B, H), W_hh (R, 4H) and W_hr (H, R) or None to the states h (T, B, R) and the
    last c (B, H). The gates (T, B, 4H), in the order i, f, o, g, and the cells (T, B, H) are for the backward pass.
    """

    @staticmethod
    def forward(p: Tensor, h: Tensor, c: Tensor, W_hh: Tensor, W_hr: Tensor | None) -> tuple[Tensor, ...]:
        """[i f g o] = p + h W_hh;  c' = σ(f) c + σ(i) tanh(g);  h' = (σ(o) tanh(c')) [W_hr]."""
        gates, W, output = sigmoids_first(p), sigmoids_first(W_hh), p.new_empty(*p.shape[:2], h.shape[-1])
        every_c = p.new_empty(*p.shape[:2], c.shape[-1])
        if W_hr is None and small_scan.fits(p):
            small_scan.forward(gates, output, every_c, h, c, W)
        else:
            forward_scan(gates, output, every_c, h, c, W, W_hr)
        return output, every_c[-1].clone(), gates, every_c

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        every_h, _, gates, every_c = output
        ctx.mark_non_differentiable(gates, every_c)
        ctx.save_for_backward(*inputs, every_h, gates, every_c)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """With dh and dc the gradients that come back through time, and σ' = σ (1 - σ), tanh' = 1 - tanh²:

        dc_t += dh_t o tanh'(c_t);  [di df dg] = dc_t [g σ'(i), c_{t-1} σ'(f), i tanh'(g)];  do = dh_t tanh(c_t) σ'(o);
        dh_{t-1} = d_output_{t-1} + [di df dg do] W_hhᵀ;  dc_{t-1} = dc_t f.

        With a projection dh_t W_hrᵀ stands in the place of dh_t. Where this is to be differentiated again, autograd
        does it over the loop of `cells.lstm`.
        """
        *inputs, every_h, gates, every_c = ctx.saved_tensors
        if torch.is_grad_enabled():
            return by_autograd(inputs, gradients)
        p, h0, c0, W_hh, W_hr = inputs
        i, f, o, g = gates.chunk(4, -1)
        tanh_c = every_c.tanh()
        before = torch.cat([c0[None], every_c[:-1]])
        of_c = torch.stack([g * i * (1 - i), before * f * (1 - f), i * (1 - g * g)], 2)
        of_h = torch.stack([tanh_c * o * (1 - o), o * (1 - tanh_c * tanh_c)], 2)
        d_output = torch.cat([torch.zeros_like(gradients[0][:1]), gradients[0]])
        every_dh = list[Tensor]()
        if W_hr is None and small_scan.fits(p):
            dp, dh, dc = small_scan.backward(of_c, of_h, f, d_output, gradients[1], W_hh)
        else:
            dp, dh, dc, every_dh = backward_scan(of_c, of_h, f, d_output, gradients[1], W_hh, W_hr)
        h_before = torch.cat([h0[None], every_h[:-1]])
        dW_hh = h_before.flatten(0, 1).t() @ dp.flatten(0, 1)
        dW_hr = None if W_hr is None else (o * tanh_c).flatten(0, 1).t() @ torch.stack(every_dh).flatten(0, 1)
        return dp, dh, dc, dW_hh, dW_hr


def sigmoids_first(values: Tensor) -> Tensor:
    """A copy with the columns of the gates in the order i, f, o, g: three that go through σ, and one through tanh."""
    i, f, g, o = values.chunk(4, -1)
    return torch.cat([i, f, o, g], -1)


def forward_scan(
    gates: Tensor, output: Tensor, every_c: Tensor, h: Tensor, c: Tensor, W: Tensor, W_hr: Tensor | None
) -> None:
    """Fills `output` and `every_c`, and turns the `gates`, which are p on entry, into their values."""
    H = c.shape[-1]
    blocks = gates, gates[..., : 3 * H], *gates.chunk(4, -1), every_c, output
    # Views of all timesteps at once: each would cost as much as a product of this size.
    for a, sigmoids, i, f, o, g, c_t, h_t in zip(*(each.unbind(0) for each in blocks), strict=True):
        a.addmm_(h, W)
        sigmoids.sigmoid_(), g.tanh_()
        c = torch.mul(f, c, out=c_t).addcmul_(i, g)
        h = torch.tanh(c, out=h_t).mul_(o) if W_hr is None else torch.mm(o * c.tanh(), W_hr, out=h_t)


def backward_scan(
    of_c: Tensor, of_h: Tensor, f: Tensor, d_output: Tensor, dc: Tensor, W_hh: Tensor, W_hr: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:
    """The gradients of p, of the initial h and c, and that of h at every step where there is a projection.

    The factors `of_c` (T, B, 3, H) give di, df and dg from dc, and `of_h` (T, B, 2, H) do, and what dc gets, from dh.
    `d_output` has a step of zeros before it.
    """
    (T, B, _, H), dp = of_c.shape, of_c.new_empty(*of_c.shape[:2], 4 * of_c.shape[-1])
    dp_c, dp_o = dp[..., : 3 * H].view(T, B, 3, H), dp[..., 3 * H :]
    W_hh_t, W_hr_t = W_hh.t().contiguous(), None if W_hr is None else W_hr.t()
    dh, every_dh = d_output[-1], list[Tensor]()
    blocks = of_c, of_h[:, :, 0], of_h[:, :, 1], f, dp, dp_c, dp_o, d_output[:-1]
    for o_c, o_o, o_h, f_t, dp_t, dp_c_t, dp_o_t, d_t in zip(*(each.unbind(0)[::-1] for each in blocks), strict=True):
        dm = dh
        if W_hr_t is not None:
            every_dh.append(dh)
            dm = dh @ W_hr_t
        dc = dc.addcmul(dm, o_h)
        torch.mul(o_c, dc[:, None], out=dp_c_t), torch.mul(dm, o_o, out=dp_o_t)
        # The product by itself: added up from d_t on, each of its 4H terms would be rounded at the size of d_t.
        dc, dh = dc.mul_(f_t), (dp_t @ W_hh_t).add_(d_t)
    return dp, dh, dc, every_dh[::-1]


def by_autograd(inputs: list[Any], gradients: tuple[Tensor, ...]) -> tuple[Tensor | None, ...]:
    """The gradients of the inputs, with a graph of their own."""
    p, h, c, W_hh, W_hr = inputs
    w = LayerWeights(W_hh, W_hh, W_hh, W_hh, W_hr)  # a step reads W_hh and W_hr alone
    output = []
    for p_t in p.unbind(0):
        h, c = cells.lstm(w, p_t, h, c)
        output.append(h)
    wanted = [each for each in inputs if each is not None and each.requires_grad]
    found = iter(torch.autograd.grad((torch.stack(output), c), wanted, gradients[:2], create_graph=True))
    return tuple(next(found) if each is not None and each.requires_grad else None for each in inputs)


class BackwardNetwork(Network):
    """The network for where gradients are asked for. Of an LSTM with rows of one length it has its own backward pass.

    torch.compile, torch.func, forward derivatives and autocast take the loop, of which they make their own.
    """

    def unroll(self, w: LayerWeights, x: Tensor, carry: Carry, active: Tensor | None) -> DirectionRun:
        if active is not None or self.spec.cell is not Cell.LSTM or rewritten(x):
            return super().unroll(w, x, carry, active)
        scan: Any = LSTMScan  # torch types no `apply`
        h, c, *_ = scan.apply(self.project(w, x), *carry, w.W_hh, w.W_hr)
        return DirectionRun(h, (h[-1], c))


def rewritten(x: Tensor) -> bool:
    """Whether torch makes something else of the operations than what they say."""
    transformed = torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active()
    forward = forward_ad._current_level >= 0  # inside forward_ad.dual_level()
    return transformed or forward or torch.is_autocast_enabled(x.device.type)
