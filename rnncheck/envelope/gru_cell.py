"""The GRU cell. Source: `torch.nn.GRU`.

r, z = sigmoid(x_r + h_r, x_z + h_z);  x_* = W_ih x + b_ih,  h_* = W_hh h + b_hh
n = tanh(x_n + r h_n)
h' = (1 - z) n + z h
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from rnncheck.envelope.gates import Frame, Gates, States, Steps
from rnncheck.envelope.noise import Site
from rnncheck.envelope.rounding import Rounding
from rnncheck.envelope.squash import moved_squash, squash


class GRUCell:
    def __init__(self, parameters: Mapping[str, Tensor], rounding: Rounding, work: torch.dtype) -> None:
        self._size = parameters["weight_hh"].shape[1]
        shares = parameters["weight_hh"].new_ones(3 * self._size)
        shares[: 2 * self._size] = 0.5
        self.gates = Gates(parameters, rounding, work, shares)

    def step(self, from_x: Tensor, from_h: Tensor, h: Tensor, c: Tensor | None) -> States:
        (x_r, x_z, x_n), (h_r, h_z, h_n) = from_x.chunk(3, -1), from_h.chunk(3, -1)
        r = torch.sigmoid(x_r + h_r)
        z = torch.sigmoid(x_z + h_z)
        n = torch.tanh(x_n + r * h_n)
        return (1 - z) * n + z * h, None

    def frame(self, steps: Steps) -> Frame:
        rounding, gates, both = self.gates.rounding, self.gates, 2 * self._size
        squares_x, squares_h = gates.squares_x(steps.x), gates.squares_h(steps.h)
        (x_rz, x_n), (h_rz, h_n) = self._split(steps.from_x), self._split(steps.from_h)
        (s_rz, s_n), (t_rz, t_n) = self._split(squares_x), self._split(squares_h)
        rz_scale = rounding.of_sum(gates.terms_x + gates.terms_h, s_rz + t_rz, x_rz, h_rz, x_rz + h_rz) / 2
        squashed = torch.tanh((x_rz + h_rz) / 2)
        r, z = ((1 + squashed) / 2).chunk(2, -1)
        n_a = x_n + r * h_n
        n = torch.tanh(n_a)
        # A sigmoid written (1 + tanh(a / 2)) / 2 is off by u / 2 however small it is: hence the halves.
        n_parts = (
            rounding.of_sum(gates.terms_x, s_n, x_n),
            r * rounding.of_sum(gates.terms_h, t_n, h_n),
            rounding.of_results(n_a, r * h_n, h_n / 2),
        )
        n_scale = torch.stack(n_parts).square().sum(0).sqrt()
        gap = steps.h - n
        kept, new = z * steps.h, (1 - z) * n
        h_scale = rounding.of_results(steps.h_next, new, new, kept, z * gap, gap / 2)
        scale = torch.cat([rz_scale, n_scale], -1)
        assert scale.shape[-1] == both + self._size
        return scale, h_scale, r, z, h_n, gap, *squash(squashed, 0.5), *squash(n)

    def move(
        self, frame: Frame, dx: Tensor | None, dh: Tensor | None, dc: Tensor | None, sites: Sequence[Site]
    ) -> States:
        scale, h_scale, r, z, h_n, gap, *rest = frame
        at_rz, at_n = rest[:3], rest[3:]
        from_x = self.gates.moved_by_x(dx, sites[0](scale))
        da, dn_a = self._split(from_x)
        dh_n = None
        if dh is not None:
            from_h = self.gates.moved_by_h(dh, torch.zeros_like(from_x))
            da = da + from_h[..., : 2 * self._size]
            dh_n = from_h[..., 2 * self._size :]
        dr, dz = moved_squash(at_rz, da).chunk(2, -1)
        dn_a = torch.addcmul(dn_a, dr, h_n)
        if dh_n is not None:
            dn_a = dn_a.addcmul_(r + dr, dh_n)
        dn = moved_squash(at_n, dn_a)
        dh_next = sites[1](h_scale).add_(dn).addcmul_(dz, gap)
        dh_gap = -dn if dh is None else dh - dn
        return dh_next.addcmul_(z + dz, dh_gap), None

    def _split(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The rows of r and z together, and those of n."""
        return rows[..., : 2 * self._size], rows[..., 2 * self._size :]
