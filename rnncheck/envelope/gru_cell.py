"""The GRU cell. Source: `torch.nn.GRU`.

r, z = sigmoid(x_r + h_r, x_z + h_z);  x_* = W_ih x + b_ih,  h_* = W_hh h + b_hh
n = tanh(x_n + r h_n)
h' = (1 - z) n + z h
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from rnncheck.envelope.gates import EXACTLY, Frame, Gates, Operations, States, Steps
from rnncheck.envelope.noise import Site
from rnncheck.envelope.rounding import SIGMOID_OFF, Rounding
from rnncheck.envelope.squash import moved_squash, squash


class GRUCell:
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

    def frame(self, steps: Steps) -> Frame:
        (h,), (h_next,) = steps.before, steps.after
        (x_rz, x_n), (h_rz, h_n) = self._split(steps.from_x), self._split(steps.from_h)
        rz_scale, n_x_scale, n_h_scale = self._sum_scales(steps)
        squashed = torch.tanh((x_rz + h_rz) / 2)
        r, z = ((1 + squashed) / 2).chunk(2, -1)
        n_a = x_n + r * h_n
        n = torch.tanh(n_a)
        new, kept, gap = (1 - z) * n, z * h, h - n
        # A gate's sigmoid may be off by u / 2 and a tanh by u, however small they are.
        of_results, off_tanh = self.gates.rounding.of_results, self.gates.rounding.off_tanh
        n_scale = hypotenuse(n_x_scale, r * n_h_scale, of_results(n_a, r * h_n, SIGMOID_OFF * h_n))
        h_scale = of_results(h_next, new, new, (1 - z) * off_tanh(n), kept, z * gap, SIGMOID_OFF * gap)
        scale = torch.cat([rz_scale / 2, n_scale], -1)
        return (
            scale,
            h_scale,
            r,
            z,
            h_n,
            gap,
            *squash(squashed.to(self.gates.work), 0.5),
            *squash(n.to(self.gates.work)),
        )

    def _sum_scales(self, steps: Steps) -> tuple[Tensor, Tensor, Tensor]:
        """The standard deviations of the sums: those of r and z, in one; those of n from x, and from h."""
        gates, of_sum = self.gates, self.gates.rounding.of_sum
        (x_rz, x_n), (h_rz, h_n) = self._split(steps.from_x), self._split(steps.from_h)
        s_rz, s_n = self._split(gates.squares_x(steps.x))
        t_rz, t_n = self._split(gates.squares_h(steps.before[0]))
        rz = of_sum(gates.terms_x + gates.terms_h, s_rz + t_rz, x_rz, h_rz, x_rz + h_rz)
        return rz, of_sum(gates.terms_x, s_n, x_n), of_sum(gates.terms_h, t_n, h_n)

    def move(self, frame: Frame, dx: Tensor | None, before: States, sites: Sequence[Site]) -> States:
        scale, h_scale, r, z, h_n, gap, *rest = frame
        at_rz, at_n = rest[:3], rest[3:]
        da, dn_a = self._split(self.gates.moved_by_x(dx, sites[0](scale)))
        dh_n: Tensor | None = None
        if before:
            drz_h, dh_n = self._split(before[0] @ self.gates.moves_h)
            da = da + drz_h
        dr, dz = moved_squash(at_rz, da.contiguous()).chunk(2, -1)
        dn_a = torch.addcmul(dn_a, dr, h_n)
        if dh_n is not None:
            dn_a.addcmul_(r + dr, dh_n)
        dn = moved_squash(at_n, dn_a)
        dgap = before[0] - dn if before else -dn
        return (sites[1](h_scale).add_(dn).addcmul_(dz, gap).addcmul_(z + dz, dgap),)

    def _split(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The rows of r and z together, and those of n."""
        return rows[..., : 2 * self._size], rows[..., 2 * self._size :]


def hypotenuse(*sides: Tensor) -> Tensor:
    return torch.stack(sides).square_().sum(0).sqrt_()
