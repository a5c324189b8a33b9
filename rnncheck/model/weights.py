"""The weights of a spec by torch's names: drawn or given, and whether given names and shapes fit the spec.

Sources: `torch.nn.RNN`, `LSTM` and `GRU` draw every parameter from U(-1/sqrt(H), 1/sqrt(H)) in the order of their
state_dict; `torch.nn.Linear`, the head, from U(-1/sqrt(n), 1/sqrt(n)) with n its inputs.
"""

import difflib
import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from rnncheck.errors import UsageError
from rnncheck.model.randomness import Draws, Stream
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import dtype_of, rounded
from rnncheck.text import printable


@dataclass(frozen=True)
class Weights:
    """Every parameter of a spec by name, float64 on the host. Read-only: both sides get copies."""

    values: Mapping[str, Tensor]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))

    def cast(self, spec: Spec) -> dict[str, Tensor]:
        """Copies at the spec's dtype, on its device: what every implementation gets."""
        dtype = dtype_of(spec)
        return {name: value.to(spec.device, dtype, copy=True) for name, value in self.values.items()}

    def rounded(self, spec: Spec) -> "Weights":
        """The weights rounded to the spec's dtype, in float64."""
        return Weights({name: rounded(value, dtype_of(spec)) for name, value in self.values.items()})

    def scaled(self, factor: float) -> "Weights":
        """The same weights with the recurrent ones, W_hh, multiplied by `factor`."""
        if factor == 1:
            return self
        recurrent = {name: value * factor for name, value in self.values.items() if name.startswith("weight_hh")}
        return Weights({**self.values, **recurrent})

    def nonfinite(self) -> list[str]:
        """The names of parameters that hold a NaN or an infinity."""
        return [name for name, value in self.values.items() if not bool(torch.isfinite(value).all())]


def draw(spec: Spec, seed: int) -> Weights:
    """Weights as torch initialises them: in float32, bit for bit what `torch.nn` draws after
    `torch.manual_seed(seed + 1)` (the sequences take `seed` itself), with random digits beyond float32's last one.
    """
    draws = Draws(seed, Stream.WEIGHTS)
    values = {}
    for name, shape in spec.parameter_shapes().items():
        fan_in = spec.output_size if name in spec.head_shapes() else spec.hidden_size
        bound = 1 / math.sqrt(fan_in)
        values[name] = draws.uniform(shape, -bound, bound)
        if spec.variant is not None:
            values[name] += spec.variant.around.get(name.partition("_l")[0], 0.0)
    return Weights(values)


def own_at_rest(spec: Spec) -> dict[str, float]:
    """The number at which each of a variant's own weights has no effect: one for a gain, zero for others."""
    if spec.variant is None:
        return {}
    own, around = spec.variant.own, spec.variant.around
    return {
        name: around.get(kind, 0.0) for name in spec.recurrent_shapes() if (kind := name.rpartition("_l")[0]) in own
    }


Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]

_MOST_LISTED = 3
_PARAMETER = re.compile(r"(?P<prefix>(?:.*\.)?)(?P<name>(?:weight|bias)_(?:ih|hh|hr)_l(?P<layer>\d{1,6})(?:_reverse)?)")


def misfit(found: Shapes, spec: Spec) -> str | None:
    """Why `found` is not what the spec asks for, in one or two lines; None when it is."""
    expected = spec.parameter_shapes()
    if dict(found) == expected:
        return None
    wrong = [name for name in expected if name in found and found[name] != expected[name]]
    missing = [name for name in expected if name not in found]
    extra = [name for name in found if name not in expected]
    hint = _fitting(found, spec) or _inner(found) or _guess(found, expected, wrong, spec)
    if not (hint or wrong or missing):
        hint = "All parameters of the layer are there; save them without the others."
    near = [] if hint else extra
    parts = []
    if wrong:
        parts.append(listed([f"{name} is {_shape(found[name])}, not {_shape(expected[name])}" for name in wrong]))
    if missing:
        parts.append("it lacks " + listed([_parameter(name, expected) + _near(name, near) for name in missing]))
    if extra:
        parts.append("it has too many: " + listed([_parameter(name, found) for name in extra]))
    return "; ".join(parts) + (f"\n{hint}" if hint else "")


def listed(items: Sequence[str]) -> str:
    """The first few items, and how many more there are."""
    more = len(items) - _MOST_LISTED
    return ", ".join(items[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


def spec_for(found: Shapes) -> Spec | None:
    """The spec whose parameters these are, name by name and shape by shape, or None."""
    matches = [match for name in found if (match := _PARAMETER.fullmatch(name))]
    layers = 1 + max((int(match["layer"]) for match in matches), default=-1)
    input_weight, recurrent_weight = found.get("weight_ih_l0", ()), found.get("weight_hh_l0", ())
    projection = found.get("weight_hr_l0", (0, *recurrent_weight[1:]))
    if layers > len(found) or not len(input_weight) == len(recurrent_weight) == len(projection) == 2:
        return None
    for cell in Cell:
        try:
            spec = Spec(
                cell=cell,
                input_size=input_weight[1],
                hidden_size=projection[1],
                num_layers=layers,
                bias="bias_ih_l0" in found,
                bidirectional="weight_ih_l0_reverse" in found,
                proj_size=projection[0],
                head="softmax" if "weight_hy" in found else None,
            )
        except UsageError:
            continue
        if spec.parameter_shapes() == dict(found):
            return spec
    return None


def options(spec: Spec) -> str:
    """The command-line options that say which parameters a spec has."""
    said = [f"--cell {spec.cell} --input-size {spec.input_size} --hidden-size {spec.hidden_size}"]
    said += [f"--num-layers {spec.num_layers}"] if spec.num_layers > 1 else []
    said += ["--bidirectional"] if spec.bidirectional else []
    said += [] if spec.bias else ["--no-bias"]
    said += [f"--proj-size {spec.proj_size}"] if spec.proj_size else []
    said += [f"--head {spec.head}"] if spec.head else []
    return " ".join(said)


def _fitting(found: Shapes, asked: Spec) -> str | None:
    spec = spec_for(found)
    if spec is None:
        return None
    single = " --num-layers 1" if spec.num_layers == 1 < asked.num_layers else ""  # a class may have others by default
    forwards = " --no-bidirectional" if asked.bidirectional and not spec.bidirectional else ""
    headless = " without --head" if asked.head and not spec.head else ""
    return f"It holds all of {_layer(spec, found)}; use {options(spec)}{single}{forwards}{headless}"


def _inner(found: Shapes) -> str | None:
    """What to do if the file holds whole layers under a prefix, as the state_dict of a larger model does."""
    groups: dict[str, dict[str, Shape]] = defaultdict(dict)
    for name, shape in found.items():
        if (match := _PARAMETER.fullmatch(name)) and match["prefix"]:
            groups[match["prefix"]][match["name"]] = shape
    layers = {prefix: spec for prefix, group in groups.items() if (spec := spec_for(group))}
    if not layers:
        return None
    held = listed(
        [f"{spec.cell.called} under '{printable(prefix)}' ({options(spec)})" for prefix, spec in layers.items()]
    )
    path = printable(next(iter(layers)).removesuffix("."), 100)
    return f"It holds {held}: name one behind the file, as in --weights FILE::{path}"


def _guess(found: Shapes, expected: Shapes, wrong: Sequence[str], spec: Spec) -> str | None:
    if any(len(found[name]) == 2 and found[name] == expected[name][::-1] for name in wrong):
        return "Some weights look transposed: torch stores them as (output rows, input columns)."
    for name in wrong:
        rows, *columns = found[name] or (0,)
        size = columns[0] if columns and name.startswith("weight_hh") else spec.hidden_size
        for cell in Cell:
            if rows and rows == cell.gates * size != expected[name][0]:
                return f"{name}: {rows} rows = {cell.gates} x {size}: {cell.called} with hidden_size {size}?"
    return None


def _layer(spec: Spec, found: Shapes) -> str:
    rows = found["weight_ih_l0"][0]
    return f"{spec.cell.called} ({rows} rows = {spec.cell.gates} x {spec.hidden_size})"


def _near(name: str, others: Sequence[str]) -> str:
    lowered = {other.lower(): other for other in others}
    close = difflib.get_close_matches(name, lowered, n=1, cutoff=0.75)
    return f" (is it {printable(lowered[close[0]])}?)" if close else ""


def _parameter(name: str, shapes: Shapes) -> str:
    return f"{printable(name)} {_shape(shapes[name])}"


def _shape(shape: Shape) -> str:
    return "(" + ", ".join(map(str, shape)) + ")"
