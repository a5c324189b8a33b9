"""The same equations without gradients: every intermediate value overwrites one that is no longer needed.

Each function is its namesake in `cells.py` with the loop over time around it, since what makes it fast is what it sets
up before the loop: one buffer for the gates, whose blocks are named once. None of them writes into what it was given.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, Network, Sweep
from rnncheck.spec import Cell

BLOCK = 2**19  # numbers: a block of projected timesteps should still be in cache when its steps read it


def rnn(w: LayerWeights, p: Tensor, h: Tensor, f_: Callable[[Tensor], Tensor]) -> Sweep:
    """h' = f(p + h W_hh), over p (T, B, H) itself: that is where the states end up."""
    for p_t in p.unbind(0):
        h = f_(p_t.addmm_(h, w.W_hh))
    return Sweep(p, (h,))


def lstm(w: LayerWeights, steps: Iterator[Tensor], output: Tensor, h: Tensor, c: Tensor) -> Sweep:
    """[i f g o] = p + h W_hh;  c' = σ(f) c + σ(i) tanh(g);  h' = (σ(o) tanh(c')) [W_hr], into output (T, B, R)."""
    gates = h.new_empty(len(h), w.W_hh.shape[1])  # (B, 4H)
    i, f, g, o = gates.chunk(4, -1)
    i_f = gates[:, : 2 * c.shape[1]]
    c, tanh_c = c.clone(), torch.empty_like(c)
    for p, h_t in zip(steps, output.unbind(0), strict=True):
        torch.addmm(p, h, w.W_hh, out=gates)
        i_f.sigmoid_(), g.tanh_(), o.sigmoid_()
        c.mul_(f).addcmul_(i, g)
        torch.tanh(c, out=tanh_c)
        h = torch.mul(o, tanh_c, out=h_t) if w.W_hr is None else torch.mm(tanh_c.mul_(o), w.W_hr, out=h_t)
    return Sweep(output, (h, c))


def gru(w: LayerWeights, steps: Iterator[Tensor], output: Tensor, h: Tensor) -> Sweep:
    """u = h W_hh + b_hh;  [r z] = σ(p + u);  n = tanh(p_n + r u_n);  h' = n + z (h - n), into output (T, B, H)."""
    u = h.new_empty(len(h), w.W_hh.shape[1])  # (B, 3H)
    size = h.shape[1]
    r, z, u_n = u.chunk(3, -1)
    r_z = u[:, : 2 * size]
    for p, h_t in zip(steps, output.unbind(0), strict=True):
        torch.addmm(w.b_hh, h, w.W_hh, out=u)
        r_z.add_(p[:, : 2 * size]).sigmoid_()
        n = p[:, 2 * size :].addcmul_(r, u_n).tanh_()
        h = torch.lerp(n, h, z, out=h_t)
    return Sweep(output, (h,))


class InPlaceNetwork(Network):
    """The network for where no gradient is asked for. It unrolls rows of one length in place, and others as ever."""

    def unroll(self, w: LayerWeights, x: Tensor, carry: Carry, active: Tensor | None) -> Sweep:
        if active is not None:
            return super().unroll(w, x, carry, active)
        if self.spec.cell is Cell.RNN:
            f_ = torch.tanh_ if self.spec.nonlinearity == "tanh" else torch.relu_
            return rnn(w, self.project(w, x), carry[0], f_)
        output = x.new_empty(*x.shape[:2], self.spec.state_size)
        return (lstm if self.spec.cell is Cell.LSTM else gru)(w, self.steps(w, x), output, *carry)

    def steps(self, w: LayerWeights, x: Tensor) -> Iterator[Tensor]:
        """p of every timestep, projected a block of timesteps at a time."""
        for block in torch.split(x, max(1, BLOCK // max(1, x.shape[1] * w.W_ih.shape[1]))):
            yield from self.project(w, block).unbind(0)
