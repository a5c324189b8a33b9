"""What a fault is: a network that gets one thing wrong, and when that can be seen."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from rnncheck.faults.scene import Scene
from rnncheck.scratch.network import Network
from rnncheck.spec import Spec
from rnncheck.trace import Trace

SAME = 1e-12  # relative to the largest value: what another order of the same sums may differ by in float64

Hidden = Callable[[Scene], str | None]


def always(scene: Scene) -> str | None:
    """Nothing is known beforehand that would hide it."""
    return None


@dataclass(frozen=True)
class Fault:
    """One known way to get a recurrent layer wrong.

    `slug` is its name in the catalogue and `variant` which one of its family it is: "i, f, o, g", "layer 1, reverse".
    Overrides of `mixin` call `super()`, so faults compose by inheritance. `shows_in` is what has to be looked at: the
    states of one call, the gradients, or a second call of the same network. `in_one_step`: a single step from given
    states, none of them zero, shows it too. `hidden` gives the known reasons for which a scene cannot show it.
    """

    slug: str
    variant: str
    mixin: type[Network]
    shows_in: Literal["states", "gradients", "calls"] = "states"
    in_one_step: bool = True
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
        if self.shows_in == "states" and same(scene.run(self.network(scene.spec)), scene.right):
            return "it computes the same numbers on this input"
        return None


def combined(*faults: Fault) -> type[Network]:
    """A network class that commits all of them, the first one outermost."""
    return type("Combined", tuple(fault.mixin for fault in faults), {})


def same(a: Trace, b: Trace) -> bool:
    """Whether two traces hold the same numbers, but for the order of sums."""
    pairs = ((a.output, b.output), (a.final.h, b.final.h), (a.final.c, b.final.c), (a.y, b.y))
    return all(near(one, other) for one, other in pairs)


def near(a: Tensor | None, b: Tensor | None) -> bool:
    if a is None or b is None:
        return a is b
    if a.shape != b.shape or not a.numel():
        return a.shape == b.shape
    allowed = SAME * max(1.0, float(b.nan_to_num(0.0, 0.0, 0.0).abs().max()))
    return bool(((a == b) | ((a - b).abs() <= allowed) | (a.isnan() & b.isnan())).all())
