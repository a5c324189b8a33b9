"""The arrangements of a candidate's tensors that the measurement leaves open, the likeliest first.

Each is tried until one agrees, so the measurement only has to rank them.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from itertools import combinations, permutations

from torch import Tensor

from rnncheck.mapping import torch_names
from rnncheck.mapping.layouts import Layout, Placed, layouts
from rnncheck.mapping.named_cells import as_named
from rnncheck.model.spec import Spec

Arrangement = list[Placed]
B = ("b",)


def arrangements(tensors: Arrangement, held: Mapping[str, Tensor], spec: Spec) -> Iterator[Arrangement]:
    """As measured; with what has several possible layouts laid out as the others; in the cells that the names say; with
    interleaved rows; with the columns of biases in other places; with the directions of some layers exchanged; with
    square matrices stored the other way round; with what multiplies x and what multiplies h exchanged.
    """
    yield tensors
    alike = stored_alike(tensors, held, spec)
    if alike != tensors:
        yield alike
    for named in as_named(tensors, held, spec):
        yield stored_alike(named, held, spec)
    yield from dealt_out(tensors)
    yield from with_columns_in_order(tensors)
    if spec.bidirectional:
        sure = {
            name for name, places in torch_names.said(torch_names.kinds(held, spec), spec).items() if len(places) == 1
        }
        for count in range(1, spec.num_layers + 1):
            for layers in combinations(range(spec.num_layers), count):
                yield exchanged(tensors, layers, sure)
    turned = [other_way_round(each, held, spec) for each in tensors]
    if turned != tensors:
        yield turned
    sided = [other_side(each, held, spec) for each in tensors]
    if sided != tensors:
        yield sided
        both = [other_way_round(each, held, spec) for each in sided]
        if both != sided:
            yield both


def dealt_out(tensors: Arrangement) -> list[Arrangement]:
    """The same tensors, with interleaved rows for those of several gates, if there are any."""
    fused = {each.name for each in tensors if each.layout.count > 1 and not each.layout.stacked and not each.pinned}
    dealt = [replace(each, layout=replace(each.layout, interleaved=each.name in fused)) for each in tensors]
    return [dealt] if fused else []


def stored_alike(tensors: Arrangement, held: Mapping[str, Tensor], spec: Spec) -> Arrangement:
    """Square matrices stored as the others, and what multiplies [x; h] in upper layers in the order of the first layer:
    there the widths of x and h differ.
    """

    def possible(each: Placed) -> list[Layout]:
        return [other for other in layouts(held[each.name].shape, spec, each.k // spec.directions) if other.kinds != B]

    each_way = [{other.transposed for other in possible(each)} for each in tensors]
    turned = {next(iter(ways)) for ways in each_way if len(ways) == 1}
    sides = {each.layout.kinds for each in tensors if each.k < spec.directions and len(each.layout.kinds) > 1}
    if len(turned) > 1 or len(sides) > 1:
        return tensors

    def alike(each: Placed) -> Placed:
        layout = each.layout
        if each.pinned or layout.kinds == B:
            return each
        kinds = next(iter(sides)) if sides and len(layout.kinds) > 1 else layout.kinds
        wanted = in_order(replace(layout, transposed=next(iter(turned), layout.transposed)), kinds)
        return replace(each, layout=wanted) if wanted in possible(each) else each

    return [alike(each) for each in tensors]


def in_order(layout: Layout, kinds: tuple[str, ...]) -> Layout:
    """The layout with its columns in this order, if they are of these kinds."""
    widths = dict(zip(layout.kinds, layout.widths, strict=True))
    if widths.keys() != set(kinds):
        return layout
    return replace(layout, kinds=kinds, widths=tuple(widths[kind] for kind in kinds))


def with_columns_in_order(tensors: Arrangement) -> Iterator[Arrangement]:
    """With the column of a bias in every other place, which a measurement cannot tell from an input of one feature."""
    held = {
        each.layout.kinds for each in tensors if not each.pinned and each.layout.kinds not in (B, each.layout.reads)
    }
    for of in held:
        for kinds in permutations(of):
            if kinds != of:
                yield [
                    replace(each, layout=in_order(each.layout, kinds)) if each.layout.kinds == of else each
                    for each in tensors
                ]


def exchanged(tensors: Arrangement, layers: tuple[int, ...], sure: Collection[str]) -> Arrangement:
    """The directions of these layers exchanged, except for tensors whose place torch's names give."""
    moved = {each.name for each in tensors if each.k // 2 in layers} - set(sure)
    return [replace(each, k=each.k ^ 1) if each.name in moved else each for each in tensors]


def other_way_round(each: Placed, held: Mapping[str, Tensor], spec: Spec) -> Placed:
    """The tensor with the other storage, transposed or not, if its shape allows both."""
    if each.pinned or each.layout.kinds == B:
        return each
    other = replace(each.layout, transposed=not each.layout.transposed)
    return replace(each, layout=other) if fits(each, other, held, spec) else each


def other_side(each: Placed, held: Mapping[str, Tensor], spec: Spec) -> Placed:
    """The tensor for h instead of x, or the reverse, if its shape allows both."""
    if each.pinned or "b" in each.layout.kinds or "p" in each.layout.kinds:
        return each
    kinds = {("x",): ("h",), ("h",): ("x",), ("x", "h"): ("h", "x"), ("h", "x"): ("x", "h")}[each.layout.kinds]
    widths = each.layout.widths[::-1]
    other = replace(each.layout, kinds=kinds, widths=widths)
    return replace(each, layout=other) if fits(each, other, held, spec) else each


def fits(each: Placed, layout: Layout, held: Mapping[str, Tensor], spec: Spec) -> bool:
    """Whether a tensor of this shape can have this layout in its layer."""
    return layout in layouts(held[each.name].shape, spec, each.k // spec.directions)
