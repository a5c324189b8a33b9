"""The LSTM cell, with an optional projection. Source: `torch.nn.LSTM`.

i, f, o = sigmoid(a_i, a_f, a_o);  g = tanh(a_g);  a = W_ih x + b_ih + W_hh h + b_hh
c' = f c + i g
h' = o tanh(c'), or W_hr (o tanh(c'))
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.functional import linear

from rnncheck.envelope.gates import EXACTLY, Frame, Gates, Operations, States, Steps, add_product
from rnncheck.envelope.noise import Site
from rnncheck.envelope.rounding import SIGMOID_OFF, Rounding
from rnncheck.envelope.squash import moved_squash, squash


class LSTMCell:
    def __init__(self, parameters: Mapping[str, Tensor], rounding: Rounding, work: torch.dtype) -> None:
        rows = parameters["weight_hh"].new_ones(4, parameters["weight_hh"].shape[0] // 4)
        self._shares = (rows * rows.new_tensor([[0.5], [0.5], [1.0], [0.5]])).flatten()
        self.gates = Gates(parameters, rounding, work, self._shares, gates=4)
        self._w_hr = parameters.get("weight_hr")
        self._moves_r = None if self._w_hr is None else self._w_hr.T.to(work)

    def step(self, from_x: Tensor, from_h: Tensor, before: States, by: Operations = EXACTLY) -> States:
        _, c = before
        i, f, g, o = (from_x + from_h).chunk(4, -1)
        c = by.sigmoid(f) * c + by.sigmoid(i) * by.tanh(g)
        h = by.sigmoid(o) * by.tanh(c)
        return h if self._w_hr is None else by.project(h, self._w_hr), c

    def frame(self, steps: Steps) -> Frame:
        of_results, off_tanh = self.gates.rounding.of_results, self.gates.rounding.off_tanh
        (_, c), (h_next, c_next) = steps.before, steps.after
        a = steps.from_x + steps.from_h
        shares = self._shares.to(a.dtype)
        a_scale = self.gates.sum_scale(steps, a).mul_(shares)
        squashed = a.mul_(shares).tanh_()
        gates = torch.addcmul(1 - shares, squashed, shares)
        i, f, g, o = gates.chunk(4, -1)
        tanh_c = torch.tanh(c_next)
        h = o * tanh_c
        # A gate's sigmoid may be off by u / 2 and a tanh by u, however small they are.
        c_scale = of_results(c_next, f * c, SIGMOID_OFF * c, i * g, i * g, SIGMOID_OFF * g, i * off_tanh(g))
        h_scale = of_results(h, h, SIGMOID_OFF * tanh_c, o * off_tanh(tanh_c))
        frame = a_scale, c_scale, h_scale, gates, c, tanh_c, *squash(squashed, shares), *squash(tanh_c)
        return frame if self._w_hr is None else (*frame, self._projection_scale(h, self._w_hr.to(h.dtype), h_next))

    def _projection_scale(self, h: Tensor, weight: Tensor, projected: Tensor) -> Tensor:
        return self.gates.rounding.of_sum(h.shape[-1], linear(h.square(), weight.square()), projected)

    def move(self, frame: Frame, dx: Tensor | None, before: States, sites: Sequence[Site]) -> States:
        a_scale, c_scale, h_scale, gates, c, tanh_c, *rest = frame
        at_gates, at_c, projection = rest[:3], rest[3:6], rest[6:]
        da = self.gates.moved_by_h(before, self.gates.moved_by_x(dx, sites[0](a_scale)))
        moved = moved_squash(at_gates, da)
        di, df, dg, do = moved.chunk(4, -1)
        i, f, _, o = (gates + moved).chunk(4, -1)
        g = gates.chunk(4, -1)[2]
        dc = sites[1](c_scale).addcmul_(df, c).addcmul_(i, dg).addcmul_(di, g)
        if before:
            dc.addcmul_(f, before[1])
        dtanh_c = moved_squash(at_c, dc.clone())
        dh = sites[2](h_scale).addcmul_(do, tanh_c).addcmul_(o, dtanh_c)
        if self._moves_r is not None:
            dh = add_product(sites[3](projection[0]), dh, self._moves_r)
        return dh, dc
