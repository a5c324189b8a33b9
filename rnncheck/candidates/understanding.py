"""How a loaded candidate is built and called for a spec: found once, then used at every dtype."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from rnncheck.candidates import sizes as sizes_
from rnncheck.candidates.calling import Caller
from rnncheck.candidates.construct import construct, constructor, entry
from rnncheck.candidates.loading import Loaded
from rnncheck.candidates.native import Facts
from rnncheck.candidates.native_layer import NativeLayer
from rnncheck.candidates.probing import Found, Probe
from rnncheck.candidates.read_as import sentence
from rnncheck.candidates.signatures import Call, read
from rnncheck.candidates.tensors import held
from rnncheck.errors import CannotRun
from rnncheck.spec import Cell, Dtype, Spec


@dataclass(frozen=True)
class Understood:
    found: Found
    call: Call
    facts: Facts


class Understanding:
    """What is known of one candidate, spec by spec."""

    def __init__(self, loaded: Loaded, given: Mapping[str, object]) -> None:
        self._loaded = loaded
        self._constructor = constructor(loaded, given)
        self._known: dict[Spec, Understood] = {}

    def refuses(self, spec: Spec, *, lengths: bool = False) -> str | None:
        if self._constructor is not None and (reason := self._constructor.refuses(spec)):
            return reason
        understood = self._of(spec)
        convention = understood.found.convention
        if convention.is_cell and (spec.num_layers > 1 or spec.bidirectional):
            return "it is a cell, one layer in one direction; leave --num-layers and --bidirectional out"
        if convention.numpy and spec.dtype not in (Dtype.FLOAT64, Dtype.FLOAT32):
            return f"it computes in numpy, which has no {spec.dtype}"
        if convention.numpy and spec.device != "cpu":
            return f"it computes in numpy, which has no {spec.device}"
        if lengths and not (convention.is_cell or convention.by_row or convention.lengths):
            return "it takes no lengths: neither a parameter for them nor a PackedSequence"
        if spec.head and "output" not in understood.facts.exposes:
            return "it does not expose the outputs that --head reads"
        return None

    def doubt(self, spec: Spec) -> str | None:
        """What it does wrong when it is called as its signature offers."""
        return self._of(spec).found.doubt

    def facts(self, spec: Spec) -> Facts:
        return self._of(spec).facts

    def forgetful(self, spec: Spec) -> NativeLayer:
        """For being looked at with many calls, each as if it were the first."""
        return self.native(spec, forgets=True)

    def native(self, spec: Spec, *, forgets: bool = False) -> NativeLayer:
        understood = self._of(spec)
        thing = construct(self._loaded, self._constructor, spec, sizes_.output_size(spec))
        caller = Caller(
            thing, spec, understood.found.convention, understood.found.reading, self._loaded.called, self._loaded.file
        )
        return NativeLayer(thing, caller, understood.facts, forgets=forgets)

    def _of(self, spec: Spec) -> Understood:
        narrow = int(spec.proj_size > 0)
        key = replace(spec, input_size=1, hidden_size=2, proj_size=narrow, dtype=Dtype.FLOAT64, device="cpu", head=None)
        if key not in self._known:
            self._known[key] = self._probed(spec)
        return self._known[key]

    def _probed(self, spec: Spec) -> Understood:
        first: CannotRun | None = None
        tries = [sizes_.all_different(spec)] if self._constructor is not None else []
        for tried in (*tries, sizes_.around(spec)):
            try:
                return self._probed_with(tried)
            except CannotRun as problem:
                first = first or problem
        assert first is not None
        raise first

    def _probed_with(self, tried: sizes_.Sizes) -> Understood:
        thing = construct(self._loaded, self._constructor, tried.spec, tried.output_size)
        spread(thing)
        function = entry(thing)
        assert function is not None
        call = read(called(thing, function))
        takes = self._constructor.takes if self._constructor is not None else frozenset[str]()
        numpy = not isinstance(thing, nn.Module) and uses_numpy(thing)
        batch_first = tried.spec.batch_first if "batch_first" in takes else getattr(thing, "batch_first", None)
        one_feature = tried.spec.input_size == 1 and "input_size" not in takes
        probe = Probe(self._loaded, thing, call, tried, batch_first, numpy, one_feature)
        found = probe.convention()
        facts = facts_of(found, tried, sentence(found, call, tried))
        return Understood(found, call, facts)


def facts_of(found: Found, tried: sizes_.Sizes, read_as: str) -> Facts:
    spec, reading, convention = tried.spec, found.reading, found.convention
    exposes = set()
    if convention.is_cell or reading.output is not None or (reading.h is not None and not spec.bidirectional):
        exposes.add("output")
    whole = reading.h is not None and (tried.states == 1 or "K" in reading.h.axes)
    if whole or (reading.h is None and spec.num_layers == 1):
        exposes.add("h_n")
    if reading.c is not None:
        exposes.add("c_n")
    state = convention.state
    gives_c = state is not None and state.handing not in ("h", "[h]")
    return Facts(
        read_as, state is not None, gives_c or (state is not None and spec.cell is not Cell.LSTM), frozenset(exposes)
    )


def spread(thing: object) -> None:
    """Random numbers in everything it holds: zeros, or what memory had left there, would show nothing."""
    drawn = torch.Generator().manual_seed(1)
    with torch.inference_mode(False), torch.no_grad():
        for value in held(thing).values():
            value.copy_(torch.randn(value.shape, generator=drawn, dtype=torch.float64) * 0.4)


def called(thing: Any, function: Any) -> Any:
    """Whose signature says what it takes."""
    return thing.forward if isinstance(thing, nn.Module) else function


def uses_numpy(thing: object) -> bool:
    """Whether what it holds, or the module it is written in, is numpy's."""
    module = inspect.getmodule(thing if inspect.isroutine(thing) else type(thing))
    names = {getattr(each, "__name__", "") for each in vars(module).values()} if module else set()
    return "torch" not in names and not any(name.startswith("torch.") for name in names)
