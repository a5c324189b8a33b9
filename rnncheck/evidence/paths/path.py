"""The path, and the register of all paths."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module

from torch import Tensor

from rnncheck.evidence.paths import SLUGS
from rnncheck.evidence.paths.scene import PathScene, PathSetting, User

Values = Mapping[str, Tensor]  # by quantity, (n, B, W) each


@dataclass(frozen=True)
class Leg:
    """One part of a path, that one side and then the other goes.

    `what` says how the layer is used, as the end of "the layer, ...": "called without a state". `go` yields what is to
    be the same on both sides, within what is allowed in `scene`; quantities that the scene does not know must be zero
    but for the last places of numbers of about 1. `fault` is the slug of what is wrong with a layer that differs here.
    Where it `must_run`, an error raised by the candidate alone is that fault too; elsewhere it is not offered. What
    differs here may follow `from_others`, faults that were found before: then it is not told.
    """

    what: str
    go: Callable[[User], Values]
    scene: PathScene
    fault: str
    must_run: bool = False
    from_others: tuple[str, ...] = ()


Legs = Callable[[PathSetting], Iterator[Leg]]


@dataclass(frozen=True)
class Path:
    """A way to use a layer. `by_default` says whether it runs without --paths, `follows` that what is wrong there is
    told only where nothing is on the other paths: it may follow from that.

    A difference on a path that is `noted` is no mismatch; the verdict says this of it.
    """

    slug: str
    title: str
    legs: Legs
    by_default: bool = True
    follows: bool = False
    noted: str = ""


PATHS: dict[str, Path] = {}


def path(
    slug: str, title: str, *, by_default: bool = True, follows: bool = False, noted: str = ""
) -> Callable[[Legs], Legs]:
    """Registers a function that yields the legs of a path. `title` completes "the layer is used ..."."""

    def register(legs: Legs) -> Legs:
        PATHS[slug] = Path(slug, title, legs, by_default, follows, noted)
        return legs

    return register


def every() -> list[Path]:
    """All paths, sorted by name."""
    for slug in SLUGS:
        import_module(f"rnncheck.evidence.paths.{slug.replace('-', '_')}")
    return [PATHS[slug] for slug in SLUGS]


def chosen(text: str) -> list[Path]:
    """The paths that `--paths text` asks for. `checked` must have accepted `text`. None is `noted` that is asked for by
    name or with all others.
    """
    names = {name.strip() for name in text.split(",")} - {"none"}
    named = [replace(each, noted="") for each in every() if each.slug in names or "all" in names]
    others = {each.slug for each in named}
    return named + [each for each in every() if "default" in names and each.by_default and each.slug not in others]
