"""The gradients of a candidate's results by each number that it holds: by autograd, or by finite differences."""

import itertools
from collections.abc import Callable, Collection, Mapping, Sequence

import torch
from torch import Tensor

from rnncheck.mapping.native import Native
from rnncheck.model.trace import State, Trace

MOST_DIFFERENCES = 20_000  # numbers of a tensor for each of which the candidate may run
STEP, NEAR = 1e-5, 1e-3  # of a difference, and how far it may be from the gradient: a smooth layer's is within 1e-8

Losses = Callable[[Trace], Sequence[Tensor]]
Gradients = dict[str, Tensor]


def gradients(native: Native, x: Tensor, state: State, losses: Losses) -> list[Gradients]:
    """The gradient of each loss by each tensor of `native`, which is a copy nobody else needs.

    A tensor that autograd says is not used, but that changes a loss all the same (a numpy array, a tensor that the
    code detaches), is differentiated by differences, and so is one whose gradient is wrong because of a handwritten
    backward; all are where the candidate's own backward fails.
    """
    tensors = dict(native.tensors())
    found = _by_autograd(native, tensors, frozenset(tensors), x, state, losses)
    if found is None and native.buffers():  # some functions refuse a gradient of their buffers, as batch norm does
        found = _by_autograd(native, tensors, frozenset(tensors) - native.buffers(), x, state, losses)
    if found is None:
        with torch.no_grad():
            found = [
                {name: torch.zeros_like(each) for name, each in tensors.items()} for _ in losses(native.run(x, state))
            ]
    silent = [name for name in tensors if not any(bool(each[name].any()) for each in found)]
    refuted = [name for name in tensors if name not in silent and not _confirmed(native, name, found, x, state, losses)]
    for name in (*_moving(native, silent, x, state, losses), *refuted):
        for each, column in zip(found, _by_differences(native, name, x, state, losses), strict=True):
            each[name] = column
    return found


def _by_autograd(
    native: Native, tensors: Mapping[str, Tensor], names: Collection[str], x: Tensor, state: State, losses: Losses
) -> list[Gradients] | None:
    """The gradients by the tensors of these names, zero by the others; None if the candidate's backward raises."""
    try:
        return _backward(native, tensors, names, x, state, losses)
    except Exception:  # it may raise any error
        return None


def _backward(
    native: Native, tensors: Mapping[str, Tensor], names: Collection[str], x: Tensor, state: State, losses: Losses
) -> list[Gradients]:
    with torch.inference_mode(False), torch.enable_grad():
        for name, each in tensors.items():
            if each.is_leaf and not each.is_inference():
                each.requires_grad_(name in names)
        asked = [each for each in tensors.values() if each.requires_grad]
        found = []
        values = losses(native.run(x, state))
        for value in values:
            answers: Sequence[Tensor | None] = [None] * len(asked)
            if value.requires_grad and asked:
                answers = torch.autograd.grad(value, asked, retain_graph=True, allow_unused=True)
            known = {id(tensor): answer for tensor, answer in zip(asked, answers, strict=True)}
            found.append({name: _known(known.get(id(tensor)), tensor) for name, tensor in tensors.items()})
        return found


def _known(answer: Tensor | None, tensor: Tensor) -> Tensor:
    return torch.zeros_like(tensor, requires_grad=False) if answer is None else answer.detach()


def _moving(native: Native, names: Sequence[str], x: Tensor, state: State, losses: Losses) -> list[str]:
    """The tensors with a number that changes a loss."""
    with torch.no_grad():
        before = [float(each) for each in losses(native.run(x, state))] if names else []
        moving = []
        for name in names:
            kept = native.tensors()[name].clone()
            scattered = torch.linspace(0.05, 0.15, kept.numel(), dtype=kept.dtype).reshape(kept.shape)
            native.tensors()[name].copy_(kept + scattered)
            after = [float(each) for each in losses(native.run(x, state))]
            native.tensors()[name].copy_(kept)
            moving += [name] if after != before else []
        return moving


def _confirmed(native: Native, name: str, found: Sequence[Gradients], x: Tensor, state: State, losses: Losses) -> bool:
    """Whether the losses change along one direction of this tensor as their gradients say.

    Taken for granted in a tensor so large that differences for each of its numbers would take too long.
    """
    tensor = native.tensors()[name]
    if tensor.numel() > MOST_DIFFERENCES or tensor.dtype != torch.float64:
        return True
    kept, along = tensor.detach().clone(), torch.linspace(-1, 1, tensor.numel(), dtype=torch.float64).cos()
    direction = along.reshape(kept.shape)
    with torch.no_grad():
        sides = []
        for step in (STEP, -STEP):
            tensor.copy_(kept + step * direction)
            sides.append(losses(native.run(x, state)))
        tensor.copy_(kept)
    for gradient, above, below in zip(found, *sides, strict=True):
        by_gradient, by_values = float((gradient[name] * direction).sum()), float(above - below) / (2 * STEP)
        if not abs(by_gradient - by_values) <= NEAR * (abs(by_gradient) + abs(by_values)) + NEAR**2:  # NaN, too
            return False
    return True


def _by_differences(native: Native, name: str, x: Tensor, state: State, losses: Losses) -> list[Tensor]:
    kept = native.tensors()[name].detach().clone()
    step = 1e-7 if kept.dtype == torch.float64 else 1e-2
    with torch.no_grad():
        columns, before = list[Tensor](), losses(native.run(x, state))
        for place in itertools.product(*map(range, kept.shape)):
            native.tensors()[name][place] = kept[place] + step
            above = losses(native.run(x, state))
            native.tensors()[name][place] = kept[place]
            slopes = [(moved - still) / step for moved, still in zip(above, before, strict=True)]
            columns = columns or [torch.zeros_like(kept) for _ in slopes]
            for column, slope in zip(columns, slopes, strict=True):
                column[place] = slope
        return columns
