"""Where a failure begins and ends: one axis after another is varied around the smallest failing configuration.

What fails and what passes is put into words by the simplest rule that fits all that was tried.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from rnncheck.model.spec import Dtype
from rnncheck.sweep.configuration import Configuration
from rnncheck.sweep.shrink import Fails
from rnncheck.sweep.space import EDGES, SEED, SIZE_NAMES, Axis, Space

MODULI = (2, 3, 4, 5, 8, 10, 16, 32, 64, 128)
BEYOND = 18  # values next to the smallest that are all tried
MOST_WORK = 30_000_000  # of one trial
COARSE = (Dtype.BFLOAT16, Dtype.FLOAT16)  # in which a failure may be no larger than rounding
IN_WORDS = {"seq_len": "T"}
SWITCHES = {
    ("bias", False): "without bias",
    ("bias", True): "with bias",
    ("bidirectional", True): "bidirectional",
    ("bidirectional", False): "one direction",
    ("batch_first", True): "with batch_first",
    ("batch_first", False): "without batch_first",
    ("lengths", "none"): "without lengths",
}


@dataclass(frozen=True)
class Condition:
    """A rule that what fails obeys: of one axis, or of two sizes together."""

    axes: tuple[str, ...]
    words: str
    test: Callable[..., bool]

    @property
    def of_sizes(self) -> bool:
        return all(name in SIZE_NAMES for name in self.axes)

    def holds(self, configuration: Configuration) -> bool:
        return self.test(*(getattr(configuration, name) for name in self.axes))


def conditions(found: Configuration, space: Space, fails: Fails) -> list[Condition]:
    """The rules around the smallest failing configuration; none where it fails whatever the values."""
    rules = []
    for axis in space.varying:
        if axis.name != SEED and (rule := condition(found, axis, fails)) is not None:
            rules.append(rule)
    return joint(found, space, rules, fails)


def condition(found: Configuration, axis: Axis, fails: Fails) -> Condition | None:
    """The rule of one axis, the others as they are."""
    tried = {}
    for value in trials(axis, getattr(found, axis.name)):
        fail = tried_with(found, fails, {axis.name: value})
        if fail or (fail is False and value not in COARSE):
            tried[value] = fail
    if all(tried.values()):
        return None
    failing = [value for value, fail in tried.items() if fail]
    if not axis.is_size:
        return Condition((axis.name,), chosen(axis.name, failing), lambda value: value in failing)
    return next(
        rule
        for rule in size_rules(axis.name, failing)
        if all(rule.test(value) is fail for value, fail in tried.items())
    )


def trials(axis: Axis, value: Any) -> list[Any]:
    """The values to try: of a size those around it and around the usual edges, if it may have them."""
    if not axis.is_size:
        return list(axis.values)
    if not axis.between:
        near = [each for each in axis.values if abs(each - value) <= BEYOND]
        return near + [each for each in axis.values[:: max(1, len(axis.values) // 20)] if each not in near]
    largest = axis.values[-1]
    edges = [edge + off for edge in EDGES for off in (-1, 0, 1)]
    values = {
        axis.values[0],
        *range(max(axis.values[0], value - 3), value + BEYOND),
        *edges,
        value + value // 2,  # between two multiples
        2 * value,
        3 * value,
        largest,
    }
    return sorted(each for each in values if axis.values[0] <= each <= largest)


def chosen(name: str, values: Sequence[Any]) -> str:
    """The values of an option in words."""
    if len(values) == 1 and (name, values[0]) in SWITCHES:
        return SWITCHES[name, values[0]]
    return f"{name} {' or '.join(str(each) for each in values)}"


def size_rules(name: str, failing: Sequence[int]) -> Iterator[Condition]:
    """Rules that a size may follow, the simplest first; the last fits whatever was tried."""
    word = IN_WORDS.get(name, name)
    low, high = min(failing), max(failing)

    def rule(words: str, test: Callable[[int], bool]) -> Condition:
        return Condition((name,), f"{word} {words}", test)

    yield rule(from_on(low), lambda value: value >= low)
    yield rule(f"up to {high}" if high > 1 else "1", lambda value: value <= high)
    yield rule(f"{low}", lambda value: value == low)
    for modulus in MODULI:
        multiple = "even" if modulus == 2 else f"a multiple of {modulus}"
        other = "odd" if modulus == 2 else f"not a multiple of {modulus}"
        for start in (0, low):
            where = f"{from_on(start)}, where it is " if start > 1 and start != modulus else "that is "
            yield rule(where + multiple, lambda value, m=modulus, s=start: value >= s and value % m == 0)  # type: ignore[misc]
            yield rule(where + other, lambda value, m=modulus, s=start: value >= s and value % m != 0)  # type: ignore[misc]
    yield rule(f"from {low} to {high}", lambda value: low <= value <= high)
    for modulus in MODULI[1:]:
        rest = low % modulus
        yield rule(
            f"{from_on(low)}, where it is {rest} more than a multiple of {modulus}",
            lambda value, m=modulus, r=rest: value >= low and value % m == r,  # type: ignore[misc]
        )
    others = frozenset(failing)
    shown = ", ".join(map(str, failing[:8])) + (" and others" if len(failing) > 8 else "")
    yield rule(f"{shown} of those tried", lambda value: value in others)


def from_on(low: int) -> str:
    """`above 64` where a tile ends there, and otherwise `from 9 on`."""
    return f"above {low - 1}" if low - 1 >= 16 and (low - 1) % 8 == 0 else f"from {low} on"


RELATIONS: tuple[tuple[str, Callable[[int, int], bool]], ...] = (
    ("{0} above {1}", lambda a, b: a > b),
    ("{0} below {1}", lambda a, b: a < b),
    ("{0} equal to {1}", lambda a, b: a == b),
    ("{0} other than {1}", lambda a, b: a != b),
)
FOLDS: tuple[tuple[str, Callable[[int, int], int]], ...] = (
    ("{0} times {1}", lambda a, b: a * b),
    ("{0} plus {1}", lambda a, b: a + b),
)


def joint(found: Configuration, space: Space, rules: list[Condition], fails: Fails) -> list[Condition]:
    """The same, where two sizes hang together one rule in the place of theirs: I above H, or T times B."""
    sizes = [each for each in space.varying if each.is_size and each.name != "proj_size"]
    alone = {each.axes[0]: each for each in rules}
    for one, other in combinations(sizes, 2):
        ruled = [each for each in (one, other) if each.name in alone]
        if not ruled or (len(ruled) == 1 and not makes_up(found, ruled[0], other if ruled[0] is one else one, fails)):
            continue
        points = {}
        for x in around(getattr(found, one.name), one):
            for y in around(getattr(found, other.name), other):
                fail = tried_with(found, fails, {one.name: x, other.name: y})
                if fail is not None:
                    points[x, y] = fail
        apart = {axis.name: alone[axis.name].test if axis.name in alone else anything for axis in (one, other)}
        if all((apart[one.name](x) and apart[other.name](y)) is fail for (x, y), fail in points.items()):
            continue
        least = sharpest(found, one, other, points, fails)
        for rule in relations(one.name, other.name, least):
            if all(rule.test(x, y) is fail for (x, y), fail in points.items()):
                return [*(each for each in rules if each.axes[0] not in rule.axes), rule]
    return rules


def sharpest(
    found: Configuration, one: Axis, other: Axis, points: Mapping[tuple[int, int], bool], fails: Fails
) -> list[tuple[int, int]]:
    """The points that fail, and of those with the other size at its least the first that does."""
    failing = [point for point, fail in points.items() if fail]
    y = other.values[0]
    passed, failed = 0, min((x * z for x, z in failing), default=0)
    if not one.between or failed > one.values[-1] or not tried_with(found, fails, {one.name: failed, other.name: y}):
        return failing
    while failed - passed > 1:
        middle = (passed + failed) // 2
        if tried_with(found, fails, {one.name: middle, other.name: y}):
            failed = middle
        else:
            passed = middle
    return [*failing, (failed, y)]


def makes_up(found: Configuration, ruled: Axis, other: Axis, fails: Fails) -> bool:
    """Whether less of the one size fails too, with more of the other."""
    less, more = getattr(found, ruled.name) - 1, 4 * getattr(found, other.name)
    if not (ruled.values[0] <= less and more <= other.values[-1] and ruled.between and other.between):
        return False
    return bool(tried_with(found, fails, {ruled.name: less, other.name: more}))


def tried_with(found: Configuration, fails: Fails, values: Mapping[str, Any]) -> bool | None:
    """Whether it fails with these values; None where there is no such layer, or it would cost too much."""
    changed = found.having(**values)
    return fails(changed) if changed.possible and changed.work <= MOST_WORK else None


def anything(value: int) -> bool:
    return True


def relations(a: str, b: str, failing: Sequence[tuple[int, int]]) -> Iterator[Condition]:
    words = IN_WORDS.get(a, a), IN_WORDS.get(b, b)
    for text, test in RELATIONS:
        yield Condition((a, b), text.format(*words), test)
    for text, fold in FOLDS:
        least = min(fold(x, y) for x, y in failing)
        yield Condition((a, b), f"{text.format(*words)} {from_on(least)}", at_least(fold, least))


def at_least(fold: Callable[[int, int], int], least: int) -> Callable[[int, int], bool]:
    return lambda x, y: fold(x, y) >= least


def around(value: int, axis: Axis) -> list[int]:
    """Values near a size and beyond it, by which two axes are tried together."""
    wanted = {value // 2, value - 1, value, value + 1, value + 3, 2 * value, 2 * value + 3}
    return sorted(
        each for each in wanted if axis.values[0] <= each <= axis.values[-1] and (axis.between or each in axis.values)
    )
