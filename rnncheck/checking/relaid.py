"""How weights became others on their way into a file or a layer: gates in another order, a matrix that was not
transposed, a bias left out.
"""

import itertools
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from rnncheck.model.spec import Cell, Spec
from rnncheck.report import Finding
from rnncheck.text import in_words

Tensors = Mapping[str, Tensor]
WHOLE = 1.0


class Way(NamedTuple):
    """What became of a weight: the slug of the fault, in words, and its values."""

    slug: str
    said: str
    value: Tensor


def relaid(mine: Tensors, theirs: Tensors, spec: Spec, name: str) -> list[Finding]:
    """A finding for each way in which tensors of `mine` became others than `theirs`, both at the dtype of the run; none
    if there is a tensor that differs in no known way. `name` is whose tensors they are.
    """
    by_way: dict[tuple[str, str], list[str]] = {}
    for tensor in differing(mine, theirs, spec):
        way = next((each for each in ways(tensor, theirs, spec) if torch.equal(each.value, mine[tensor])), None)
        if way is None:
            return []
        by_way.setdefault((way.slug, way.said), []).append(tensor)
    alone = len(by_way) == 1 and len(*by_way.values()) < len(theirs)
    others = "; all other weights are equal" if alone else ""
    return [
        Finding(slug, f"{in_words(tensors)} of {name}: {said}{others}", WHOLE)
        for (slug, said), tensors in by_way.items()
    ]


def differing(mine: Tensors, theirs: Tensors, spec: Spec) -> list[str]:
    """The tensors that differ. Of two biases that only meet in a sum, it is the sum that counts."""
    found = [name for name in theirs if name in mine and not alike(mine[name], theirs[name])]
    for name in [each for each in found if each.startswith("bias_ih")]:
        other = name.replace("_ih", "_hh")
        if other not in found:
            continue
        apart = (mine[name] + mine[other] - theirs[name] - theirs[other]).abs()
        size = theirs[name].abs() + theirs[other].abs() + mine[name].abs() + mine[other].abs()
        summed = apart <= torch.finfo(apart.dtype).eps * size
        if spec.cell is Cell.GRU:  # r multiplies the recurrent bias of n alone
            new = slice(2 * spec.hidden_size, None)
            summed[new] = (mine[name] == theirs[name])[new] & (mine[other] == theirs[other])[new]
        if bool(summed.all()):
            found = [each for each in found if each not in (name, other)]
    return found


def alike(mine: Tensor, theirs: Tensor) -> bool:
    return bool(((mine == theirs) | (mine.isnan() & theirs.isnan())).all())


def ways(name: str, theirs: Tensors, spec: Spec) -> Iterator[Way]:
    """What may have become of a weight, the likeliest first."""
    right, letters = theirs[name], spec.cell.letters
    bias = name.startswith("bias")
    if name.startswith(("weight_ih", "weight_hh", "bias")) and len(letters) > 1:
        yield from reordered(right, letters)
    if not bias:
        yield from turned(name, right, len(letters))
    if bias:
        side = "input" if "_ih" in name else "recurrent"
        yield Way(f"missing-{side}-bias", "it is zero, where a bias was", torch.zeros_like(right))
        other = theirs[name.replace("_ih", "_hh") if "_ih" in name else name.replace("_hh", "_ih")]
        yield Way("bias-counted-twice", "it holds the sum of both biases", right + other)
    for other_name, other in theirs.items():
        if other_name != name and other.shape == right.shape:
            slug = "directions-swapped" if other_name == exchanged(name) else "weights-differ"
            yield Way(slug, f"it holds the values of {other_name}", other)
    for dtype in (torch.float16, torch.bfloat16):
        said = f"it was rounded to {str(dtype).removeprefix('torch.')}"
        yield Way("low-precision-compute", said, right.to(dtype).to(right.dtype))
    if "z" in letters and not name.startswith("weight_hr"):
        blocks = [-each if letter == "z" else each for letter, each in zip(letters, right.chunk(3), strict=True)]
        yield Way("gru-update-inverted", "the rows of gate z have the opposite sign", torch.cat(blocks))


def reordered(right: Tensor, letters: str) -> Iterator[Way]:
    blocks, meant = right.chunk(len(letters)), ", ".join(letters)
    for order in itertools.permutations(range(len(letters))):
        said = ", ".join(letters[each] for each in order)
        if said != meant:
            there = torch.cat([blocks[each] for each in order])
            yield Way("gate-order", f"the gates are in the order {said} instead of {meant}", there)


def turned(name: str, right: Tensor, gates: int) -> Iterator[Way]:
    """A matrix that is transposed, whole or in each gate, or whose numbers were only given another shape."""
    slug = "input-weight-transposed" if "_ih" in name else "recurrent-weight-transposed"
    blocks = right.chunk(gates)
    if blocks[0].shape[0] == blocks[0].shape[1]:
        each_gate = "the block of each gate is transposed" if gates > 1 else "it is transposed"
        yield Way(slug, each_gate, torch.cat([each.t() for each in blocks]))
    if 1 not in right.shape:
        yield Way(slug, "it was reshaped where it had to be transposed", right.t().reshape(right.shape))


def exchanged(name: str) -> str:
    """The tensor of the other direction."""
    return name.removesuffix("_reverse") if name.endswith("_reverse") else f"{name}_reverse"
