"""The same equations for runs without gradients, computed in place.

Each function is the function of the same name in `cells.py` with the loop over time. It allocates one buffer for the
gates before the loop and overwrites values that are no longer needed. The caller's x and states do not change.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from rnncheck.model.spec import Cell
from rnncheck.model.trace import State
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, DirectionRun, Network

BLOCK = 2**17  # numbers in one block of projected timesteps, so that they are still in cache when the steps read them
FEWEST = 8  # timesteps in one block at least, so that one matrix product is worth its call


def rnn(w: LayerWeights, p: Tensor, h: Tensor, f_: Callable[[Tensor], Tensor]) -> DirectionRun:
    """h' = f(p + h W_hh); the states overwrite p (T, B, H)."""
    for p_t in p.unbind(0):
        h = f_(p_t.addmm_(h, w.W_hh))
    return DirectionRun(p, (h,))


def lstm(w: LayerWeights, blocks: Iterator[Tensor], output: Tensor, h: Tensor, c: Tensor) -> DirectionRun:
    """[i f g o] = p + h W_hh;  c' = σ(f) c + σ(i) tanh(g);  h' = (σ(o) tanh(c')) [W_hr], into output (T, B, R)."""
    gates = c.new_empty(c.shape[0], 4 * c.shape[1])  # (B, 4H)
    i, f, g, o = gates.chunk(4, -1)
    i_f = gates[:, : 2 * c.shape[1]]
    c = c.clone()
    steps = (p for block in blocks for p in block.unbind(0))
    for p, h_t in zip(steps, output.unbind(0), strict=True):
        torch.addmm(p, h, w.W_hh, out=gates)
        i_f.sigmoid_(), g.tanh_(), o.sigmoid_()
        c.mul_(f).addcmul_(i, g)
        h = torch.tanh(c, out=h_t).mul_(o) if w.W_hr is None else torch.mm(o.mul_(c.tanh()), w.W_hr, out=h_t)
    return DirectionRun(output, (h, c))


def gru(w: LayerWeights, blocks: Iterator[Tensor], output: Tensor, h: Tensor) -> DirectionRun:
    """u = h W_hh + b_hh;  [r z] = σ(p + u);  n = tanh(p_n + r u_n);  h' = n + z (h - n), into output (T, B, H)."""
    u = h.new_empty(h.shape[0], 3 * h.shape[1])  # (B, 3H)
    r, z, u_n = u.chunk(3, -1)
    r_z = u[:, : 2 * h.shape[1]]
    parts = (p.tensor_split((r_z.shape[1],), -1) for p in blocks)
    steps = (step for p_r_z, p_n in parts for step in zip(p_r_z.unbind(0), p_n.unbind(0), strict=True))
    for (p_r_z, p_n), h_t in zip(steps, output.unbind(0), strict=True):
        torch.addmm(w.b_hh, h, w.W_hh, out=u)
        r_z.add_(p_r_z).sigmoid_()
        n = p_n.addcmul_(r, u_n).tanh_()
        h = torch.lerp(n, h, z, out=h_t)
    return DirectionRun(output, (h,))


class InPlaceNetwork(Network):
    """The network for runs without gradients: rows of equal length run in place, others as in `Network`."""

    def states(
        self,
        weights: Mapping[str, Tensor],
        x: Tensor,
        state: State | None = None,
        lengths: Sequence[int] | Tensor | None = None,
    ) -> State:
        return Network(self.spec).states(weights, x, state, lengths)  # the in-place run keeps no history

    def unroll(self, w: LayerWeights, x: Tensor, carry: Carry, active: Tensor | None) -> DirectionRun:
        if active is not None:
            return super().unroll(w, x, carry, active)
        if self.spec.cell is Cell.RNN:
            f_ = torch.tanh_ if self.spec.nonlinearity == "tanh" else torch.relu_
            return rnn(w, self.project(w, x), carry[0], f_)
        output = x.new_empty(*x.shape[:2], self.spec.state_size)
        return (lstm if self.spec.cell is Cell.LSTM else gru)(w, self.blocks(w, x), output, *carry)

    def blocks(self, w: LayerWeights, x: Tensor) -> Iterator[Tensor]:
        """The input part p (K, B, G*H), for K timesteps at a time."""
        size = x.shape[1] * w.W_ih.shape[1]
        return (self.project(w, block) for block in torch.split(x, max(FEWEST, BLOCK // max(1, size))))
