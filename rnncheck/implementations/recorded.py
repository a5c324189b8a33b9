"""`trace.safetensors`: a run that `rnncheck record` saved, as an implementation that can repeat only that run."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from rnncheck.errors import CannotRun
from rnncheck.implementations.protocol import OF_ONNXRUNTIME, NotRecorded, Reading, no_place_for_own
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.trace import State, Trace, dtype_name, dtype_of
from rnncheck.model.trace_file import GRADIENT, STEP, decode
from rnncheck.model.trace_metadata import listed_in, read_metadata, spec_in
from rnncheck.model.weights import Weights
from rnncheck.text import first_of, printable

INPUTS = ("x", "h0", "c0", "lengths")
RESULTS = ("output", "h_n", "c_n")
STATES = ("h0", "c0", "h_n", "c_n")

Shape = tuple[int, ...]


class Recorded:
    """The run in the file `path`. Raises `CannotRun` if the file is damaged, or not a trace."""

    runs_once = True

    def __init__(self, path: str) -> None:
        self.name, shown = path, printable(path, 200)
        self._metadata = read_metadata(path)
        self.spec = replace(spec_in(self._metadata, shown), device="cpu")
        self._tensors = decode(path)
        if problem := unread(self._metadata) or wrong(self._tensors, self.spec, listed_in(self._metadata)):
            raise CannotRun(f"{shown} is damaged: {problem}; record it again")
        self.tf32 = self.about.get("tf32") is True
        by_onnxruntime = any(part in str(self.about.get("name")) for part in ("onnxruntime", ".onnx"))
        self.approximate = OF_ONNXRUNTIME if by_onnxruntime else 0.0
        self.seed = int(self._metadata.get("seed", "0"))

    @cached_property
    def about(self) -> Mapping[str, Any]:
        """The implementation, device and versions of the run, from the metadata."""
        found: dict[str, Any] = json.loads(self._metadata.get("recorded", "{}"))
        return found

    @property
    def location(self) -> str:
        facts = {"of": "name", "on": "device", "by rnncheck": "rnncheck", "with torch": "torch"}
        said = [f"{word} {printable(str(self.about[key]), 100)}" for word, key in facts.items() if key in self.about]
        return " ".join(["recorded", *said])

    @property
    def weights(self) -> Weights:
        """The weights of the run."""
        return Weights({name: self._tensors[name].double() for name in self.spec.parameter_shapes()})

    @property
    def x(self) -> Tensor:
        return self._tensors["x"].double()

    @property
    def state(self) -> State:
        return State(self._tensors["h0"], self._tensors.get("c0")).map(Tensor.double)

    @property
    def lengths(self) -> tuple[int, ...] | None:
        return tuple(self._tensors["lengths"].tolist()) if "lengths" in self._tensors else None

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        if reason := no_place_for_own(spec):
            return reason
        for name in (each.name for each in fields(Spec) if each.name not in ("device", "variant")):
            asked, had = getattr(spec, name), getattr(self.spec, name)
            if asked != had:
                return f"it was recorded with {name} {had}, and {name} {asked} was asked for"
        return None

    def read(self, spec: Spec) -> Reading:
        return Reading(
            read_as="a recorded run: only its own data, weights and states can be compared",
            takes_state=True,
            takes_cell_state=True,
            exposes=frozenset(name for name in RESULTS if name in self._tensors),
            restrict=lambda weights: weights,
            withheld=self._withheld(),
            runs_once=True,
        )

    def _withheld(self) -> frozenset[str]:
        """The inputs and weights without a recorded gradient, if there are gradients at all."""
        if GRADIENT + "x" not in self._tensors:
            return frozenset()
        every = [*(name for name in INPUTS[1:3] if name in self._tensors), *self.spec.recurrent_shapes()]
        return frozenset(name for name in every if GRADIENT + name not in self._tensors)

    def build(self, spec: Spec, weights: Weights) -> "RecordedLayer":
        if reason := self.refuses(spec):
            raise NotRecorded(f"{self.name} cannot run this: {reason}")
        for name, value in weights.cast(spec).items():
            if not torch.equal(value.cpu(), self._tensors[name]):
                raise NotRecorded(f"{self.name} was recorded with another {name}; it can only repeat its own run")
        return RecordedLayer(self.name, spec, {name: value.to(spec.device) for name, value in self._tensors.items()})


class RecordedLayer:
    """Returns the recorded results for the recorded inputs: those of the run, and of its single steps."""

    def __init__(self, name: str, spec: Spec, tensors: Mapping[str, Tensor]) -> None:
        self._name, self._spec, self._tensors = name, spec, tensors
        with torch.inference_mode(False):
            self._leaves = {
                name: tensors[name].clone().requires_grad_()
                for name in spec.recurrent_shapes()
                if GRADIENT + name in tensors
            }

    def parameters(self) -> Mapping[str, Tensor]:
        return {name: self._tensors[name] for name in self._spec.parameter_shapes()}

    def leaves(self) -> Mapping[str, Tensor] | None:
        return self._leaves or None

    def run(self, x: Tensor, state: State, lengths: Sequence[int] | None = None) -> Trace:
        ends = torch.tensor(lengths, dtype=torch.int64) if lengths is not None else None
        given = {"x": x, "h0": state.h, "c0": state.c, "lengths": ends}
        if self._was_given(given):
            return self._differentiable(given) if torch.is_grad_enabled() and x.requires_grad else self._trace()
        if self._was_given(given, STEP):
            h, c = self._tensors[STEP + "h_n"].clone(), self._tensors.get(STEP + "c_n")
            return Trace(
                h.new_full((*x.shape[:2], self._spec.output_size), torch.nan), State(h, c), None, frozenset({"output"})
            )
        raise NotRecorded(f"{self._name} is a recorded run and was asked to run on other data")

    def _was_given(self, given: Mapping[str, Tensor | None], prefix: str = "") -> bool:
        held = {name: self._tensors.get(prefix + name) for name in INPUTS}
        return held["x"] is not None and all(alike(given[name], held[name]) for name in INPUTS)

    def _trace(self) -> Trace:
        values = {name: value.clone() for name, value in self._tensors.items() if name in (*RESULTS, "y")}
        return trace_of(values, self._spec, self._tensors)

    def _differentiable(self, given: Mapping[str, Tensor | None]) -> Trace:
        inputs = {name: value for name, value in given.items() if value is not None and name != "lengths"}
        names = [name for name in RESULTS if name in self._tensors]
        leaves = {**inputs, **self._leaves}
        found = ThroughRecording.apply(self._tensors, list(leaves), names, *leaves.values())  # type: ignore[no-untyped-call]
        return trace_of(dict(zip(names, found, strict=True)), self._spec, self._tensors)


class ThroughRecording(torch.autograd.Function):
    """The recorded run as one operation, whose gradients are those recorded for the loss that it was recorded with."""

    @staticmethod
    def forward(ctx: Any, tensors: Mapping[str, Tensor], inputs: list[str], results: list[str], *_: Tensor) -> Any:
        ctx.tensors, ctx.inputs, ctx.results = tensors, inputs, results
        return tuple(tensors[name].clone() for name in results)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> Any:
        for name, value in zip(ctx.results, upstream, strict=True):
            held = ctx.tensors.get(GRADIENT + name)
            if held is not None and not torch.equal(value, held):
                raise NotRecorded("its gradients were recorded with another loss; the loss depends on --seed")
        return None, None, None, *(ctx.tensors.get(GRADIENT + name) for name in ctx.inputs)


def trace_of(values: Mapping[str, Tensor], spec: Spec, tensors: Mapping[str, Tensor]) -> Trace:
    """The trace; results that were not recorded are NaN and unexposed."""
    output, h = values.get("output"), values.get("h_n")
    if output is None:
        output = tensors["x"].new_full((*tensors["x"].shape[:2], spec.output_size), torch.nan)
    h = torch.full_like(tensors["h0"], torch.nan) if h is None else h
    c = None if "c0" not in tensors else values.get("c_n", torch.full_like(tensors["c0"], torch.nan))
    wanted = RESULTS if spec.cell is Cell.LSTM else RESULTS[:2]
    return Trace(output, State(h, c), values.get("y"), frozenset(name for name in wanted if name not in values))


def unread(metadata: Mapping[str, str]) -> str | None:
    """Which of the metadata about the run cannot be read, or None."""
    seed = metadata.get("seed", "0")
    if not re.fullmatch("[0-9]{1,18}", seed):
        return f"its seed is {printable(seed, 60)!r}, not a whole number"
    try:
        about = json.loads(metadata.get("recorded", "{}"))
    except (ValueError, RecursionError):
        about = None
    return None if isinstance(about, dict) else "what its metadata say under recorded is not a JSON object"


def wrong(tensors: Mapping[str, Tensor], spec: Spec, listed: frozenset[str] | None) -> str | None:
    """Why these are not the inputs and results of a run of the spec, or None; `listed` are the names in its metadata.

    A result that the layer did not return is absent from the file and from the list. Without a list it is needed.
    """
    x = tensors.get("x")
    if x is None or x.dim() != 3 or not x.numel():
        return "it has no x (T, B, I)"
    inputs, results = shapes_of(spec, x.shape[0], x.shape[1])
    shapes = inputs | results | {"lengths": (x.shape[1],)}
    shapes |= gradient_shapes(spec, inputs, results) | step_shapes(spec, tensors)
    lacking = sorted((listed or frozenset()) - tensors.keys()) or lacks(tensors, spec, results, listed)
    strange = sorted(tensors.keys() - shapes.keys() if listed is None else tensors.keys() - (shapes.keys() & listed))
    said = [f"it lacks {first_of(lacking)}"] * bool(lacking)
    said += [f"it holds {first_of([printable(each, 60) for each in strange])}, no part of this run"] * bool(strange)
    if said:
        return " and ".join(said)
    for name, value in ((each, tensors[each]) for each in shapes if each in tensors):
        dtype = torch.int64 if name == "lengths" else dtype_of(spec)
        if value.dtype != dtype or tuple(value.shape) != shapes[name]:
            held = f"{dtype_name(value.dtype)} {tuple(value.shape)}"
            return f"its {name} is {held}, not {dtype_name(dtype)} {shapes[name]}"
    lengths = tensors.get("lengths")
    if lengths is not None and not bool(((lengths >= 1) & (lengths <= x.shape[0])).all()):
        return f"its lengths are not all from 1 to {x.shape[0]}"
    return None


def lacks(
    tensors: Mapping[str, Tensor], spec: Spec, results: Mapping[str, Shape], listed: frozenset[str] | None
) -> list[str]:
    """The names of what such a run must have and this one has not, in their order."""
    inputs, _ = shapes_of(spec, 1, 1)
    shown = [name for name in results if name in tensors]
    # A list that leaves out a result says that the layer did not return it; of what it did return, one is enough.
    needed = [*inputs, *(results if listed is None or not {"output", "h_n"} & set(shown) else shown)]
    if any(name.startswith(GRADIENT) for name in tensors):
        needed += [GRADIENT + name for name in ("x", *(each for each in shown if each != "y"))]
    if any(name.startswith(STEP) for name in tensors):
        needed += step_shapes(spec, tensors)
    return [name for name in needed if name not in tensors]


def shapes_of(spec: Spec, seq_len: int, batch_size: int) -> tuple[dict[str, Shape], dict[str, Shape]]:
    """What every run is given and what it returns, by name, but for lengths."""
    states = spec.num_layers * spec.directions
    h, c = (states, batch_size, spec.state_size), (states, batch_size, spec.hidden_size)
    inputs: dict[str, Shape] = {"x": (seq_len, batch_size, spec.input_size), "h0": h}
    results: dict[str, Shape] = {"output": (seq_len, batch_size, spec.output_size), "h_n": h}
    if spec.cell is Cell.LSTM:
        inputs["c0"] = results["c_n"] = c
    if spec.head:
        results["y"] = (seq_len, batch_size, spec.hidden_size)
    return inputs | spec.parameter_shapes(), results


def gradient_shapes(spec: Spec, inputs: Mapping[str, Shape], results: Mapping[str, Shape]) -> dict[str, Shape]:
    """Of the recurrent layer: the head has none."""
    without = {"y", *spec.head_shapes()}
    return {GRADIENT + name: shape for name, shape in {**inputs, **results}.items() if name not in without}


def step_shapes(spec: Spec, tensors: Mapping[str, Tensor]) -> dict[str, Shape]:
    """Those of its single steps, a batch of N sequences of length 1; N is that of `step.x`."""
    x = tensors.get(STEP + "x")
    inputs, results = shapes_of(spec, 1, x.shape[1] if x is not None and x.dim() == 3 else 1)
    every = {"x": inputs["x"]} | {name: shape for name, shape in {**inputs, **results}.items() if name in STATES}
    return {STEP + name: shape for name, shape in every.items()}


def alike(a: Tensor | None, b: Tensor | None) -> bool:
    """Whether both have the same bits; a NaN equals itself."""
    if a is None or b is None:
        return a is b
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return torch.equal(*(each.detach().cpu().contiguous().view(torch.uint8) for each in (a, b)))
