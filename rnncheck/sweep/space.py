"""What varies: the axes of a sweep, the values of each, and what `--vary` and `--fix` say of them."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from rnncheck.errors import UsageError
from rnncheck.model.spec import Cell, Dtype
from rnncheck.sweep.configuration import Configuration
from rnncheck.text import nearest, printable

T = TypeVar("T")

EDGES = (8, 16, 32, 64, 128, 256)  # sizes at which tiles and vectors usually end
SIZES = (1, 2, 3, 4, 5, *(size + off for size in EDGES for off in (-1, 0, 1)))
STEPS = (*SIZES, 511, 512, 513, 1000, 1024, 1025, 2000)


@dataclass(frozen=True)
class Axis:
    """One option that varies; its values as a sweep draws them, the simplest first.

    `data`: of the data alone, so that it varies while the layer stays the same. `between` says that any whole number
    up to the largest may be drawn too.
    """

    name: str
    values: tuple[Any, ...]
    data: bool = False
    between: bool = False

    @property
    def is_size(self) -> bool:
        return self.name in SIZE_NAMES

    @property
    def option(self) -> str:
        return self.name.replace("_", "-")


LARGE = ("seq_len", "batch_size", "hidden_size")  # what allows more options the larger it is
SIZE_NAMES = ("num_layers", "hidden_size", "input_size", "proj_size", "seq_len", "batch_size")
SEED = "seed"

# In the order in which a configuration is made simpler: options before sizes, and the sizes that cost most first.
AXES = (
    Axis("cell", tuple(Cell)),
    Axis("nonlinearity", ("tanh", "relu")),
    Axis("bidirectional", (False, True)),
    Axis("batch_first", (False, True)),
    Axis("lengths", ("none", "falling", "mixed"), data=True),
    Axis("bias", (True, False)),
    Axis("dtype", (Dtype.FLOAT32, Dtype.FLOAT64, Dtype.BFLOAT16, Dtype.FLOAT16)),
    Axis("device", ("cpu",)),
    Axis("init", ("normal", "uniform"), data=True),
    Axis("h0", ("zeros", "random"), data=True),
    Axis("weight_scale", (1.0, 0.5, 2.0)),
    Axis("proj_size", (0, 1, 2, 3, 4, 7, 8, 9, 16, 32), between=True),
    Axis("num_layers", (1, 2, 3, 4)),
    Axis("seq_len", STEPS, data=True, between=True),
    Axis("batch_size", SIZES, data=True, between=True),
    Axis("hidden_size", SIZES, between=True),
    Axis("input_size", SIZES, between=True),
    Axis(SEED, (0,)),
)
BY_NAME = {each.name: each for each in AXES}
ALIASES = {"T": "seq_len", "B": "batch_size", "I": "input_size", "H": "hidden_size", "L": "num_layers"}

# How often each value of an option is drawn.
OFTEN: Mapping[str, Sequence[float]] = {
    "bidirectional": (3, 1),
    "batch_first": (3, 1),
    "lengths": (6, 1, 1),
    "bias": (4, 1),
    "dtype": (10, 8, 1, 1),
    "weight_scale": (20, 1, 1),
    "num_layers": (8, 4, 2, 1),
    "nonlinearity": (3, 1),
}


@dataclass(frozen=True)
class Space:
    """The axes that vary, and a configuration that holds the values of the others.

    Where the seed is among them there is no end of configurations; otherwise there are as many as the values give.
    """

    varying: tuple[Axis, ...] = AXES
    base: Configuration = field(default_factory=Configuration)
    asked: frozenset[str] = frozenset()  # names of what was given values, which nothing else decides

    @property
    def endless(self) -> bool:
        return any(each.name == SEED for each in self.varying)

    @property
    def combinations(self) -> int:
        """Of values, possible or not."""
        return math.prod(len(each.values) for each in self.varying)

    def axes(self, *, data: bool) -> list[Axis]:
        return [each for each in self.varying if each.data is data and each.name != SEED]

    def holding(self, name: str, value: object) -> "Space":
        """The same with one axis at one value."""
        varying = tuple(each for each in self.varying if each.name != name)
        return replace(self, varying=varying, base=self.base.having(**{name: value}))

    def varies(self, name: str) -> bool:
        return any(each.name == name for each in self.varying)

    def with_values(self, axis: Axis, values: tuple[Any, ...]) -> "Space":
        """The same with fewer values of an axis; with a single one it does not vary, with none it is as it was."""
        if len(values) == 1:
            return self.holding(axis.name, values[0])
        if not values:
            return self
        return replace(
            self, varying=tuple(replace(each, values=values) if each is axis else each for each in self.varying)
        )

    def to_dict(self) -> dict[str, object]:
        """As a state file holds it."""
        return {
            "varying": {each.name: list(each.values) for each in self.varying},
            "fixed": {each.name: getattr(self.base, each.name) for each in AXES if each not in self.varying},
        }


def space_of(vary: Sequence[str], fix: Sequence[str]) -> Space:
    """What `--vary` and `--fix` ask for. Raises `UsageError` for what is no option of a model or of random data."""
    asked = once("--vary", [pair for each in vary for pair in varied(each)])
    fixed = once("--fix", [settled(each) for each in fix])
    if both := sorted(asked.keys() & fixed.keys()):
        raise UsageError(f"{BY_NAME[both[0]].option} is in --vary and in --fix; leave one of them out")
    varying = tuple(asked.values()) if asked else tuple(each for each in AXES if each.name not in fixed)
    varying = tuple(sorted(varying, key=lambda each: [axis.name for axis in AXES].index(each.name)))
    given = {name for name, each in asked.items() if each is not BY_NAME[name]}
    space = Space(varying, Configuration().having(**fixed), frozenset(fixed.keys() | given))
    for name in NEEDS:
        axis = next((each for each in varying if each.name == name), None)
        values = (getattr(space.base, name),) if axis is None else axis.values if name in given else ()
        if never := [each for each in values if not reachable(space, name, each)]:
            raise UsageError(f"no configuration can have {BY_NAME[name].option} {never[0]}: {NEEDS[name]}")
    return space


def once(option: str, pairs: Sequence[tuple[str, T]]) -> dict[str, T]:
    """The pairs by name. Raises `UsageError` for a name that is there twice."""
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            word = BY_NAME[name].option
            raise UsageError(
                f"{word} is in {option} twice; give all its values at once, as in --vary {word}=VALUE,VALUE"
            )
    return dict(pairs)


def simplest(axis: Axis) -> Any:
    """The value that a sweep would try first."""
    usual = BY_NAME[axis.name].values
    return min(axis.values, key=lambda each: usual.index(each) if each in usual else len(usual))


NEEDS = {
    "cell": "only the rnn has a nonlinearity, and only the lstm a projection",
    "nonlinearity": "only the rnn has one of its own",
    "lengths": "rows differ in length only where T and B are above 1",
    "proj_size": "only the lstm has a projection, and proj-size must be below H",
}


def reachable(space: Space, name: str, value: object) -> bool:
    """Whether a configuration of the space has it: the largest of each cell, with the simplest options besides."""
    ends = {each.name: each.values[-1] if each.name in LARGE else simplest(each) for each in space.varying}
    cells = next((each.values for each in space.varying if each.name == "cell"), (space.base.cell,))
    return any(space.base.having(**(ends | {"cell": cell, name: value})).possible for cell in cells)


def varied(text: str) -> Iterator[tuple[str, Axis]]:
    """The axes of `hidden-size=1..300,cell`: a word behind a comma is a value, or the name of the next axis."""
    name, words = "", list[str]()
    for word in [*text.split(","), "="]:
        following, equals, value = word.partition("=")
        if equals or known(following) is not None:
            if name:
                yield name, axis_of(name, words)
            if word == "=":
                return
            name, words = named(following, "--vary"), [value] if equals else []
        elif not name:
            raise UsageError(f"--vary {printable(text, 100)}: {unknown(following)}")
        else:
            words.append(word)


def settled(text: str) -> tuple[str, object]:
    """The one value of `NAME=VALUE`."""
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--fix is {printable(text, 100)}; it must be NAME=VALUE, as in --fix hidden-size=8")
    name = named(name, "--fix")
    values = list(values_of(name, value))
    if len(values) != 1:
        raise UsageError(f"--fix {printable(text, 100)} has several values; use --vary for several values")
    return name, values[0]


def known(name: str) -> str | None:
    name = name.strip()
    name = ALIASES.get(name, name.lstrip("-").replace("-", "_"))
    return name if name in BY_NAME else None


def named(name: str, option: str) -> str:
    """The axis of that name. Raises `UsageError` where there is none."""
    found = known(name)
    if found is None:
        raise UsageError(f"{option}: {unknown(name)}")
    return found


def unknown(name: str) -> str:
    names = [each.option for each in AXES]
    near = nearest(name, names)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"{printable(name, 60) or 'nothing'} is not one of {', '.join(names)}{hint}"


def axis_of(name: str, words: Sequence[str]) -> Axis:
    """The axis with the values that were asked for, or with all that a sweep tries."""
    usual = BY_NAME[name]
    if not words:
        return usual
    values = tuple(dict.fromkeys(value for word in words for value in values_of(name, word)))
    if name in SIZE_NAMES or name in (SEED, "weight_scale"):
        values = tuple(sorted(values))
    return replace(usual, values=values, between=False)


RANGE = re.compile(r"(\d+)\.\.(\d+)")
LEAST = {"proj_size": 0, SEED: 0}
YES = {"yes": True, "true": True, "no": False, "false": False}
MOST_VALUES = 1_000_000  # values of one range


def values_of(name: str, word: str) -> Iterator[Any]:
    """The values of a word: a number, a range `1..300`, yes or no, or one of the words of an option."""
    word, option = word.strip(), BY_NAME[name].option
    if name in SIZE_NAMES or name == SEED:
        found = RANGE.fullmatch(word)
        first, last = map(int, found.groups()) if found else (int(word), int(word)) if word.isdecimal() else (1, 0)
        least = LEAST.get(name, 1)
        if not least <= first <= last or last - first >= MOST_VALUES:
            raise UsageError(
                f"{option} is {printable(word, 60)!r}; it must be a whole number from {least} or a range such as 1..300"
            )
        yield from range(first, last + 1)
    elif name == "weight_scale":
        try:
            scale = float(word)
        except ValueError:
            scale = math.nan
        if not math.isfinite(scale):
            raise UsageError(f"weight-scale is {printable(word, 60)!r}; it must be a finite number")
        yield scale
    elif name == "device":
        if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", word):
            raise UsageError(f"device is {printable(word, 60)!r}; it must be cpu, cuda, cuda:N (N from 0) or mps")
        yield word
    else:
        usual = BY_NAME[name].values
        allowed = YES if isinstance(usual[0], bool) else {str(each): each for each in usual}
        if word.lower() not in allowed:
            raise UsageError(f"{option} is {printable(word, 60)!r}; it must be one of {', '.join(allowed)}")
        yield allowed[word.lower()]
