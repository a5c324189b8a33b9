"""A generated layer beside `torch.nn`, with weights put in by what the generator knows, in float64."""

import hashlib
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from generated.kind import Kind
from generated.source import name_of, source
from generated.storage import fill, torch_places
from generated.weights import Canonical, pieces
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

STEPS, ROWS, FEATURES, UNITS, VOCABULARY = 5, 3, 3, 4, 11
LENGTHS = (5, 4, 2)
States = tuple[Tensor, ...]


def written(kind: Kind, folder: Path, replaced: Mapping[str, str] | None = None) -> Path:
    """The layer in a file of its own."""
    text = f'"""{kind.says or "all as by default"}"""\n\n{source(kind, replaced)}'
    path = folder / f"made_{hashlib.sha256(text.encode()).hexdigest()[:12]}.py"
    path.write_text(text, encoding="utf-8")
    return path


def loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def gap(kind: Kind, module: ModuleType) -> float:
    """The largest difference between all that the layer returns and what `torch.nn` makes of it."""
    layer = reference(kind)
    made = built(kind, module, layer)
    x, rows = _data(kind, made)
    batch = 1 if kind.inputs == "TI" else ROWS
    state = tuple(torch.randn(kind.cells, batch, UNITS, dtype=torch.float64) for _ in range(1 + kind.has_c))
    if kind.takes == "nothing":
        state = tuple(torch.zeros_like(each) for each in state)
    given = _outwards(kind, tuple(each[:, 0] for each in state) if kind.inputs == "TI" else state)
    if kind.framework == "numpy":
        x, given = x.numpy(), _numpy(given)
    run = made.forward if kind.framework == "numpy" and not kind.is_function else made
    got = _flat(run(x, *given))
    want = _flat(_expected(kind, layer, made, rows, state))
    if [each.shape for each in got] != [each.shape for each in want]:
        raise AssertionError((kind.says, [each.shape for each in got], [each.shape for each in want]))
    return max(float((one - other).abs().max()) for one, other in zip(got, want, strict=True))


def width(kind: Kind) -> int:
    """The features of one step."""
    return 1 if kind.inputs == "BT" else FEATURES


def reference(kind: Kind) -> nn.RNNBase:
    """torch.nn with weights drawn, and zeros where the layer has no place for a bias."""
    made = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[kind.cell]
    layer: nn.RNNBase = made(width(kind), UNITS, kind.layers, bidirectional=kind.directions == 2, dtype=torch.float64)
    with torch.no_grad():
        for name, value in layer.named_parameters():
            value.copy_(torch.randn_like(value) * 0.5)
            if name.startswith("bias") and kind.biases == 0:
                value.zero_()
            if name.startswith("bias_hh") and kind.cell == "gru" and kind.biases == 1:
                value.chunk(3)[2].zero_()
    return layer


def built(kind: Kind, module: ModuleType, layer: nn.RNNBase) -> Any:
    """The class's object with the weights of `layer`, or the function with them as its last arguments."""
    made = getattr(module, name_of(kind))
    if kind.storage in ("given", "arguments"):
        values = [piece.value(_canonical(layer, "l0")) for piece in pieces(kind)]
        weights = [each.clone() if kind.framework == "torch" else each.numpy().copy() for each in values]
        if kind.is_function:
            return lambda *data: made(*data, *weights)
        object_ = made(*weights, *([UNITS] if "head" in kind.gives else []))
        return object_.double() if kind.framework == "torch" else object_
    object_ = made(*([VOCABULARY] if kind.inputs == "ids" else []), width(kind), UNITS)
    object_ = object_.double() if kind.framework == "torch" else object_
    for n, place in enumerate(torch_places(kind)):
        for piece in pieces(kind):
            fill(kind, object_, n, piece.name, piece.value(_canonical(layer, place)))
    return object_


def _canonical(layer: nn.RNNBase, place: str) -> Canonical:
    full = {"w_ih": "weight_ih", "w_hh": "weight_hh", "b_ih": "bias_ih", "b_hh": "bias_hh"}
    return {short: getattr(layer, f"{name}_{place}").detach() for short, name in full.items()}


def _data(kind: Kind, made: Any) -> tuple[Any, Any]:
    """x as the layer takes it, and as `torch.nn` does: (T, B, I), or packed."""
    rows = torch.randn(STEPS, ROWS, width(kind), dtype=torch.float64)
    if kind.one_step:
        return rows[0], rows[:1]
    if kind.inputs == "ids":
        ids = torch.randint(VOCABULARY, (ROWS, STEPS))
        return ids, made.embedding(ids).detach().transpose(0, 1)
    if kind.inputs == "one-hot":
        ids = torch.randint(FEATURES, (STEPS, ROWS))
        return ids, torch.eye(FEATURES, dtype=torch.float64)[ids]
    if kind.inputs == "packed":
        packed = pack_padded_sequence(rows, torch.tensor(LENGTHS))
        return packed, packed
    if kind.inputs == "TI":
        return rows[:, 0], rows[:, :1]
    if kind.inputs == "BT":
        return rows[:, :, 0].T.contiguous(), rows
    if kind.inputs == "list":
        return list(rows), rows
    return (rows.transpose(0, 1) if kind.batch_first else rows), rows


def _outwards(kind: Kind, state: States) -> tuple[Any, ...]:
    """The arguments after x."""
    if kind.takes == "nothing":
        return ()
    if kind.shape == "flat":
        state = tuple(each[0] for each in state)
    if kind.takes == "per cell":
        return (list(zip(*state, strict=True)) if kind.has_c else list(state[0]),)
    if kind.takes == "apart" or not kind.has_c:
        return state
    return (state[::-1] if kind.takes == "swapped" else state,)


def _expected(kind: Kind, layer: nn.RNNBase, made: Any, rows: Any, state: States) -> Any:
    """What the layer should return, made of what `torch.nn` does."""
    output, final = layer(rows, state if kind.has_c else state[0])
    final = final if kind.has_c else (final,)
    last = torch.cat(list(final[0][-kind.directions :]), -1)
    if kind.inputs == "TI":
        output, final, last = output[:, 0], tuple(each[:, 0] for each in final), last[0]
    per_cell = list(zip(*final, strict=True)) if kind.has_c else list(final[0])
    final = tuple(each[0] for each in final) if kind.shape == "flat" else final
    pair = final[::-1] if kind.takes == "swapped" else final
    if kind.one_step:
        return (final[0], pair) if kind.gives == "state" else final
    output = output.transpose(0, 1) if kind.batch_first else output
    if kind.gives == "all states":
        return output, _every_c(kind, layer, rows, state)
    if "head" in kind.gives:
        below = last if kind.gives == "last head" else output
        return made.out(below) if hasattr(made, "out") else below @ torch.as_tensor(made.Q) + torch.as_tensor(made.q)
    if kind.gives in ("per cell", "nested"):
        return output, per_cell
    return {"output": output, "last": last, "state": (output, pair)}.get(kind.gives, (output, final))


def _every_c(kind: Kind, layer: nn.RNNBase, rows: Tensor, state: States) -> Tensor:
    """c of the last layer after every step."""
    every = []
    for row in rows:
        _, state = layer(row[None], state)
        every.append(state[1][-1])
    stacked = torch.stack(every)
    return stacked[:, 0] if kind.inputs == "TI" else stacked.transpose(0, 1) if kind.batch_first else stacked


def _numpy(value: Any) -> Any:
    return [_numpy(each) for each in value] if isinstance(value, tuple | list) else value.numpy()


def _flat(value: Any) -> list[Tensor]:
    """The tensors in a result, in order."""
    if isinstance(value, PackedSequence):
        return [pad_packed_sequence(value)[0].detach()]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, tuple | list):
        return [tensor for each in value for tensor in _flat(each)]
    return [torch.as_tensor(value).detach()]
