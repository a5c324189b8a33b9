"""A fault: a network with one error in it, and the conditions under which the error changes the result."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, NamedTuple, TypeVar

from torch import Tensor

from rnncheck.faults.scene import Scene
from rnncheck.model.spec import Spec
from rnncheck.model.trace import Trace
from rnncheck.scratch.network import Network

ShowsIn = Literal["states", "gradients", "calls", "paths"]
SAME = 1e-12  # relative to the largest value: what another order of the same sums may differ by in float64


def shows(network: Network, scene: Scene, where: ShowsIn) -> bool:
    match where:
        case "states":
            return not same(scene.run(network), scene.right)
        case "gradients":
            right = scene.right_gradients
            return not all(near(found, right[name]) for name, found in scene.gradients(network).items())
        case "calls":
            return not repeats(network, scene)
        case "paths":
            return True  # in scenes of the path's own


def repeats(network: Network, scene: Scene) -> bool:
    """Whether two calls on the same tensors both give the correct result and leave the tensors unchanged."""
    own = scene.copied()
    twice = [own.run(network), own.run(network)]
    return all(same(each, scene.right) for each in twice) and near(own.x, scene.x) and near(own.state.h, scene.state.h)


def same(a: Trace, b: Trace) -> bool:
    """Whether two traces hold the same numbers, except for rounding by another order of the sums."""
    pairs = ((a.output, b.output), (a.final.h, b.final.h), (a.final.c, b.final.c), (a.y, b.y))
    return all(near(one, other) for one, other in pairs)


def near(a: Tensor | None, b: Tensor | None) -> bool:
    if a is None or b is None:
        return a is b
    if a.shape != b.shape or not a.numel():
        return a.shape == b.shape
    allowed = SAME * max(1.0, float(b.nan_to_num(0.0, 0.0, 0.0).abs().max()))
    return bool(((a == b) | ((a - b).abs() <= allowed) | (a.isnan() & b.isnan())).all())


SAME_NUMBERS: dict[ShowsIn, str] = {
    "states": "it computes the same numbers on this input",
    "gradients": "its gradients are the same numbers on this input",
    "paths": "it computes the same numbers however it is used",
    "calls": "a second call gives the same numbers on this input",
}

Faults = TypeVar("Faults", bound=Callable[[Spec], Iterator["Fault"]])
WhyHidden = Callable[[Scene], str | None]


def always(scene: Scene) -> str | None:
    """For faults without known reasons that hide them."""
    return None


@dataclass(frozen=True)
class Fault:
    """One known way to get a recurrent layer wrong.

    `slug` is its name in the catalogue and `variant` which one of its family it is: "i, f, o, g", "layer 1, reverse".
    Overrides of `mixin` call `super()`, so faults compose by inheritance. `shows_in` is what has to be looked at: the
    states of one call, the gradients, a second call of the same network, or the `path` of that name. `hidden` gives
    the known reasons for which a scene cannot show it. The diagnosis tries a `rare` one, which is a variant of another;
    the witness does not.

    A network whose fault shows in calls may write into what it is given, and remembers; so give it copies.
    """

    slug: str
    variant: str
    mixin: type[Network]
    shows_in: ShowsIn = "states"
    hidden: WhyHidden = always
    rare: bool = False
    path: str = ""
    mend: str = ""  # where it is not that of the page

    @property
    def title(self) -> str:
        return f"{self.slug} ({self.variant})" if self.variant else self.slug

    def network(self, spec: Spec) -> Network:
        """The network of `spec` with this fault in it. One for every run of a fault that shows in calls."""
        return self.mixin(spec)

    def visible_in(self, scene: Scene) -> str | None:
        """None if the fault changes the result in this scene, else the reason why it cannot, in words."""
        if reason := self.hidden(scene):
            return reason
        return None if shows(self.network(scene.spec), scene, self.shows_in) else SAME_NUMBERS[self.shows_in]


class Family(NamedTuple):
    """The faults of one kind that a layer of this spec can have. `lengths` are those of rows that end early."""

    reported: int  # how often, as a rank: people report those of the first most
    lengths: bool
    faults: Callable[[Spec], Iterator[Fault]]


FAMILIES: list[Family] = []


def family(*, reported: int, lengths: bool = False) -> Callable[[Faults], Faults]:
    """Registers a function that yields the faults of a spec."""

    def register(faults: Faults) -> Faults:
        FAMILIES.append(Family(reported, lengths, faults))
        return faults

    return register


def combined(*faults: Fault) -> type[Network]:
    """A network class with all of these faults, the first one outermost.

    Raises `ValueError` for a fault and the same one in a place: what is wrong everywhere is wrong there already.
    """
    mixins = [fault.mixin for fault in faults]
    for one, other in combinations(mixins, 2):
        if issubclass(one, other) or issubclass(other, one):
            raise ValueError(f"{' and '.join(fault.title for fault in faults)} overlap: they are not two faults")
    return type("Combined", tuple(mixins), {})
