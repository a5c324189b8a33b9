"""The three cells, run exactly and with perturbations. Source: `torch.nn.RNN`, `torch.nn.LSTM`, `torch.nn.GRU`.

A perturbation is computed by itself, not as the difference of two runs. So one of 1e-16 keeps all its digits, even in
float32, and one as large as the state saturates like the state.

i, f, o = sigmoid(a_i, a_f, a_o);  g = tanh(a_g);  a = W_ih x + b_ih + W_hh h + b_hh
c' = f c + i g
h' = o tanh(c'), or W_hr (o tanh(c'))

r, z = sigmoid(x_r + h_r, x_z + h_z);  x_* = W_ih x + b_ih,  h_* = W_hh h + b_hh
n = tanh(x_n + r h_n)
h' = (1 - z) n + z h
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.functional import linear

from rnncheck.envelope.gate_sums import ExactSteps, Gates, StepInputs, add_product
from rnncheck.envelope.noisy_operations import KINK
from rnncheck.envelope.rounding import Noise, Rounding, Site
from rnncheck.model.variant import EXACTLY, Operations, States

Squash = Sequence[Tensor]
"""tanh at a, about to be perturbed: its value, its slope, the least that the divisor below may be, and, if the slope is
zero somewhere, a."""


def squash(value: Tensor, a: Tensor, share: Tensor | float = 1.0) -> Squash:
    """`value` is tanh(a). For sigmoid(b) = (1 + tanh(b / 2)) / 2 it is tanh(a) with a = b / 2, and `share` is 1/2."""
    slope = torch.addcmul(value.new_ones(()), value, value, value=-1)
    of_saturated = a if bool((slope == 0).any()) else a.new_empty(*a.shape[:1], 0)
    return value, slope * share, (slope / 2).add_(torch.finfo(torch.float32).tiny), of_saturated


def moved_squash(at: Squash, by: Tensor, share: Tensor | float = 1.0) -> Tensor:
    """tanh(a + d) - tanh(a) = (1 - tanh(a)^2) tanh(d) / (1 + tanh(a) tanh(d)), with d = `by`, which is overwritten.

    For a sigmoid, `by` is half of the change of its argument, and `share` is 1/2.
    """
    value, slope, floor, a = at
    if a.numel():
        saturated = slope == 0
        across = crossed(a[saturated], by[:, saturated])
        moved = moved_squash((value, slope, floor, a[:0]), by)
        moved[:, saturated] = across * (share if isinstance(share, float) else share.expand_as(a)[saturated])
        return moved
    d = by.tanh_()
    divisor = torch.addcmul(value.new_ones(()), value, d)
    return d.mul_(slope).div_(torch.maximum(divisor, floor, out=divisor))


def crossed(a: Tensor, by: Tensor) -> Tensor:
    """tanh(a + d) - tanh(a) for arguments a (n) so large that tanh(a) is 1 or -1, and d = `by` (K, n).

    Only a change of sign moves these. If rounding may change the sign, it does so in at least half of the samples, as
    for relu: a few samples may all miss it.
    """
    either = (by / a).square().mean(0) >= 1 / KINK**2
    by[::2] = torch.where(either, -2 * a, by[::2])
    return torch.tanh(a + by) - torch.sign(a)


def moved_relu(a: Tensor, by: Tensor) -> Tensor:
    """relu(a + d) - relu(a) = max(d, -a) - max(0, -a)."""
    return torch.maximum(by, -a) - (-a).clamp_min(0)


class Gated:
    """The base of the cells of torch.nn."""

    gates: Gates
    kinks = False

    def begin(self, noise: Noise) -> list[Site]:
        return self.gates.sites(noise)


class TanhCell(Gated):
    def __init__(self, parameters: Mapping[str, Tensor], rounding: Rounding, work: torch.dtype) -> None:
        self.gates = Gates(parameters, rounding, work)

    def step(self, from_x: Tensor, from_h: Tensor, before: States, by: Operations = EXACTLY) -> States:
        return (by.tanh(from_x + from_h),)

    def step_inputs(self, steps: ExactSteps) -> StepInputs:
        a = steps.from_x + steps.from_h
        a_scale = self.gates.sum_scale(steps, a)
        (h,) = steps.after
        rounding = self.gates.rounding
        h_scale = rounding.of_results(h, rounding.off_tanh(h), h)  # tanh, and how it is stored
        return a_scale, h_scale, *squash(h.to(self.gates.work), a)

    def move(self, inputs: StepInputs, dx: Tensor | None, before: States, sites: Sequence[Site]) -> States:
        a_scale, h_scale, *at = inputs
        da = self.gates.moved_by_h(before, self.gates.moved_by_x(dx, sites[0](a_scale)))
        return (moved_squash(at, da).add_(sites[1](h_scale)),)


class ReluCell(Gated):
    kinks = True

    def __init__(self, parameters: Mapping[str, Tensor], rounding: Rounding, work: torch.dtype) -> None:
        self.gates = Gates(parameters, rounding, work)

    def step(self, from_x: Tensor, from_h: Tensor, before: States, by: Operations = EXACTLY) -> States:
        return (by.relu(from_x + from_h),)

    def step_inputs(self, steps: ExactSteps) -> StepInputs:
        a = steps.from_x + steps.from_h
        return self.gates.sum_scale(steps, a), a

    def move(self, inputs: StepInputs, dx: Tensor | None, before: States, sites: Sequence[Site]) -> States:
        a_scale, a = inputs
        da = self.gates.moved_by_h(before, self.gates.moved_by_x(dx, sites[0](a_scale)))
        return (moved_relu(a, da),)


class LSTMCell(Gated):
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

    def step_inputs(self, steps: ExactSteps) -> StepInputs:
        of_results, off_tanh = self.gates.rounding.of_results, self.gates.rounding.off_tanh
        off = self.gates.rounding.off_sigmoid
        (_, c), (h_next, c_next) = steps.before, steps.after
        a = steps.from_x + steps.from_h
        shares = self._shares.to(a.dtype)
        a_scale = self.gates.sum_scale(steps, a).mul_(shares)
        gates = torch.sigmoid(a)  # not (1 + tanh(a / 2)) / 2, which is zero for a small one
        squashed = a.mul_(shares).tanh()
        gates.chunk(4, -1)[2].copy_(squashed.chunk(4, -1)[2])
        i, f, g, o = gates.chunk(4, -1)
        tanh_c = torch.tanh(c_next)
        h = o * tanh_c
        # A gate's sigmoid may be off by u / 2 and a tanh by u, however small they are.
        c_scale = of_results(c_next, f * c, off * c, i * g, i * g, off * g, i * off_tanh(g))
        h_scale = of_results(h, h, off * tanh_c, o * off_tanh(tanh_c))
        inputs = a_scale, c_scale, h_scale, gates, c, tanh_c, *squash(squashed, a, shares), *squash(tanh_c, c_next)
        return inputs if self._w_hr is None else (*inputs, self._projection_scale(h, self._w_hr.to(h.dtype), h_next))

    def _projection_scale(self, h: Tensor, weight: Tensor, projected: Tensor) -> Tensor:
        return self.gates.rounding.of_sum(h.shape[-1], linear(h.square(), weight.square()), projected)

    def move(self, inputs: StepInputs, dx: Tensor | None, before: States, sites: Sequence[Site]) -> States:
        a_scale, c_scale, h_scale, gates, c, tanh_c, *rest = inputs
        at_gates, at_c, projection = rest[:4], rest[4:8], rest[8:]
        da = self.gates.moved_by_h(before, self.gates.moved_by_x(dx, sites[0](a_scale)))
        moved = moved_squash(at_gates, da, self._shares.to(da.dtype))
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


class GRUCell(Gated):
    def __init__(self, parameters: Mapping[str, Tensor], rounding: Rounding, work: torch.dtype) -> None:
        self._size = parameters["weight_hh"].shape[1]
        shares = parameters["weight_hh"].new_ones(3 * self._size)
        shares[: 2 * self._size] = 0.5
        self.gates = Gates(parameters, rounding, work, shares, gates=3)

    def step(self, from_x: Tensor, from_h: Tensor, before: States, by: Operations = EXACTLY) -> States:
        (h,) = before
        (x_r, x_z, x_n), (h_r, h_z, h_n) = from_x.chunk(3, -1), from_h.chunk(3, -1)
        r = by.sigmoid(x_r + h_r)
        z = by.sigmoid(x_z + h_z)
        n = by.tanh(x_n + r * h_n)
        return ((1 - z) * n + z * h,)

    def step_inputs(self, steps: ExactSteps) -> StepInputs:
        (h,), (h_next,) = steps.before, steps.after
        (x_rz, x_n), (h_rz, h_n) = self._split(steps.from_x), self._split(steps.from_h)
        rz_scale, n_x_scale, n_h_scale = self._sum_scales(steps)
        a_rz = (x_rz + h_rz) / 2
        squashed = torch.tanh(a_rz)
        r, z = torch.sigmoid(x_rz + h_rz).chunk(2, -1)
        n_a = x_n + r * h_n
        n = torch.tanh(n_a)
        new, kept, gap = (1 - z) * n, z * h, h - n
        # A gate's sigmoid may be off by u / 2 and a tanh by u, however small they are.
        of_results, off_tanh = self.gates.rounding.of_results, self.gates.rounding.off_tanh
        off = self.gates.rounding.off_sigmoid
        n_scale = hypotenuse(n_x_scale, r * n_h_scale, of_results(n_a, r * h_n, off * h_n))
        h_scale = of_results(h_next, new, new, (1 - z) * off_tanh(n), kept, z * gap, off * gap)
        scale = torch.cat([rz_scale / 2, n_scale], -1)
        return (
            scale,
            h_scale,
            r,
            z,
            h_n,
            gap,
            *squash(squashed.to(self.gates.work), a_rz, 0.5),
            *squash(n.to(self.gates.work), n_a),
        )

    def _sum_scales(self, steps: ExactSteps) -> tuple[Tensor, Tensor, Tensor]:
        """The standard deviations of the sums: of r and z together, of n from x, and of n from h."""
        gates, of_sum = self.gates, self.gates.rounding.of_sum
        (x_rz, x_n), (h_rz, h_n) = self._split(steps.from_x), self._split(steps.from_h)
        s_rz, s_n = self._split(gates.squares_x(steps.x))
        t_rz, t_n = self._split(gates.squares_h(steps.before[0]))
        rz = of_sum(gates.terms_x + gates.terms_h, s_rz + t_rz, x_rz, h_rz, x_rz + h_rz)
        return rz, of_sum(gates.terms_x, s_n, x_n), of_sum(gates.terms_h, t_n, h_n)

    def move(self, inputs: StepInputs, dx: Tensor | None, before: States, sites: Sequence[Site]) -> States:
        scale, h_scale, r, z, h_n, gap, *rest = inputs
        at_rz, at_n = rest[:4], rest[4:]
        da, dn_a = self._split(self.gates.moved_by_x(dx, sites[0](scale)))
        dh_n: Tensor | None = None
        if before:
            drz_h, dh_n = self._split(before[0] @ self.gates.moves_h)
            da = da + drz_h
        dr, dz = moved_squash(at_rz, da.contiguous(), 0.5).chunk(2, -1)
        dn_a = torch.addcmul(dn_a, dr, h_n)
        if dh_n is not None:
            dn_a.addcmul_(r + dr, dh_n)
        dn = moved_squash(at_n, dn_a)
        dgap = before[0] - dn if before else -dn
        return (sites[1](h_scale).add_(dn).addcmul_(dz, gap).addcmul_(z + dz, dgap),)

    def _split(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Splits the rows into those of r and z, and those of n."""
        return rows[..., : 2 * self._size], rows[..., 2 * self._size :]


def hypotenuse(*sides: Tensor) -> Tensor:
    return torch.stack(sides).square_().sum(0).sqrt_()
