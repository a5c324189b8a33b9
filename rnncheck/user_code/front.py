"""What a network computes from x before its recurrent module, such as a projection: x takes the place of that."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from rnncheck.errors import CannotRun
from rnncheck.user_code.blame import CandidateError
from rnncheck.user_code.layout import arrange


class OtherWidth(CannotRun):
    """The recurrent module inside reads another number of features than the layer is given."""


def recurrent_inside(thing: object) -> str | None:
    """The name of the one module of torch's that is recurrent, in a network with further parameters."""
    if not isinstance(thing, nn.Module):
        return None
    found = [(name, each) for name, each in thing.named_modules() if isinstance(each, nn.RNNBase | nn.RNNCellBase)]
    if len(found) != 1 or not found[0][0]:
        return None
    own = {id(each) for each in found[0][1].parameters()}
    return found[0][0] if any(id(each) not in own for each in thing.parameters()) else None


def learned_front(thing: nn.Module, module: str, call: Callable[[], object]) -> bool:
    """Whether what the module is given in a call depends on parameters, so that it is not x."""
    seen: list[bool] = []

    def look(_: nn.Module, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        given = read_by(arguments, named)
        seen.append(isinstance(given, Tensor | PackedSequence) and data_of(given).requires_grad)

    handle = thing.get_submodule(module).register_forward_pre_hook(look, with_kwargs=True)
    try:
        with torch.inference_mode(False), torch.enable_grad():
            call()
    finally:
        handle.remove()
    return bool(seen) and all(seen)


@contextmanager
def entering(thing: nn.Module, module: str, x: Tensor) -> Iterator[None]:
    """Hands x (T, B, I) to the module, in the place of what the network makes of it."""
    inside, steps = thing.get_submodule(module), iter(x)

    def ours(given: Any) -> Tensor | PackedSequence:
        require_width(given, x, module)
        if isinstance(inside, nn.RNNBase):
            return in_the_place_of(given, x, batch_first=inside.batch_first, module=module)
        step: Tensor | None = next(steps, None)  # of a cell
        if step is None or step.shape != given.shape:
            raise CandidateError(f"its module {module} is not called once for each timestep, with (B, I)")
        return step

    def replaced(
        _: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        entered = ours(read_by(arguments, named))
        return ((entered, *arguments[1:]), named) if arguments else ((), {**named, "input": entered})

    handle = inside.register_forward_pre_hook(replaced, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


def require_width(given: Any, x: Tensor, module: str) -> None:
    width = data_of(given).shape[-1]
    if width != x.shape[-1]:
        problem = OtherWidth(
            f"its module {module} reads {width} features, which other modules make of x; rnncheck hands x to {module} "
            f"itself: add --input-size {width}"
        )
        problem.fits = {"input_size": width}
        raise problem


def in_the_place_of(given: Any, x: Tensor, *, batch_first: bool, module: str) -> Tensor | PackedSequence:
    """x in the axes of what the module is given, and packed as that is."""
    axes = "BTF" if batch_first else "TBF"
    if isinstance(given, PackedSequence):
        rows = x if given.sorted_indices is None else x[:, given.sorted_indices]
        lengths = [int((given.batch_sizes > row).sum()) for row in range(x.shape[1])]
        packed = pack_padded_sequence(arrange(rows, "TBF", axes), torch.tensor(lengths), batch_first=batch_first)
        return PackedSequence(packed.data, given.batch_sizes, given.sorted_indices, given.unsorted_indices)
    ours = arrange(x, "TBF", axes) if given.dim() == 3 else x[:, 0]
    if ours.shape != given.shape:
        raise CandidateError(
            f"its module {module} is given {tuple(given.shape)}, which is not x but made of it, and not one vector for "
            "each timestep of each row"
        )
    return ours


def read_by(arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
    return arguments[0] if arguments else named["input"]


def data_of(given: Any) -> Tensor:
    data: Tensor = given.data if isinstance(given, PackedSequence) else given
    return data
