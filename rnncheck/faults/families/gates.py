"""Faults of the gates of LSTM and GRU: their order and their equations."""

from collections.abc import Callable, Iterator
from itertools import permutations

import torch
from torch import Tensor

from rnncheck.faults.fault import Fault, family
from rnncheck.faults.overridable import CutNetwork
from rnncheck.faults.scene import Scene
from rnncheck.faults.shared import altered, blocks
from rnncheck.model.spec import Cell, Spec
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Network

RIGHT = {Cell.LSTM: "ifgo", Cell.GRU: "rzn"}
# Those of other frameworks first: Caffe and DyNet i f o g, TensorFlow 1 and Haiku i g f o, ONNX i o f g; Keras z r n.
KNOWN = {Cell.LSTM: ("ifog", "igfo", "iofg"), Cell.GRU: ("zrn",)}
PARTS = {"W_ih alone": ("W_ih",), "W_hh alone": ("W_hh",), "biases alone": ("b_ih", "b_hh")}


@family(reported=6)
def of_gate_order(spec: Spec) -> Iterator[Fault]:
    """All wrong orders in every parameter, and the best known order in a part of the parameters."""
    if spec.cell is Cell.RNN:
        return
    right, known = RIGHT[spec.cell], KNOWN[spec.cell]
    others = ["".join(order) for order in permutations(right)]
    for order in (*known, *(order for order in others if order != right and order not in known)):
        yield in_order(order, right, ("W_ih", "W_hh", "b_ih", "b_hh"))
    for part, names in PARTS.items():
        if spec.bias or part != "biases alone":
            yield in_order(known[0], right, names, part)


def in_order(order: str, right: str, names: tuple[str, ...], part: str = "") -> Fault:
    """Reads the blocks of these parameters as if the gates were in `order`."""
    taken = [order.index(gate) for gate in right]

    def reordered(value: Tensor) -> Tensor:
        every = blocks(value, len(right))
        return torch.cat([every[k] for k in taken], -1)

    def change(w: LayerWeights) -> LayerWeights:
        return w._replace(**{name: reordered(getattr(w, name)) for name in names})

    variant = ", ".join(order) + (f"; {part}" if part else "")
    return altered("gate-order", variant, change, "the gates that change places have the same weights")


Mix = Callable[[Tensor, Tensor, Tensor], Tensor]
UNEVEN: dict[str, Mix] = {
    "n + z h": lambda n, z, h: n + z * h,
    "z n + z h": lambda n, z, h: z * n + z * h,
    "(1 - z) n + (1 - z) h": lambda n, z, h: (1 - z) * n + (1 - z) * h,
    "(1 - z) n + h": lambda n, z, h: (1 - z) * n + h,
    "z n + h": lambda n, z, h: z * n + h,
    "n + (1 - z) h": lambda n, z, h: n + (1 - z) * h,
    "(1 - z) n": lambda n, z, h: (1 - z) * n,
}  # wrong forms of (1 - z) n + z h


@family(reported=2)
def of_gru(spec: Spec) -> Iterator[Fault]:
    if spec.cell is not Cell.GRU:
        return
    yield Fault("gru-reset-before-matmul", "", ResetBeforeMatmul, hidden=one_unit_without_bias)
    yield Fault("gru-update-inverted", "", UpdateInverted)
    if spec.bias:
        yield Fault("gru-bias-outside-reset", "", BiasOutsideReset, hidden=no_proposal_bias)
        yield Fault("gru-reset-before-matmul", "b_hn reset too", AllReset, hidden=one_unit)
        yield Fault("gru-bias-inside-reset", "", BiasInsideReset, hidden=no_input_bias)
    yield Fault("gru-reset-over-input", "", ResetOverInput)
    for variant, mix in UNEVEN.items():
        yield Fault("gru-update-uneven", variant, mixing(mix))
    yield Fault("gate-ignored", "r", constant_gate("r", 1))
    yield Fault("gate-ignored", "z", constant_gate("z", 0))


class ResetBeforeMatmul(CutNetwork):
    """n = tanh(p_n + (r h) W_hn + b_hn): the reset gate before the product, as the GRU's own paper has it."""

    def proposal(self, w: LayerWeights, p_n: Tensor, u_n: Tensor, r: Tensor, h: Tensor) -> Tensor:
        W_hn, b_hn = of_proposal(w, h)  # noqa: N806
        return p_n + (r * h) @ W_hn + b_hn


class AllReset(CutNetwork):
    """n = tanh(p_n + (r h) W_hn + r b_hn)."""

    def proposal(self, w: LayerWeights, p_n: Tensor, u_n: Tensor, r: Tensor, h: Tensor) -> Tensor:
        W_hn, b_hn = of_proposal(w, h)  # noqa: N806
        return p_n + (r * h) @ W_hn + r * b_hn


class BiasOutsideReset(CutNetwork):
    """n = tanh(p_n + b_hn + r (h W_hn)): one bias, added where the input's is."""

    def proposal(self, w: LayerWeights, p_n: Tensor, u_n: Tensor, r: Tensor, h: Tensor) -> Tensor:
        W_hn, b_hn = of_proposal(w, h)  # noqa: N806
        return p_n + b_hn + r * (h @ W_hn)


class BiasInsideReset(CutNetwork):
    """n = tanh(x W_in + r (h W_hn + b_in + b_hn)): one bias, added where the state's is."""

    def proposal(self, w: LayerWeights, p_n: Tensor, u_n: Tensor, r: Tensor, h: Tensor) -> Tensor:
        b_in = w.b_ih[..., -h.shape[-1] :]
        return p_n - b_in + r * (u_n + b_in)


class ResetOverInput(CutNetwork):
    """n = tanh(r (p_n + u_n)): the reset gate weighs the input's share too."""

    def proposal(self, w: LayerWeights, p_n: Tensor, u_n: Tensor, r: Tensor, h: Tensor) -> Tensor:
        return r * (p_n + u_n)


class UpdateInverted(CutNetwork):
    """h' = z n + (1 - z) h. torch.nn has h' = (1 - z) n + z h."""

    def mix(self, n: Tensor, z: Tensor, h: Tensor) -> Tensor:
        return super().mix(h, z, n)


def mixing(mix: Mix) -> type[Network]:
    """Computes h' from n, z and h by another equation."""

    class Mixing(CutNetwork):
        def mix(self, n: Tensor, z: Tensor, h: Tensor) -> Tensor:
            return mix(n, z, h)

    return Mixing


def constant_gate(gate: str, at: float) -> type[Network]:
    """A gate without effect: r is 1, or z is 0."""

    class ConstantGate(CutNetwork):
        def activate(self, what: str, value: Tensor) -> Tensor:
            return torch.full_like(value, at) if what == gate else super().activate(what, value)

    return ConstantGate


def of_proposal(w: LayerWeights, h: Tensor) -> tuple[Tensor, Tensor]:
    """W_hn (H, H) and b_hn (H)."""
    size = h.shape[-1]
    return w.W_hh[:, -size:], w.b_hh[..., -size:]


def no_proposal_bias(scene: Scene) -> str | None:
    if any(w.b_hh[-scene.spec.hidden_size :].any() for w in scene.layers()):
        return None
    return "b_hn is zero"


def no_input_bias(scene: Scene) -> str | None:
    if any(w.b_ih[-scene.spec.hidden_size :].any() for w in scene.layers()):
        return None
    return "b_in is zero"


def one_unit(scene: Scene) -> str | None:
    return "H is 1: r is a factor of the same product either way" if scene.spec.hidden_size == 1 else None


def one_unit_without_bias(scene: Scene) -> str | None:
    return no_proposal_bias(scene) and one_unit(scene)


@family(reported=9)
def of_lstm(spec: Spec) -> Iterator[Fault]:
    if spec.cell is not Cell.LSTM:
        return
    yield Fault("stale-cell-state", "", StaleCell)
    yield Fault("coupled-gates", "i = 1 - f", InputCoupled)
    yield Fault("coupled-gates", "f = 1 - i", ForgetCoupled)
    yield Fault("peephole", "", Peephole)
    yield Fault("peephole", "of the cell before the step for every gate", EarlyPeephole, rare=True)
    if not spec.proj_size:
        yield Fault("peephole", "c through W_hh", CellThroughWeights)
    for gate in "ifo":
        yield Fault("gate-ignored", gate, open_gate(gate))


class StaleCell(CutNetwork):
    """h' = o tanh(c): the output reads the cell before it is written."""

    def new_hidden(self, o: Tensor, new: Tensor, c: Tensor) -> Tensor:
        return super().new_hidden(o, c, c)


class InputCoupled(CutNetwork):
    """c' = f c + (1 - f) g."""

    def new_cell(self, i: Tensor, f: Tensor, g: Tensor, c: Tensor) -> Tensor:
        return super().new_cell(1 - f, f, g, c)


class ForgetCoupled(CutNetwork):
    """c' = (1 - i) c + i g."""

    def new_cell(self, i: Tensor, f: Tensor, g: Tensor, c: Tensor) -> Tensor:
        return super().new_cell(i, 1 - i, g, c)


class Peephole(CutNetwork):
    """i = σ(a_i + c), f = σ(a_f + c), o = σ(a_o + c'): peepholes with weights of 1."""

    def gate_sums(self, w: LayerWeights, p: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        i, f, g, o = super().gate_sums(w, p, h, c)
        return i + c, f + c, g, o

    def output_gate(self, o: Tensor, new: Tensor) -> Tensor:
        return super().output_gate(o + new, new)


class EarlyPeephole(CutNetwork):
    """i = σ(a_i + c), f = σ(a_f + c), o = σ(a_o + c): the output gate too reads the cell before the step."""

    def gate_sums(self, w: LayerWeights, p: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        i, f, g, o = super().gate_sums(w, p, h, c)
        return i + c, f + c, g, o + c


class CellThroughWeights(CutNetwork):
    """Every gate reads h + c instead of h."""

    def gate_sums(self, w: LayerWeights, p: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        return super().gate_sums(w, p, h + c, c)


def open_gate(gate: str) -> type[Network]:
    """The gate is 1 for every sum."""

    class OpenGate(CutNetwork):
        def activate(self, what: str, value: Tensor) -> Tensor:
            return torch.ones_like(value) if what == gate else super().activate(what, value)

    return OpenGate
