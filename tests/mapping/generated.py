"""Candidates of every style made from one network: the same semantics, right or wrong, behind tensors of any layout."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from mapping.fake_native import FakeNative, facts
from torch import Tensor

from rnncheck.mapping.expression import GATES
from rnncheck.model.spec import Spec
from rnncheck.model.trace import State, Trace
from rnncheck.scratch.network import Network

Canonical = dict[str, Tensor]


@dataclass(frozen=True)
class Layout:
    """How tensors are stored: gates in `order`, fused or each in its own tensor, x and h apart or in one matrix."""

    order: tuple[str, ...]
    fused: bool = True
    transposed: bool = False
    joined: str = ""  # "xh" or "hx": one matrix for both
    biases: str = "two"  # "one", "none"
    named: bool = True
    interleaved: bool = False  # the rows of fused gates dealt out in turn


def native(
    spec: Spec,
    layout: Layout,
    network: Callable[[Spec], Network] = Network,
    *,
    takes_state: bool = True,
    exposes: tuple[str, ...] = ("output", "h_n", "c_n"),
    seed: int = 0,
) -> FakeNative:
    """A candidate at random values. `restored` finds in its tensors what they mean."""
    draw = torch.Generator().manual_seed(seed)
    shapes = dict(_shapes(spec, layout))
    names = [_said(name) for name in shapes] if layout.named else _anonymous(shapes, seed)
    renamed = dict(zip(shapes, names, strict=True))
    dtype = getattr(torch, spec.dtype)
    drawn = {renamed[name]: torch.randn(shape, generator=draw, dtype=dtype) for name, shape in shapes.items()}
    held = drawn if layout.named else {name: drawn[name] for name in sorted(drawn)}

    def run(x: Tensor, state: State) -> Trace:
        own = {name: held[renamed[name]] for name in shapes}
        return network(spec).run(restored(spec, layout, own), x, state if takes_state else None)

    made = FakeNative(spec, held, run, facts(takes_state, exposes))
    made.renamed = renamed
    return made


def restored(spec: Spec, layout: Layout, own: Mapping[str, Tensor]) -> Canonical:
    """The canonical weights that the tensors mean; a single bias is all on the input's side."""
    found: Canonical = {}
    for suffix in _suffixes(spec):
        width = dict(spec.recurrent_shapes())["weight_ih" + suffix][1]
        blocks: dict[str, dict[str, Tensor]] = {}
        for kind in _kinds(layout):
            for gate, block in zip(layout.order or ("",), _gates_of(kind, suffix, layout, own), strict=True):
                if kind in ("xh", "hx"):
                    sizes = (width, spec.state_size) if kind == "xh" else (spec.state_size, width)
                    for side, part in zip(kind, block.split(sizes, 1), strict=True):
                        blocks.setdefault(side, {})[gate] = part
                else:
                    blocks.setdefault(kind, {})[gate] = block
        letters = GATES[spec.cell] or ("",)
        for kind, name in (("x", "weight_ih"), ("h", "weight_hh"), ("b", "bias_ih"), ("c", "bias_hh")):
            if kind in blocks:
                found[name + suffix] = torch.cat([blocks[kind][gate] for gate in letters])
            elif name.startswith("bias"):
                found[name + suffix] = blocks["x"][letters[0]].new_zeros(spec.hidden_size * len(letters))
    return found


def any_layout(spec: Spec, choose: random.Random) -> Layout:
    """One of them all."""
    letters = list(GATES[spec.cell])
    choose.shuffle(letters)
    return Layout(
        tuple(letters),
        fused=choose.random() < 0.5,
        transposed=choose.random() < 0.5,
        joined=choose.choice(["", "", "xh", "hx"]),
        biases=choose.choice(["two", "one", "none"]),
        named=choose.random() < 0.5,
    )


def _gates_of(kind: str, suffix: str, layout: Layout, own: Mapping[str, Tensor]) -> list[Tensor]:
    transposed = layout.transposed and kind not in ("b", "c")
    if not layout.fused and layout.order:
        parts = [own[f"{kind}_{gate}{suffix}"] for gate in layout.order]
        return [part.t() if transposed else part for part in parts]
    count, whole = max(len(layout.order), 1), own[kind + suffix]
    rows = whole.t() if transposed else whole
    return [rows[g::count] for g in range(count)] if layout.interleaved else list(rows.chunk(count))


def _shapes(spec: Spec, layout: Layout) -> Iterator[tuple[str, tuple[int, ...]]]:
    gates = max(len(layout.order), 1)
    for suffix in _suffixes(spec):
        width = dict(spec.recurrent_shapes())["weight_ih" + suffix][1]
        for kind in _kinds(layout):
            columns = {"x": width, "h": spec.state_size}.get(kind, width + spec.state_size)
            names = [f"{kind}_{gate}{suffix}" for gate in layout.order]
            rows = spec.hidden_size if names and not layout.fused else spec.hidden_size * gates
            shape: tuple[int, ...] = (rows,) if kind in ("b", "c") else (rows, columns)
            for name in names if names and not layout.fused else [kind + suffix]:
                yield name, shape[::-1] if layout.transposed else shape


def _kinds(layout: Layout) -> tuple[str, ...]:
    weights = (layout.joined,) if layout.joined else ("x", "h")
    return weights + {"two": ("b", "c"), "one": ("b",), "none": ()}[layout.biases]


def _suffixes(spec: Spec) -> list[str]:
    return [name.removeprefix("weight_ih") for name in spec.recurrent_shapes() if name.startswith("weight_ih")]


def _said(name: str) -> str:
    """A name such as people give: "W_xi_l0", "b_h_l0"."""
    kind, _, rest = name.partition("_")
    return {"x": "W_x", "h": "W_h", "b": "b_x", "c": "b_h"}.get(kind, "W_") + (rest if rest[:1] != "l" else f"_{rest}")


def _anonymous(shapes: Mapping[str, object], seed: int) -> list[str]:
    names = [f"p{k:02d}" for k in range(len(shapes))]
    random.Random(seed).shuffle(names)
    return names
