"""What a fault is: a network that gets one thing wrong, and when that can be seen."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

from rnncheck.faults.scene import Scene
from rnncheck.faults.showing import ShowsIn, shows
from rnncheck.scratch.network import Network
from rnncheck.spec import Spec

SAME_NUMBERS: dict[ShowsIn, str] = {
    "states": "it computes the same numbers on this input",
    "gradients": "its gradients are the same numbers on this input",
    "calls": "a second call gives the same numbers on this input",
}

Hidden = Callable[[Scene], str | None]


def always(scene: Scene) -> str | None:
    """Nothing is known beforehand that would hide it."""
    return None


@dataclass(frozen=True)
class Fault:
    """One known way to get a recurrent layer wrong.

    `slug` is its name in the catalogue and `variant` which one of its family it is: "i, f, o, g", "layer 1, reverse".
    Overrides of `mixin` call `super()`, so faults compose by inheritance. `shows_in` is what has to be looked at: the
    states of one call, the gradients, or a second call of the same network. `hidden` gives the known reasons for which
    a scene cannot show it.

    A network whose fault shows in calls may write into what it is given, and remembers; so give it copies.
    """

    slug: str
    variant: str
    mixin: type[Network]
    shows_in: ShowsIn = "states"
    hidden: Hidden = always

    @property
    def title(self) -> str:
        return f"{self.slug} ({self.variant})" if self.variant else self.slug

    def network(self, spec: Spec) -> Network:
        """The network of `spec` with this fault in it. One for every run of a fault that shows in calls."""
        return self.mixin(spec)

    def visible_in(self, scene: Scene) -> str | None:
        """None if the fault shows in this scene, else why it cannot, in words."""
        if reason := self.hidden(scene):
            return reason
        return None if shows(self.network(scene.spec), scene, self.shows_in) else SAME_NUMBERS[self.shows_in]


def combined(*faults: Fault) -> type[Network]:
    """A network class that commits all of them, the first one outermost.

    Raises `ValueError` for a fault and the same one in a place: what is wrong everywhere is wrong there already.
    """
    mixins = [fault.mixin for fault in faults]
    for one, other in combinations(mixins, 2):
        if issubclass(one, other) or issubclass(other, one):
            raise ValueError(f"{' and '.join(fault.title for fault in faults)} overlap: they are not two faults")
    return type("Combined", tuple(mixins), {})
