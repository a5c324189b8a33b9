"""Layer normalisation, which torch.nn's recurrent layers do not have, and products instead of sums."""

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

from rnncheck.faults.fault import Fault, family
from rnncheck.faults.overridable import CutNetwork
from rnncheck.faults.scene import Scene
from rnncheck.faults.shared import blocks, layer_norm, standardised
from rnncheck.model.spec import Cell, Spec
from rnncheck.scratch.cells import LayerWeights
from rnncheck.scratch.network import Carry, Network

Normalise = Callable[[Tensor], Tensor]


@family(reported=20)
def of_normalised(spec: Spec) -> Iterator[Fault]:
    yield from normalised(spec)
    if spec.hidden_size > 1 and not spec.proj_size:
        yield Fault("layer-normalised", "h", NormalisedHidden)
    yield Fault("multiplicative", "", MultipliedSums)
    yield Fault("multiplicative", "product added to the sum", AddedProduct)


def normalised(spec: Spec) -> Iterator[Fault]:
    """Layer normalisation of the products, of the sums (whole or for each gate), and of the LSTM's cell."""
    for suffix, norm in NORMS.items():
        cells: dict[str, type[Network] | None] = {"": None}
        if spec.cell is Cell.LSTM and spec.hidden_size > 1:
            cells |= {"c": of_cell(norm), "c where h reads it": of_reading(norm)}
        for name, mixin in of_sums(spec, norm).items():
            for cell, also in cells.items():
                both = mixin if also is None else type(mixin.__name__, (mixin, also), {})
                variant = name + (f", and {cell}" if cell else "") + suffix
                yield Fault("layer-normalised", variant, both, rare=bool(cell or suffix))
        for cell, alone in cells.items():
            if alone is not None:
                yield Fault("layer-normalised", cell + suffix, alone, hidden=one_unit, rare=bool(suffix))


def of_sums(spec: Spec, norm: Normalise) -> dict[str, type[Network]]:
    """The ways to normalise the sums of the gates, each with its name."""
    size, found = spec.hidden_size, dict[str, type[Network]]()
    ways: dict[str, Normalise] = {"": norm} if spec.cell.gates > 1 or size > 1 else {}
    if spec.cell.gates > 1 and size > 1:
        ways[", each gate"] = lambda value: torch.cat([norm(block) for block in blocks(value, spec.cell.gates)], -1)
    for way, normalise in ways.items():
        found[f"both products{way}"] = of_products(normalise, with_bias=False)
        if spec.bias:
            found[f"both products with their biases{way}"] = of_products(normalise, with_bias=True)
        if spec.cell is not Cell.GRU:
            found[f"the sum{way}"] = of_sum(normalise, with_bias=True)
            if spec.bias:
                found[f"the sum of the products{way}"] = of_sum(normalise, with_bias=False)
    if spec.cell is Cell.GRU and size > 1:
        found["the sum, each gate"] = of_gates(norm)
    return found


NORMS: Mapping[str, Normalise] = {"": layer_norm, ", with the variance over n - 1": standardised}


def of_products(normalise: Normalise, *, with_bias: bool) -> type[Network]:
    """norm(x W_ih) + norm(h W_hh) + b, or with each bias inside the norm of its product."""

    class NormalisedProducts(CutNetwork):
        def project(self, w: LayerWeights, x: Tensor) -> Tensor:
            product = x @ w.W_ih
            if with_bias:
                return normalise(product + w.b_ih)
            return normalise(product) + (w.b_ih if self.spec.cell is Cell.GRU else w.b_ih + w.b_hh)

        def sums(self, w: LayerWeights, p: Tensor, h: Tensor) -> Tensor:
            return p + normalise(h @ w.W_hh + w.b_hh if with_bias else h @ w.W_hh)

        def recurrent(self, w: LayerWeights, h: Tensor) -> Tensor:
            return normalise(h @ w.W_hh + w.b_hh) if with_bias else normalise(h @ w.W_hh) + w.b_hh

    return NormalisedProducts


def of_sum(normalise: Normalise, *, with_bias: bool) -> type[Network]:
    """norm(x W_ih + b_ih + h W_hh + b_hh), or norm(x W_ih + h W_hh) + b_ih + b_hh."""

    class NormalisedSum(CutNetwork):
        def project(self, w: LayerWeights, x: Tensor) -> Tensor:
            return super().project(w, x) if with_bias else x @ w.W_ih

        def sums(self, w: LayerWeights, p: Tensor, h: Tensor) -> Tensor:
            if with_bias:
                return normalise(super().sums(w, p, h))
            return normalise(p + h @ w.W_hh) + w.b_ih + w.b_hh

    return NormalisedSum


def of_gates(norm: Normalise) -> type[Network]:
    """The sums of r, z and n of the GRU, each normalised."""

    class NormalisedSums(CutNetwork):
        def activate(self, what: str, value: Tensor) -> Tensor:
            return super().activate(what, norm(value))

    return NormalisedSums


def of_cell(norm: Normalise) -> type[Network]:
    """c' = norm(f c + i g)."""

    class NormalisedCell(CutNetwork):
        def new_cell(self, i: Tensor, f: Tensor, g: Tensor, c: Tensor) -> Tensor:
            return norm(super().new_cell(i, f, g, c))

    return NormalisedCell


def of_reading(norm: Normalise) -> type[Network]:
    """h' = o tanh(norm(c')). The next step gets c' without normalisation."""

    class NormalisedReading(CutNetwork):
        def new_hidden(self, o: Tensor, new: Tensor, c: Tensor) -> Tensor:
            return super().new_hidden(o, norm(new), c)

    return NormalisedReading


class NormalisedHidden(CutNetwork):
    """h' = norm(h'), as the state of the next step and as the output."""

    def step(self, w: LayerWeights, p: Tensor, carry: Carry) -> Carry:
        h, *c = super().step(w, p, carry)
        return (layer_norm(h), *c)


class MultipliedSums(CutNetwork):
    """(x W_ih + b_ih) ⊙ (h W_hh + b_hh) instead of their sum."""

    def project(self, w: LayerWeights, x: Tensor) -> Tensor:
        return x @ w.W_ih + w.b_ih

    def sums(self, w: LayerWeights, p: Tensor, h: Tensor) -> Tensor:
        return p * (h @ w.W_hh + w.b_hh)

    def gru_step(self, w: LayerWeights, p: Tensor, h: Tensor) -> Tensor:
        return self.gated(p * self.recurrent(w, h), h)

    def gated(self, sums: Tensor, h: Tensor) -> Tensor:
        """The GRU's h' from the sums of its gates. r multiplies the sum of n."""
        a_r, a_z, a_n = sums.chunk(3, -1)
        r, z = self.activate("r", a_r), self.activate("z", a_z)
        return self.mix(self.activate("n", r * a_n), z, h)


class AddedProduct(CutNetwork):
    """(x W_ih) ⊙ (h W_hh) is added to the sum of both and of the biases (multiplicative integration)."""

    def project(self, w: LayerWeights, x: Tensor) -> Tensor:
        return x @ w.W_ih

    def sums(self, w: LayerWeights, p: Tensor, h: Tensor) -> Tensor:
        u = h @ w.W_hh
        return p * u + p + u + w.b_ih + w.b_hh

    def gru_step(self, w: LayerWeights, p: Tensor, h: Tensor) -> Tensor:
        (p_r, p_z, p_n), (u_r, u_z, u_n) = p.chunk(3, -1), (h @ w.W_hh).chunk(3, -1)
        b_r, b_z, b_in = w.b_ih.chunk(3, -1)
        c_r, c_z, b_hn = w.b_hh.chunk(3, -1)
        r = self.activate("r", p_r * u_r + p_r + u_r + b_r + c_r)
        z = self.activate("z", p_z * u_z + p_z + u_z + b_z + c_z)
        v_n = r * (u_n + b_hn)
        return self.mix(self.activate("n", p_n * v_n + p_n + b_in + v_n), z, h)


def one_unit(scene: Scene) -> str | None:
    return "H is 1: there is nothing to normalise" if scene.spec.hidden_size == 1 else None
