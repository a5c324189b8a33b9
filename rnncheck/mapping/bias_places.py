"""The layer and direction of each bias of a candidate."""

from collections.abc import Collection, Mapping

from rnncheck.mapping import names, torch_names
from rnncheck.mapping.evidence import GradientEvidence
from rnncheck.mapping.layouts import Layout, Placed, layouts
from rnncheck.mapping.native import Native
from rnncheck.mapping.probe import GradientProbe

_NAME, _STRANGE = 0.05, 0.1


def biases(
    native: Native,
    probe: GradientProbe,
    shown: GradientEvidence,
    weights: Mapping[str, Placed],
    fixed: Collection[str],
    places: Collection[int],
) -> list[Placed]:
    """Biases have nothing to multiply: they go where their delta is that of a weight, or beside the weight that shares
    most of their name."""
    modules = {names.family(each.name) for each in weights.values()} - {""}
    torch_s = torch_names.kinds(native.tensors(), probe.spec)
    said = torch_names.said(torch_s, probe.spec)
    found = []
    for name, tensor in native.tensors().items():
        if name in weights or name in fixed:
            continue
        live, pinned, module = bool(shown.reached[name]), torch_s.get(name), names.family(name)
        alone = not module and names.is_bias(name) and not names.is_head(name)
        alone = alone and not _switched_off(name, native.tensors(), shown, weights)
        if not live and module not in modules and not pinned and not alone:
            continue
        beside = _beside(name, weights)
        options = []
        for k in said.get(name, places):
            for layout in layouts(tensor.shape, probe.spec, k // probe.spec.directions):
                if layout.kinds == ("b",):
                    strange = _strange(name, layout, k, shown) if live else 0.0
                    cost = _STRANGE * strange + (shown.unreached(name, k) if live else 0.0)
                    cost += _NAME * (beside is not None and beside != k)
                    options.append((cost, k, Placed(name, layout, k, live, pinned, adds=not strange)))
        if options:
            found.append(min(options, key=lambda option: option[:2])[2])
    return found


def _switched_off(name: str, tensors: Collection[str], shown: GradientEvidence, weights: Collection[str]) -> bool:
    """Whether its module, such as a norm, is reached by nothing: it has other tensors than biases, and no weight."""
    owner = name.rpartition(".")[0] + "."
    beside = [each for each in tensors if each.startswith(owner)]
    if owner == "." or any(shown.reached[each] or each in weights for each in beside):
        return False
    return not all(names.is_bias(each) for each in beside)


def _beside(name: str, weights: Mapping[str, Placed]) -> int | None:
    """The place of the weights with the most similar names."""
    for n, shared in enumerate(names.shared(name)):
        there = {each.k for each in weights.values() if shared and names.shared(each.name)[n] == shared}
        if len(there) == 1:
            return there.pop()
    return None


def _strange(name: str, layout: Layout, k: int, shown: GradientEvidence) -> float:
    """The share of its blocks whose gradient points another way than that of every weight of the place; a single number
    points nowhere, so that no more speaks for it than its name."""
    if layout.scalar:
        return float(not names.is_bias(name))
    blocks = [block["b"] for block in layout.blocks(shown.total[name])]
    return sum(not shown.adds(block, k) for block in blocks) / len(blocks)
