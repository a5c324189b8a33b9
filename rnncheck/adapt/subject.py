"""What can be found out about a layer that cannot be read: its signatures, its tensors, the layers inside it."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import Tensor, nn

from rnncheck.adapt.source import loops
from rnncheck.errors import CannotRun, UsageError
from rnncheck.model.spec import Cell, Spec
from rnncheck.user_code.arithmetics import arithmetics
from rnncheck.user_code.cells import named, torch_cell
from rnncheck.user_code.construct import METHODS, construct, constructor, makes_a_layer
from rnncheck.user_code.function_code import torch_code
from rnncheck.user_code.loading import Loaded, is_layer, sounds_recurrent
from rnncheck.user_code.roles import cell_of_default
from rnncheck.user_code.signatures import Call, read
from rnncheck.user_code.tensors import held


@dataclass(frozen=True)
class Subject:
    """The user's layer. `thing` is an instance, or None if construction failed, with the reason in `unmade`.

    `forward` is what is called, `call` its parameters by purpose; None where there is none to be seen.
    `made` says whether a class or factory makes it, `kernel` whether it is a function that is given its weights.
    """

    loaded: Loaded
    cell: Cell
    given: Mapping[str, object]
    made: bool
    kernel: bool
    numpy: bool
    thing: Any
    unmade: str | None
    forward: Callable[..., Any] | None
    method: str  # that is called; "" where the object itself is
    call: Call | None
    one_step: bool

    @property
    def tensors(self) -> Mapping[str, Tensor]:
        return {} if self.thing is None or self.kernel else held(self.thing)

    @property
    def inner_layers(self) -> dict[str, str]:
        """The recurrent layers inside it, but for those inside such layers, by dotted name, as torch shows them."""
        found: dict[str, str] = {}
        for name, module in self.thing.named_modules() if isinstance(self.thing, nn.Module) else ():
            within = any(name.startswith(f"{other}.") for other in found)
            if name and not within and is_recurrent(module):
                found[name] = str(module).partition("\n")[0].rstrip("(")
        return found


def subject(loaded: Loaded, cell: Cell | None, given: Mapping[str, object]) -> Subject:
    """Raises `UsageError` where nothing says which cell it is."""
    function: Any = loaded.thing.func if isinstance(loaded.thing, partial) else loaded.thing
    made = isinstance(function, type) or (inspect.isroutine(function) and makes_a_layer(function))
    kernel = not made and inspect.isroutine(function)
    thing, unmade = None, None
    try:
        spec = Spec(cell=cell or by_default(loaded, given) or named(loaded)[0] or Cell.RNN)
        thing = loaded.thing if kernel else construct(loaded, constructor(loaded, given), spec, spec.hidden_size + 1)
    except CannotRun as problem:
        unmade = str(problem).partition("\n")[0]
    forward, method = called(loaded.thing if thing is None else thing)
    call = None
    if forward is not None:
        try:
            call = read(forward, holds_weights=not kernel)
        except CannotRun:
            call = None
    return Subject(
        loaded,
        cell or told(loaded, call, thing),
        given,
        made,
        kernel,
        numpy_code(loaded, thing),
        thing,
        unmade,
        forward,
        method,
        call,
        takes_one_step(loaded, thing, forward),
    )


def by_default(loaded: Loaded, given: Mapping[str, object]) -> Cell | None:
    """The cell that a default of its constructor names."""
    made_by = constructor(loaded, given)
    found = cell_of_default(made_by.default("mode")) if made_by is not None and made_by.of_any_cell else None
    return None if found is None else Cell(found)


def told(loaded: Loaded, call: Call | None, thing: object) -> Cell:
    """The cell: that of torch's layers inside, unless the name says another, or from a cell state that it takes."""
    found, inside = named(loaded)[0], torch_cell(thing)
    if inside is not None and found in (None, Cell.RNN):
        return inside
    if found is None and call is not None and call.cell_state is not None:
        return Cell.LSTM
    if found is None:
        raise UsageError(f"the name {loaded.called} does not say which cell it is; add --cell rnn, lstm or gru")
    return found


def called(thing: Any) -> tuple[Callable[..., Any] | None, str]:
    """What runs it, with a signature that can be read, and by what name it is called; "" if it is called itself."""
    if inspect.isroutine(thing):
        return thing, ""
    owner = thing if isinstance(thing, type) else type(thing)
    if isinstance(thing, nn.Module) or is_layer(thing):
        return (thing.forward if isinstance(thing, nn.Module) else unbound(owner, "forward")), ""
    for name in METHODS:
        if callable(getattr(owner, name, None)) and name != "__call__":
            return (unbound(owner, name) if thing is owner else getattr(thing, name)), name
    if not isinstance(thing, type) and callable(thing):
        return thing, ""
    return None, ""


def unbound(owner: type, name: str) -> Callable[..., Any]:
    """A method of a class without an object, without its `self`."""
    return partial(getattr(owner, name), None)


def takes_one_step(loaded: Loaded, thing: Any, forward: Callable[..., Any] | None) -> bool:
    """Whether it seems to be called once a timestep: by its name, or because nothing in it goes through time."""
    names = loaded.called.lower()
    if any(word in names for word in ("cell", "step", "tick")):
        return True
    if forward is None:
        return False
    code = forward.func if isinstance(forward, partial) else forward
    owner = loaded.thing if isinstance(loaded.thing, type) else None if inspect.isroutine(thing) else type(thing)
    layers = [each for each in thing.modules() if each is not thing] if isinstance(thing, nn.Module) else []
    if any(isinstance(each, nn.RNNBase) for each in layers):
        return False
    own = [type(each) for each in layers if type(each).__module__ == loaded.module.__name__]
    return not loops(code, owner) and not any(loops(each.forward, each) for each in own)


def numpy_code(loaded: Loaded, thing: Any) -> bool:
    """Whether the layer computes in numpy."""
    if isinstance(thing, nn.Module) or is_layer(loaded.thing):
        return False
    if inspect.isroutine(thing):
        return not torch_code(thing)
    return arithmetics(loaded.thing if thing is None else thing)[0]


def is_recurrent(module: nn.Module) -> bool:
    return isinstance(module, nn.RNNBase | nn.RNNCellBase) or sounds_recurrent(type(module).__name__)
