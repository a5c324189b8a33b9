"""The source text of a generated layer: a file with a class or a function."""

from collections.abc import Mapping

from generated.kind import Kind
from generated.passes import forward, indented, one_step
from generated.storage import ARGUMENT_NAMES, made, parameter, reads
from generated.weights import pieces, products

IMPORTS = {"torch": "import torch\nfrom torch import nn\n", "numpy": "import numpy as np\n"}
PACKED = "from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence\n"
HELPERS = {
    "torch": "def drawn(*shape):\n    return torch.randn(*shape) * 0.3\n",
    "numpy": "def drawn(*shape):\n    return np.random.randn(*shape) * 0.3\n\n\n"
    "def sigmoid(a):\n    return 1 / (1 + np.exp(-a))\n",
}
SIZES = {
    "size": ("input_size", "hidden_size", "num_layers"),
    "dim": ("input_dim", "hidden_dim", "n_layers"),
    "short": ("n_in", "n_hidden", "layers"),
}
HEAD_SIZE = 2


def name_of(kind: Kind) -> str:
    """What the class or function is called."""
    if kind.is_function:
        return f"{kind.cell}_{'step' if kind.one_step else 'forward'}"
    return f"My{kind.cell.upper()}{'Cell' if kind.one_step else ''}"


def source(kind: Kind, replaced: Mapping[str, str] | None = None) -> str:
    """A whole file. `replaced` exchanges pieces of it for others: that is how a fault is planted.

    Raises LookupError where a piece is not in it.
    """
    text = IMPORTS[kind.framework] + (PACKED if kind.inputs == "packed" else "")
    text += "\n\n" + HELPERS[kind.framework] + "\n\n"
    text += "\n".join(_function(kind) if kind.is_function else [*_step_class(kind), *_class(kind)]) + "\n"
    for right, wrong in (replaced or {}).items():
        if right not in text:
            raise LookupError(right)
        text = text.replace(right, wrong)
    return text


def equations(kind: Kind) -> list[str]:
    """One step: h, and c, from x and what they were."""
    lines, gates = products(kind)
    tanh, sigmoid = ("torch.tanh", "torch.sigmoid") if kind.framework == "torch" else ("np.tanh", "sigmoid")
    total = {g: f"{of_x} + {of_h}" if of_h else of_x for g, (of_x, of_h) in gates.items()}
    if kind.cell == "rnn":
        return [*lines, f"h = {tanh}({total['a']})"]
    if kind.cell == "lstm":
        lines += [f"{g} = {tanh if g == 'g' else sigmoid}({total[g]})" for g in "ifgo"]
        return [*lines, "c = f * c + i * g", f"h = o * {tanh}(c)"]
    lines += [f"{g} = {sigmoid}({total[g]})" for g in "rz"]
    lines.append(f"new = {tanh}({gates['n'][0]} + r * ({gates['n'][1]}))")
    return [*lines, "h = (1 - z) * new + z * h"]


def _class(kind: Kind) -> list[str]:
    base = "(nn.Module)" if kind.framework == "torch" else ""
    lines = [f"class {name_of(kind)}{base}:", *indented(_constructor(kind)), ""]
    if kind.one_step:
        step = one_step(kind, equations(kind))
        return [*lines, *indented([step[0], *indented(reads(kind)), *step[1:]])]
    if kind.storage != "cells":
        n = "n, " if kind.cells > 1 else ""
        lines += [f"    def step(self, {n}x, {kind.states}):", *indented(_step(kind, reads(kind)), 2), ""]
    return [*lines, *indented(forward(kind))]


def _step_class(kind: Kind) -> list[str]:
    """A cell as a module of its own, where the layer holds such."""
    if kind.storage != "cells":
        return []
    lines = ["class Step(nn.Module):", "    def __init__(self, width, hidden):", "        super().__init__()"]
    lines += [f"        self.{piece.name} = nn.Parameter(drawn({piece.shape}))" for piece in pieces(kind)]
    lines += ["", f"    def forward(self, x, {kind.states}):"]
    return [*lines, *indented(_step(kind, [f"{p.name} = self.{p.name}" for p in pieces(kind)]), 2), "", ""]


def _step(kind: Kind, first: list[str]) -> list[str]:
    return [*first, *equations(kind), f"return {kind.states}"]


def _function(kind: Kind) -> list[str]:
    names = {piece.name: ARGUMENT_NAMES[piece.name] for piece in pieces(kind)}
    renamed = [f"{short} = {name}" for short, name in names.items()]
    if kind.one_step:
        lines = one_step(kind, equations(kind), names.values())
    else:
        lines = forward(kind, names.values())
        renamed += [f"def step(x, {kind.states}):", *indented(_step(kind, []))]
    return [lines[0], *indented(renamed), *lines[1:]]


def _constructor(kind: Kind) -> list[str]:
    size, hidden, layers = SIZES[kind.names]
    first = ["    super().__init__()"] if kind.framework == "torch" else []
    if kind.storage == "given":
        names = {piece.name: ARGUMENT_NAMES[piece.name] for piece in pieces(kind)}
        said = [*names.values(), *([hidden] if "head" in kind.gives else [])]
        kept = [f"    self.{short} = {parameter(kind, name)}" for short, name in names.items()]
        width = f"    self.hidden = w_hh.shape[{0 if kind.turned else 1}]"
        return [f"def __init__(self, {', '.join(said)}):", *first, *kept, width, *_head(kind, "self.hidden")]
    if kind.inputs == "ids":
        size = "embedding_dim"
        first.append("    self.embedding = nn.Embedding(vocab_size, embedding_dim)")
    if kind.inputs == "one-hot":
        first.append(f'    self.register_buffer("eye", torch.eye({size}))')
    said = [*(["vocab_size"] if kind.inputs == "ids" else []), size, hidden]
    free_layers, free_directions = (kind.sizes == "options" and n > 1 for n in (kind.layers, kind.directions))
    said += [f"{layers}={kind.layers}"] * free_layers + ["bidirectional=True"] * free_directions
    first.append(f"    self.hidden = {hidden}")
    if kind.cells > 1:
        first.append(f"    self.layers = {layers if free_layers else kind.layers}")
        first.append(f"    self.directions = {'2 if bidirectional else 1' if free_directions else kind.directions}")
        first.append(f"    widths = [{size}] * self.directions")
        first.append(f"    widths += [self.directions * {hidden}] * (self.directions * (self.layers - 1))")
    return [
        f"def __init__(self, {', '.join(said)}):",
        *first,
        *indented(made(kind, size, hidden)),
        *_head(kind, hidden),
    ]


def _head(kind: Kind, hidden: str) -> list[str]:
    if "head" not in kind.gives:
        return []
    width = f"2 * {hidden}" if kind.directions == 2 else hidden
    columns = width if kind.gives == "square head" else str(HEAD_SIZE)
    if kind.gives in ("head", "last head") and kind.framework == "torch":
        return [f"    self.out = nn.Linear({width}, {columns})"]
    drawn = [f"drawn({width}, {columns})", f"drawn({columns})"]
    if kind.framework == "torch":
        drawn = [f"nn.Parameter({each})" for each in drawn]
    return [f"    self.Q = {drawn[0]}", f"    self.q = {drawn[1]}"]
