"""The result of one probe for a candidate's tensors: their gradients and the states that depend on them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from rnncheck.mapping.gradients import Gradients
from rnncheck.mapping.native import Native
from rnncheck.mapping.other_tensors import OtherTensors
from rnncheck.mapping.probe import GradientProbe, put, read, scattered
from rnncheck.model.spec import Spec

_UNREACHED = 1.0
_SAME = 1e-3  # how far a number may be from itself, as a gradient in float32 shows it
_FLAT = 1e-2  # what a matrix has beyond its rank, relative to the largest


@dataclass
class GradientEvidence:
    """`reached` are the places whose states depend on a tensor, and `multiplied` is the input that the weights of a
    place multiply. `given` are all the numbers that they may multiply in a single step: x, the state and one. `deltas`
    spans, for each weight placed so far, what reaches it over the steps of the probe.
    """

    spec: Spec
    steps: int
    total: Gradients
    reached: dict[str, set[int]]
    visible: set[int]
    multiplied: Mapping[tuple[str, int], Tensor]
    given: Tensor
    deltas: dict[int, list[Tensor]] = field(default_factory=dict)

    def learn(self, k: int, kind: str, part: Tensor) -> None:
        """Stores the left factor of the gradient of a block; other blocks of the gate in the same place share it."""
        delta = factor(part, self.rank(kind, k))
        if delta is not None:
            self.deltas.setdefault(k, []).append(delta)

    def rank(self, kind: str, k: int) -> int:
        """Of the gradient of a weight: at how many steps it meets anything but zeros. Of two steps without an initial
        state, what multiplies x meets the first alone, what multiplies h the second, and a layer above meets both.
        """
        if kind == "x":
            return self.steps if k >= self.spec.directions else 1
        return max(1, self.steps - 1)

    def rearranged(self, block: Tensor) -> bool:
        """Whether what a gradient of one step shows to be multiplied are numbers of `given`, in any order."""
        _, sizes, right = torch.linalg.svd(block.cpu().double(), full_matrices=False)
        if not len(self.given) or bool((sizes[1:] > _FLAT * sizes[0]).any()):
            return False
        row = right[0]
        scales = self.given / row[row.abs().argmax()]
        apart = (scales[:, None, None] * row[:, None] - self.given).abs().amin(-1)
        return bool((apart < _SAME).all(-1)[self.given != 0].any())

    def known(self, delta: Tensor, k: int) -> bool:
        """Whether another weight of the place has the same left factor."""
        return any(parallel(delta[:, 0], each[:, 0]) for each in self.deltas.get(k, []) if each.shape == delta.shape)

    def adds(self, block: Tensor, k: int) -> bool:
        """Whether the gradient of a bias is the left factor of weights of the place, summed over the steps."""
        deltas = [each for each in self.deltas.get(k, []) if len(each) == len(block)]
        if self.steps == 1:
            return any(parallel(block, each[:, 0]) for each in deltas)
        pairs = (torch.cat([a, b], 1) for n, a in enumerate(deltas) for b in deltas[n:])
        return any(spans(pair, block) for pair in pairs)

    def unreached(self, name: str, k: int) -> float:
        """The cost of a place: a weight must change its own layer and direction, and no layer below."""
        reached, directions = self.reached[name], self.spec.directions
        own_layer = k // directions
        stray = [each for each in reached if each // directions <= own_layer and each != k]
        lower = [each for each in range(own_layer * directions) if each in stray]
        return _UNREACHED * (k in self.visible - reached) + 0.6 * bool(stray) + 0.2 * bool(lower)


def evidence(native: Native, probe: GradientProbe, others: OtherTensors) -> GradientEvidence:
    draw = torch.Generator().manual_seed(3)
    drawn = {name: scattered(tensor.shape, draw) for name, tensor in native.tensors().items()}
    put(native, drawn | {name: others.resting(name) for name in others.fixed})
    multiplied = {where: value.double() for where, value in read(native, probe).items()}
    found = probe.gradients(native)
    total = {name: sum((each[name] for _, each in found[1:]), found[0][1][name]) for name in native.tensors()}
    noise = 1e-7 if probe.x.dtype == torch.float64 else 1e-5
    floor = noise * max(float(each.abs().max()) for each in total.values() if each.numel())
    reached = {
        name: {k for k, each in found if each[name].numel() and float(each[name].abs().max()) > floor} for name in total
    }
    given = [probe.x[0, 0], *(each[:, 0].flatten() for each in probe.state.tensors()), torch.ones(1)]
    single = torch.cat([each.cpu().double() for each in given]) if probe.takes_state else torch.empty(0)
    return GradientEvidence(probe.spec, len(probe.x), total, reached, {k for k, _ in found}, multiplied, single)


def parallel(a: Tensor, b: Tensor) -> bool:
    norms = float(a.norm() * b.norm())
    return a.shape == b.shape and norms > 0 and abs(float(a @ b)) > (1 - _FLAT) * norms


def spans(basis: Tensor, vector: Tensor) -> bool:
    """Whether the vector is a linear combination of the columns; False if they span the whole space."""
    left, sizes, _ = torch.linalg.svd(basis, full_matrices=False)
    left = left[:, sizes > _FLAT * sizes[0]]
    vector = vector.double()
    rest = vector - left @ (left.t() @ vector)
    told = bool(vector.any()) and left.shape[1] < len(vector)
    return told and float(rest.norm()) < _FLAT * float(vector.norm())


def factor(part: Tensor, rank: int) -> Tensor | None:
    """The left factor of a matrix of this rank or less, as orthogonal columns; None for any other."""
    left, sizes, _ = torch.linalg.svd(part.double(), full_matrices=False)
    columns = int((sizes > _FLAT * sizes[0]).sum())
    return left[:, :columns] if 0 < columns <= rank else None
