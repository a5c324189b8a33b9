"""One layer, step by step, with its arithmetic open to change: rough layers and slightly wrong ones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import State, Trace
from rnncheck.model.weights import Weights

Change = Callable[[Tensor], Tensor]
Reweigh = Callable[[dict[str, Tensor]], Mapping[str, Tensor]]


def same(value: Tensor) -> Tensor:
    return value


@dataclass(frozen=True)
class Stepped:
    """Every step is right but for what is changed: `x`, `weights` and the states before a step (`state`) as they are
    read, `factor_h` in products alone, `product` what a product yields, `tanh`; `inside` is the dtype all is done in.
    """

    x: Change = same
    state: Change = same
    factor_h: Change = same
    weights: Change = same
    product: Change = same
    tanh: Change = torch.tanh
    reweigh: Reweigh = dict
    inside: torch.dtype | None = None
    name: str = "stepped"
    location: str = "tests/stepped.py"
    refusal: str | None = None

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        return self.refusal

    def build(self, spec: Spec, weights: Weights) -> "SteppedLayer":
        return SteppedLayer(self, spec, weights.cast(spec))


class SteppedLayer:
    def __init__(self, how: Stepped, spec: Spec, values: dict[str, Tensor]) -> None:
        self._how, self._spec, self._values = how, spec, values

    def parameters(self) -> Mapping[str, Tensor]:
        return self._values

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        dtype = x.dtype
        inside = self._how.inside or dtype
        values = {
            k.removesuffix("_l0"): self._how.weights(v.to(inside)) for k, v in self._how.reweigh(self._values).items()
        }
        states = [each[0].to(inside) for each in (state.h, state.c) if each is not None]
        output = []
        for x_t in x.to(inside):
            states = self._step(values, self._how.x(x_t), [self._how.state(each) for each in states])
            output.append(states[0])
        h, *c = (each[None].to(dtype) for each in states)
        return Trace(torch.stack(output).to(dtype), State(h, *c))

    def _step(self, values: Mapping[str, Tensor], x: Tensor, states: list[Tensor]) -> list[Tensor]:
        how, (h, *c) = self._how, states
        from_x = how.product(x @ values["weight_ih"].T) + values["bias_ih"]
        from_h = how.product(how.factor_h(h) @ values["weight_hh"].T) + values["bias_hh"]
        if self._spec.cell is Cell.RNN:
            return [how.tanh(from_x + from_h)]
        if self._spec.cell is Cell.GRU:
            (r_x, z_x, n_x), (r_h, z_h, n_h) = from_x.chunk(3, -1), from_h.chunk(3, -1)
            r, z = torch.sigmoid(r_x + r_h), torch.sigmoid(z_x + z_h)
            return [(1 - z) * how.tanh(n_x + r * n_h) + z * h]
        i, f, g, o = (from_x + from_h).chunk(4, -1)
        cell = torch.sigmoid(f) * c[0] + torch.sigmoid(i) * how.tanh(g)
        return [torch.sigmoid(o) * how.tanh(cell), cell]


def cut(dtype: torch.dtype) -> Change:
    """What is left of a value after a cast there and back."""
    return lambda value: value.to(dtype).to(value.dtype)


def tf32(value: Tensor) -> Tensor:
    """Ten stored digits, the rest dropped, as tensor cores read a factor."""
    wide = value.double().contiguous().view(torch.int64) & (-1 << 42)
    return wide.view(torch.float64).to(value.dtype)


def rough_layers(dtype: torch.dtype) -> dict[str, Stepped]:
    """Layers of a run in `dtype` that compute in less."""
    found = {}
    for less in (torch.bfloat16, torch.float16) + ((torch.float32,) if dtype == torch.float64 else ()):
        name, to = str(less).removeprefix("torch."), cut(less)
        found |= {
            f"{name} inside": Stepped(inside=less),
            f"x in {name}": Stepped(x=to),
            f"state in {name}": Stepped(state=to),
            f"h as a factor in {name}": Stepped(factor_h=to),
            f"weights in {name}": Stepped(weights=to),
            f"autocast to {name}": Stepped(x=to, factor_h=to, weights=to, product=to),
            f"factors in {name}": Stepped(x=to, factor_h=to, weights=to),
            f"products in {name}": Stepped(product=to),
        }
    return found | {"tf32 factors": Stepped(x=tf32, factor_h=tf32, weights=tf32), "tf32 x": Stepped(x=tf32)}


def edited(name: str, change: Change) -> Stepped:
    return Stepped(reweigh=lambda values: {**values, name: change(values[name].clone())})


def one(value: Tensor, change: Change) -> Tensor:
    """Only the first number of it changed."""
    value.view(-1)[0] = change(value.view(-1)[0].clone())
    return value


def pade(a: Tensor) -> Tensor:
    """tanh as a continued fraction, right to 1e-4 for small arguments."""
    b = a.clamp(-3, 3)
    return b * (27 + b**2) / (27 + 9 * b**2)


def wrong_layers() -> dict[str, Stepped]:
    """Layers in full precision whose error is as small as that of rough ones."""
    return {
        "a bias off by 1e-3": edited("bias_ih_l0", lambda b: one(b, lambda v: v + 1e-3)),
        "all biases off by 1e-3": edited("bias_hh_l0", lambda b: b + 1e-3),
        "a weight off by 0.1 %": edited("weight_hh_l0", lambda w: one(w, lambda v: v * 1.001)),
        "a weight off by 5 %": edited("weight_ih_l0", lambda w: one(w, lambda v: v * 1.05)),
        "W_hh off by 0.1 %": edited("weight_hh_l0", lambda w: w * 1.001),
        "W_hh off by 1e-5": edited("weight_hh_l0", lambda w: w * (1 + 1e-5)),
        "x off by 0.1 %": Stepped(x=lambda x: x * 1.001),
        "h off by 0.1 %": Stepped(state=lambda h: h * 0.999),
        "tanh by Padé": Stepped(tanh=pade),
        "tanh clipped": Stepped(tanh=lambda a: torch.tanh(a).clamp(-0.3, 0.3)),
        "tanh cubed": Stepped(tanh=lambda a: torch.tanh(a) + 1e-4 * torch.tanh(a) ** 3),
        "tanh from a table": Stepped(tanh=lambda a: torch.tanh((a * 4096).round() / 4096)),
        "the biases swapped in part": edited("bias_ih_l0", lambda b: torch.cat([b[1:2], b[:1], b[2:]])),
        "a weight dropped": edited("weight_hh_l0", lambda w: torch.where(w.abs() == w.abs().median(), 0, w)),
        "one bias dropped": edited("bias_ih_l0", lambda b: torch.where(b.abs() == b.abs().median(), 0, b)),
        "no bias": edited("bias_ih_l0", lambda b: b * 0),
        "no recurrence": edited("weight_hh_l0", lambda w: w * 0),
        "the state ignored": Stepped(state=lambda h: h * 0),
    }
