"""Slips in the equations of a step: the gates are right, and what they multiply or are added to is not."""

from collections.abc import Callable, Iterator

from torch import Tensor

from rnncheck.faults.fault import Fault, family
from rnncheck.faults.overridable import CutNetwork
from rnncheck.model.spec import Cell, Spec
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, Network

# By the equation: the LSTM's c' of i, f, g and c; its h' of o and c'; the GRU's h' of r, z, n and h.
CELLS: dict[str, Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]] = {
    "c' = f (c + i g)": lambda i, f, g, c: f * (c + i * g),
    "c' = (1 - f) c + i g": lambda i, f, g, c: (1 - f) * c + i * g,
    "c' = f c - i g": lambda i, f, g, c: f * c - i * g,
    "c' = f c + i": lambda i, f, g, c: f * c + i,
    "c' = f c + i + g": lambda i, f, g, c: f * c + i + g,
    "c' = f + i g": lambda i, f, g, c: f + i * g,
    "c' = f c i g": lambda i, f, g, c: f * c * i * g,
}
HIDDEN: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "h' = tanh(o c')": lambda o, c: (o * c).tanh(),
    "h' = o + tanh(c')": lambda o, c: o + c.tanh(),
    "h' = o + c'": lambda o, c: o + c,
    "h' = (1 - o) tanh(c')": lambda o, c: (1 - o) * c.tanh(),
}
MIXES: dict[str, Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]] = {
    "h' = (1 - z) n + z r h": lambda r, z, n, h: (1 - z) * n + z * r * h,
    "h' = (1 - r) n + z h": lambda r, z, n, h: (1 - r) * n + z * h,
    "h' = (1 - r) n + r h": lambda r, z, n, h: (1 - r) * n + r * h,
    "h' = (1 - z) n - z h": lambda r, z, n, h: (1 - z) * n - z * h,
    "h' = (1 - z) h + z r n": lambda r, z, n, h: (1 - z) * h + z * r * n,
}
# The RNN's h' of its activation, p = x W_ih and u = h W_hh, each with its biases or with none.
SUMS: dict[str, Callable[[Callable[[Tensor], Tensor], Tensor, Tensor], Tensor]] = {
    "h' = f(p) + u": lambda f, p, u: f(p) + u,
    "h' = p + f(u)": lambda f, p, u: p + f(u),
    "h' = f(p) + f(u)": lambda f, p, u: f(p) + f(u),
}


@family(reported=22)
def of_equations(spec: Spec) -> Iterator[Fault]:
    match spec.cell:
        case Cell.RNN:
            for name, of_sums in SUMS.items():
                yield Fault("wrong-equation", f"{name}, u with b_hh", adding(of_sums, apart=True))
                yield Fault("wrong-equation", f"{name}, p with both biases", adding(of_sums, apart=False), rare=True)
            yield Fault("wrong-equation", "h' = h + f(p + u)", StateAdded, rare=True)
            yield Fault("wrong-equation", "h' = f(p + u) + b, without biases in p and u", BiasAfter, rare=True)
        case Cell.LSTM:
            for name, of_cell in CELLS.items():
                yield Fault("wrong-equation", name, with_cell(of_cell), rare=True)
            for name, of_hidden in HIDDEN.items():
                yield Fault("wrong-equation", name, with_hidden(of_hidden), rare=True)
        case Cell.GRU:
            for name, of_mix in MIXES.items():
                yield Fault("wrong-equation", name, with_mix(of_mix), rare=True)
            yield Fault("wrong-equation", "n reads z h instead of r h", ResetByUpdate, rare=True)
            yield Fault("wrong-equation", "z reads r h instead of h", UpdateOfReset, rare=True)
    yield Fault("stale-state", "", StateBeforeLast)


def with_cell(equation: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]) -> type[Network]:
    class WithCell(CutNetwork):
        def new_cell(self, i: Tensor, f: Tensor, g: Tensor, c: Tensor) -> Tensor:
            return equation(i, f, g, c)

    return WithCell


def with_hidden(equation: Callable[[Tensor, Tensor], Tensor]) -> type[Network]:
    class WithHidden(CutNetwork):
        def new_hidden(self, o: Tensor, new: Tensor, c: Tensor) -> Tensor:
            return equation(o, new)

    return WithHidden


def with_mix(equation: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]) -> type[Network]:
    class WithMix(CutNetwork):
        def mixed(self, r: Tensor, z: Tensor, n: Tensor, h: Tensor) -> Tensor:
            return equation(r, z, n, h)

    return WithMix


class ResetByUpdate(CutNetwork):
    def reset(self, r: Tensor, z: Tensor) -> Tensor:
        return z


class UpdateOfReset(CutNetwork):
    def of_update(self, w: LayerWeights, u_z: Tensor, r: Tensor, h: Tensor) -> Tensor:
        return self.recurrent(w, r * h).chunk(3, -1)[1]


def adding(equation: Callable[..., Tensor], *, apart: bool) -> type[Network]:
    """`apart` says that b_hh is with u, and not with p."""

    class Adding(CutNetwork):
        def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
            u = carry[0] @ w.W_hh
            if apart:
                p, u = p - w.b_hh, u + w.b_hh
            return (equation(lambda value: self.activate("h", value), p, u),)

    return Adding


class StateAdded(CutNetwork):
    def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
        return (carry[0] + super().step(w, p, carry)[0],)


class BiasAfter(CutNetwork):
    def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
        bias = w.b_ih + w.b_hh
        return (super().step(w, p - bias, carry)[0] + bias,)


class StateBeforeLast(CutNetwork):
    """Every step reads the state before the previous one; the first two read the initial state."""

    def scan(self, w: LayerWeights, p: Tensor, carry: Carry, active: Tensor | None) -> list[Carry]:
        before, history = carry, list[Carry]()
        for t, p_t in enumerate(p.unbind(0)):
            stepped = self.step(w, p_t, before)
            before, carry = carry, stepped if active is None else self.hold(active[t], stepped, carry)
            history.append(carry)
        return history
