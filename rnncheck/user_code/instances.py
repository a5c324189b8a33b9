"""Instances of a candidate: constructed for a spec, or given weights of its own where it takes them."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import nn

from rnncheck.errors import CannotRun, UsageError
from rnncheck.model.spec import Spec
from rnncheck.user_code import sizes as sizes_
from rnncheck.user_code.blame import Hint, to_add
from rnncheck.user_code.calling import Caller
from rnncheck.user_code.cells import Built, torch_cell
from rnncheck.user_code.construct import construct, construct_from, constructor
from rnncheck.user_code.function_code import holds_many, only_added, weight_names, weights_wanted
from rnncheck.user_code.functions import Scheme, WithWeights, holding, schemes, with_settings
from rnncheck.user_code.hypothesis import Hypothesis
from rnncheck.user_code.isolation import Dice
from rnncheck.user_code.loading import Loaded
from rnncheck.user_code.native_layer import NativeLayer
from rnncheck.user_code.signatures import Call, read
from rnncheck.user_code.tensors import held

MOST_LAYERS = 8  # a larger number means something else


class Instances:
    """Makes instances of one candidate; `given` are the arguments of --arg, `words` the text of those that name a class
    or a function.
    """

    def __init__(self, loaded: Loaded, given: Mapping[str, object], words: Mapping[str, str] | None = None) -> None:
        self.loaded, self.given = loaded, given
        self.constructor = constructor(loaded, given)
        if self.constructor is not None:
            self.constructor.words = words or {}
        self.function: tuple[Callable[..., Any], Call] | None = None
        self._dice = Dice()
        self.kept_whole: frozenset[str] = frozenset()  # tensors that a mapping file names, and not parts of them
        self._weights: tuple[str, ...] = ()  # that its constructor takes
        if isinstance(loaded.thing, type) and not given:
            self._weights = weights_wanted(loaded.thing)
        if self.constructor is None and inspect.isfunction(loaded.thing):
            function = with_settings(loaded.thing, given)
            call = read(function, holds_weights=False)
            if call.cell_state is not None and holds_many(function, call.cell_state):
                call = replace(call, cell_state=None, others=(*call.others, call.cell_state))
            self.function = (function, call) if call.others else None
            if given and not call.others:
                raise CannotRun(
                    f"--arg sets parameters of a constructor, and {loaded.called} is a function that is called as it "
                    "is; leave --arg out"
                )

    @property
    def takes(self) -> frozenset[str]:
        """The roles for which its constructor has parameters."""
        return self.constructor.takes if self.constructor is not None else frozenset()

    def other_sizes(self, spec: Spec) -> Hint | None:
        """Why an instance cannot be compared at these sizes, if it says that it has others."""
        if not self.loaded.lives:
            return None
        said = {name: getattr(self.loaded.thing, name, None) for name in ("input_size", "hidden_size")}
        own = {name: size for name, size in said.items() if isinstance(size, int)}
        axes = {size for each in held(self.loaded.thing).values() for size in each.shape}
        units = own.get("hidden_size")
        if units and not any(axis % units == 0 for axis in axes):
            return None  # it says so of something else
        if all(size == getattr(spec, name) for name, size in own.items()):
            return None
        return to_add("it has " + " and ".join(f"{name} {size}" for name, size in own.items()), **own)

    def shape(self, spec: Spec) -> dict[str, Any]:
        """The number of layers, if there are several, and the directions, if there are two, unless told otherwise."""
        layers, both = self._own("num_layers", spec), self._own("bidirectional", spec)
        several = isinstance(layers, int) and 1 < layers <= MOST_LAYERS
        return ({"num_layers": layers} if several else {}) | ({"bidirectional": True} if both == 1 else {})

    def _own(self, role: str, spec: Spec) -> object:
        """What it is unless told otherwise: an instance, a parameter's default, or a layer of torch's inside."""
        if self.constructor is None:
            return getattr(self.loaded.thing, role, None)
        if role in self.takes:
            return self.constructor.default(role)
        return getattr(self._torch_layer(spec), role, None)

    def _torch_layer(self, spec: Spec) -> nn.RNNBase | None:
        """The only recurrent layer of torch inside, as the class makes it whatever it is told."""
        if self.constructor is None:
            return None
        try:
            thing = construct(self.loaded, self.constructor, spec, sizes_.output_size(spec))
        except (CannotRun, UsageError):
            return None
        found = (
            [each for each in thing.modules() if isinstance(each, nn.RNNBase)] if isinstance(thing, nn.Module) else []
        )
        return found[0] if len(found) == 1 and found[0] is not thing else None

    @property
    def takes_cell_state(self) -> bool:
        """Whether it is a function that takes its weights and a cell state."""
        return self.function is not None and self.function[1].cell_state is not None

    @property
    def is_given_weights(self) -> bool:
        """Whether it is a function without weights of its own."""
        return self.function is not None

    def holds(self, spec: Spec) -> Built | None:
        """What it holds, at sizes that can be told apart if it can be built with them.

        None for what is built for whatever cell it is asked for. Raises `CannotRun` where it cannot be built.
        """
        if self.function is not None or (self.constructor is not None and self.constructor.of_any_cell):
            return None
        own = sizes_.around(spec)
        for tried in (*([sizes_.all_different(spec)] if self.constructor is not None else []), own):
            try:
                thing = construct(self.loaded, self.constructor, tried.spec, tried.output_size)
            except CannotRun:
                if tried is own:
                    raise
            else:
                return Built(tried.spec, [tuple(value.shape) for value in held(thing).values()], torch_cell(thing))
        return None

    def as_of(self, plain: Spec, several: Spec) -> object | None:
        """Constructed for the layers and directions of `several`, with a head as wide as for `plain`; None if it then
        holds other tensors, by name or shape.
        """
        width, shapes, thing = sizes_.output_size(plain), list[object](), None
        for spec in (plain, several):
            try:
                thing = construct(self.loaded, self.constructor, spec, width)
            except (CannotRun, UsageError):
                return None
            shapes.append({name: value.shape for name, value in held(thing).items()})
        return thing if shapes[0] and shapes[0] == shapes[1] else None

    def batch_first(self, spec: Spec) -> bool | None:
        return self.constructor.batch_first(spec) if self.constructor is not None else None

    @property
    def told_batch_first(self) -> bool:
        """Whether the user gives its constructor batch_first."""
        return self.constructor is not None and self.constructor.told_batch_first()

    def schemes(self, spec: Spec) -> Iterable[Scheme | None]:
        """The shapes of weights to try, for a function that takes its weights."""
        if self._weights or self.function is not None:
            function, call = self.function or (None, None)
            named = weight_names(function, call.others) if function is not None and call is not None else self._weights
            return schemes(spec, named, frozenset() if function is None else only_added(function))
        return (None,)

    def made(
        self, spec: Spec, output_size: int, example: WithWeights | Scheme | None, scheme: Scheme | None = None
    ) -> object:
        """Constructed, or given weights of its own, in the shapes that were found or that `scheme` says."""
        if self._weights:
            held_as = example if isinstance(example, Scheme) else scheme
            assert held_as is not None
            return construct_from(
                self.loaded, partial(holding, self.loaded.thing, self._weights, held_as), spec, output_size
            )
        assert not isinstance(example, Scheme)
        if self.function is None:
            return construct(self.loaded, self.constructor, spec, output_size)
        function, call = self.function
        with torch.inference_mode(False):
            if example is None:
                assert scheme is not None
                return WithWeights(function, call, scheme, spec, output_size)
            made = WithWeights(function, call, example.scheme, spec, output_size)
            made.learn(example)
            return made

    def native(self, understood: Hypothesis, spec: Spec, *, forgets: bool = False) -> NativeLayer:
        width = spec.output_size if understood.as_wide else sizes_.output_size(spec)
        thing = self.made(spec, width, understood.example)
        found, loaded = understood.found, self.loaded
        mean_draws = forgets and found.draws
        caller = Caller(thing, spec, found.convention, found.reading, loaded.called, loaded.file, mean_draws)
        with torch.inference_mode(False):  # whose tensors could not be written into
            dice = None if forgets else self._dice
            return NativeLayer(
                thing,
                caller,
                understood.facts,
                self.loaded.import_path,
                forgets=forgets,
                dice=dice,
                parts=understood.parts,
            )


def spread(thing: object) -> None:
    """Fills all its tensors with random numbers, because zeros or uninitialised memory would show nothing."""
    drawn = torch.Generator().manual_seed(1)
    with torch.inference_mode(False), torch.no_grad():
        for value in held(thing).values():
            value.copy_(torch.randn(value.shape, generator=drawn, dtype=torch.float64) * 0.4)
