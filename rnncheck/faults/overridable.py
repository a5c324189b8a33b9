"""The network with each cell's equations split into methods, which faults of a single step override."""

from collections.abc import Mapping

import torch
from torch import Tensor

from rnncheck.model.spec import Cell
from rnncheck.model.trace import State
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, DirectionRun, Network

H, C = 0, 1  # where the two are in a Carry


class CutNetwork(Network):
    """The same function as `Network`. `here` is the layer and the direction that are being computed.

    `training` says whether the layer is in training mode, which changes nothing here, and `unregistered` names the
    parameters that are no part of its state_dict.
    """

    here = (0, 0)
    training = False
    unregistered: frozenset[str] = frozenset()

    def side(
        self,
        weights: Mapping[str, Tensor],
        layer: int,
        direction: int,
        x: Tensor,
        state: State,
        active: Tensor | None,
    ) -> DirectionRun:
        self.here = (layer, direction)
        return super().side(weights, layer, direction, x, state, active)

    def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
        if self.spec.variant is not None:
            return super().step(w, p, carry)
        match self.spec.cell:
            case Cell.RNN:
                return (self.activate("h", self.sums(w, p, *carry)),)
            case Cell.LSTM:
                return self.lstm_step(w, p, *carry)
            case Cell.GRU:
                return (self.gru_step(w, p, *carry),)

    def activate(self, what: str, value: Tensor) -> Tensor:
        """The activation of the RNN's h, the LSTM's i, f, o, g and new cell c, or the GRU's r, z and n."""
        if what == "h":
            return value.tanh() if self.spec.nonlinearity == "tanh" else value.relu()
        return value.tanh() if what in "gcn" else value.sigmoid()

    def sums(self, w: LayerWeights, p: Tensor, h: Tensor) -> Tensor:
        """p + h W_hh: (B, G*H), of the RNN and the LSTM."""
        return torch.addmm(p, h, w.W_hh)

    def lstm_step(self, w: LayerWeights, p: Tensor, h: Tensor, c: Tensor) -> Carry:
        i, f, g, o = self.gate_sums(w, p, h, c)
        i, f, g = self.activate("i", i), self.activate("f", f), self.activate("g", g)
        new = self.new_cell(i, f, g, c)
        h = self.new_hidden(self.output_gate(o, new), new, c)
        return self.narrowed(w, h), new

    def gate_sums(self, w: LayerWeights, p: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        """The sums of i, f, g and o: 4 of (B, H). A correct layer does not use c, the cell before the step."""
        return self.sums(w, p, h).chunk(4, -1)

    def new_cell(self, i: Tensor, f: Tensor, g: Tensor, c: Tensor) -> Tensor:
        return f * c + i * g

    def output_gate(self, o: Tensor, new: Tensor) -> Tensor:
        """o from its sum. A correct layer does not use the new cell."""
        return self.activate("o", o)

    def new_hidden(self, o: Tensor, new: Tensor, c: Tensor) -> Tensor:
        """h from the new cell. A correct layer does not use c, the cell before the step."""
        return o * self.activate("c", new)

    def narrowed(self, w: LayerWeights, h: Tensor) -> Tensor:
        """h W_hr, if there is a projection."""
        return h if w.W_hr is None else h @ w.W_hr

    def gru_step(self, w: LayerWeights, p: Tensor, h: Tensor) -> Tensor:
        p_r, p_z, p_n = p.chunk(3, -1)
        u_r, u_z, u_n = self.recurrent(w, h).chunk(3, -1)
        r = self.activate("r", p_r + u_r)
        z = self.activate("z", p_z + self.of_update(w, u_z, r, h))
        n = self.activate("n", self.proposal(w, p_n, u_n, self.reset(r, z), h))
        return self.mixed(r, z, n, h)

    def of_update(self, w: LayerWeights, u_z: Tensor, r: Tensor, h: Tensor) -> Tensor:
        """The state's share of z's sum. `w`, `r` and `h` are arguments for faults that apply r here."""
        return u_z

    def reset(self, r: Tensor, z: Tensor) -> Tensor:
        """What multiplies u_n. A correct layer does not use z."""
        return r

    def mixed(self, r: Tensor, z: Tensor, n: Tensor, h: Tensor) -> Tensor:
        """h from the gates. A correct layer uses r in n only."""
        return self.mix(n, z, h)

    def recurrent(self, w: LayerWeights, h: Tensor) -> Tensor:
        """u = h W_hh + b_hh: (B, 3H), of the GRU."""
        return torch.addmm(w.b_hh, h, w.W_hh)

    def proposal(self, w: LayerWeights, p_n: Tensor, u_n: Tensor, r: Tensor, h: Tensor) -> Tensor:
        """The sum of n. `w` and `h` are arguments for faults that apply r elsewhere."""
        return p_n + r * u_n

    def mix(self, n: Tensor, z: Tensor, h: Tensor) -> Tensor:
        return n + z * (h - n)
