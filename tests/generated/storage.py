"""Where a generated layer keeps the weights of its cells: how they are made, read in a step, and filled."""

from typing import Any

import torch
from generated.kind import Kind
from generated.weights import Piece, linear_name, pieces
from torch import Tensor, nn

TORCH_NAMES = {"W": "weight_ih", "U": "weight_hh", "b": "bias_ih", "v": "bias_hh"}
ARGUMENT_NAMES = {"W": "w_ih", "U": "w_hh", "b": "b_ih", "v": "b_hh"}
BIAS_OF = {"W": "b", "U": "v", "A": "b"}


def torch_places(kind: Kind) -> list[str]:
    """The end of torch's name for each cell."""
    return [f"l{k}{end}" for k in range(kind.layers) for end in ("", "_reverse")[: kind.directions]]


def made(kind: Kind, size: str, hidden: str) -> list[str]:
    """Lines of the constructor that make the weights; `widths` has the features that go into each of several cells."""
    many = kind.cells > 1
    widths = "widths" if many else f"[{size}]"
    if kind.storage == "cells":
        return [f"self.cells = nn.ModuleList(Step(width, {hidden}) for width in {widths})"]
    if kind.storage == "linears":
        return [_linear(kind, piece, size, hidden) for piece in pieces(kind) if piece.rows]
    values = {
        p.name: parameter(kind, f"drawn({_sizes(p.shape, 'width' if many else size, hidden)})") for p in pieces(kind)
    }
    if kind.storage == "list":
        holder = "nn.ParameterList" if kind.framework == "torch" else "list"
        drawn = {p.name: parameter(kind, f"drawn({_sizes(p.shape, 'width', hidden)})") for p in pieces(kind)}
        return [f"self.{name} = {holder}({value} for width in {widths})" for name, value in drawn.items()]
    lines = []
    if kind.storage == "dict":
        lines = ["self.weights = nn.ParameterDict()" if kind.framework == "torch" else "self.weights = {}"]
    if kind.storage == "torch" and many:
        ends = '("", "_reverse")[: self.directions]'
        lines = [f'self.places = [f"l{{k}}{{end}}" for k in range(self.layers) for end in {ends}]']
    puts = [_put_line(kind, name, value) for name, value in values.items()]
    return lines + (["for n, width in enumerate(widths):", *(f"    {line}" for line in puts)] if many else puts)


def parameter(kind: Kind, value: str) -> str:
    """Source of a tensor as what is trained, where that has a type of its own."""
    return f"nn.Parameter({value})" if kind.framework == "torch" and kind.storage != "buffers" else value


def _sizes(text: str, width: str, hidden: str) -> str:
    return text.replace("width", width).replace("hidden", hidden)


def _linear(kind: Kind, piece: Piece, size: str, hidden: str) -> str:
    bias = BIAS_OF[piece.name[0]] + piece.name[1:] in {p.name for p in pieces(kind)}
    sizes = f"{piece.rows}, {piece.columns}{'' if bias else ', bias=False'}"
    name = linear_name(piece.name)
    if kind.cells > 1:
        return f"self.{name} = nn.ModuleList(nn.Linear({_sizes(sizes, 'width', hidden)}) for width in widths)"
    return f"self.{name} = nn.Linear({_sizes(sizes, size, hidden)})"


def _put_line(kind: Kind, name: str, value: str) -> str:
    many = kind.cells > 1
    if kind.storage == "dict":
        return f'self.weights[f"{name}{{n}}"] = {value}' if many else f'self.weights["{name}"] = {value}'
    if kind.storage == "torch":
        name = TORCH_NAMES[name]
        return f'setattr(self, "{name}_" + self.places[n], {value})' if many else f"self.{name}_l0 = {value}"
    if kind.storage == "buffers":
        return f'self.register_buffer(f"{name}{{n}}", {value})' if many else f'self.register_buffer("{name}", {value})'
    return f'setattr(self, f"{name}{{n}}", {value})' if many else f"self.{name} = {value}"


def reads(kind: Kind) -> list[str]:
    """Lines of a step that give the tensors of cell n their short names."""
    many = kind.cells > 1
    if kind.storage == "linears":
        names = dict.fromkeys(linear_name(piece.name) for piece in pieces(kind) if piece.rows)
        return [f"{name} = self.{name}[n]" if many else f"{name} = self.{name}" for name in names]
    return [f"{piece.name} = {_place(kind, piece.name)}" for piece in pieces(kind)]


def _place(kind: Kind, name: str) -> str:
    many = kind.cells > 1
    if kind.storage == "torch":
        place = TORCH_NAMES[name]
        return f'getattr(self, "{place}_" + self.places[n])' if many else f"self.{place}_l0"
    if kind.storage == "list":
        return f"self.{name}[n]" if many else f"self.{name}[0]"
    if kind.storage == "dict":
        return f'self.weights[f"{name}{{n}}"]' if many else f'self.weights["{name}"]'
    return f'getattr(self, f"{name}{{n}}")' if many else f"self.{name}"


def fill(kind: Kind, layer: Any, n: int, name: str, value: Tensor) -> None:
    """Puts `value` into the tensor `name` of cell n."""
    end = n if kind.cells > 1 else ""
    if kind.storage == "linears":
        matrix = {bias: matrix for matrix, bias in BIAS_OF.items() if (matrix == "A") == ("[" in kind.packing)}
        if "[" in kind.packing and name in ("bn", "Wn", "Un"):
            matrix = {"b": "W"}
        linear = getattr(layer, linear_name(matrix.get(name[0], name[0]) + name[1:]))
        _set(linear[n] if kind.cells > 1 else linear, "bias" if name[0] in "bv" else "weight", value)
    elif kind.storage == "cells":
        _set(layer.cells[n], name, value)
    elif kind.storage == "list":
        getattr(layer, name)[n] = _alone(kind, value)
    elif kind.storage == "dict":
        layer.weights[f"{name}{end}"] = _alone(kind, value)
    else:
        _set(
            layer, f"{TORCH_NAMES[name]}_{torch_places(kind)[n]}" if kind.storage == "torch" else f"{name}{end}", value
        )


def _alone(kind: Kind, value: Tensor) -> Any:
    return nn.Parameter(value.clone()) if kind.framework == "torch" else value.numpy().copy()


def _set(holder: Any, name: str, value: Tensor) -> None:
    held = getattr(holder, name)
    if tuple(held.shape) != tuple(value.shape):
        raise ValueError(f"{name} is {tuple(held.shape)}, not {tuple(value.shape)}")
    if isinstance(held, Tensor):
        with torch.no_grad():
            held.copy_(value)
    else:
        setattr(holder, name, value.numpy().copy())
