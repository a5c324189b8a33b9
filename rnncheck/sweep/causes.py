"""From suspects to causes: each is judged, shrunk to its smallest configuration, bounded and explained, once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from rnncheck.report import Verdict
from rnncheck.sweep.boundary import Condition, conditions
from rnncheck.sweep.configuration import Configuration
from rnncheck.sweep.judging import Judgement, judged
from rnncheck.sweep.quick import CLEAR, GRADIENT_STEPS, NEAR, NEARLY, Comparer
from rnncheck.sweep.shrink import EASY, Fails, smallest
from rnncheck.sweep.sides import Sides
from rnncheck.sweep.space import Space
from rnncheck.sweep.state import SuspectConfiguration

OTHERS = 2  # seeds that are tried before a configuration counts as one that passes
MOST_CAUSES = 12  # causes that are looked into


@dataclass
class Cause:
    """One cause of failure: the rules of where it is, and its smallest configuration, judged."""

    conditions: Sequence[Condition]
    smallest: Configuration
    judgement: Judgement
    repeated: Judgement | None = None  # by sides that were loaded anew, as a command does it
    judged_alone: bool = False  # whether a quick comparison does not show it
    apart_from_rules: set[Configuration] = field(default_factory=set)
    also: list["Cause"] = field(default_factory=list)

    @property
    def slugs(self) -> tuple[str, ...]:
        return tuple(each.slug for each in self.judgement.findings)

    @property
    def where(self) -> tuple[str, ...]:
        """Its rules in words."""
        if self.judged_alone:
            return (f"{', '.join(self.judgement.modes)}, which only the full check compares",)
        return tuple(each.words for each in self.conditions)

    def covers(self, configuration: Configuration) -> bool:
        if self.judged_alone:
            return configuration in self.apart_from_rules
        return configuration in self.apart_from_rules or all(each.holds(configuration) for each in self.conditions)

    def is_like(self, other: "Cause") -> bool:
        """Whether it is the same at other options: the same finding within the same sizes."""
        if self.judged_alone is not other.judged_alone or bool(self.judgement.raised) is not bool(
            other.judgement.raised
        ):
            return False
        if self.judged_alone:
            return self.slugs == other.slugs
        return self.slugs == other.slugs and self._sizes() == other._sizes()

    def _sizes(self) -> list[tuple[str, ...]]:
        return sorted(each.axes for each in self.conditions if each.of_sizes)


class Causes:
    """The causes that were found so far, and what looks for more of them."""

    def __init__(
        self, sides: Sides, comparer: Comparer, space: Space, said: Callable[[str], None], *, diagnose: bool
    ) -> None:
        self._sides, self._comparer, self._space, self._said = sides, comparer, space, said
        self._diagnose = diagnose
        self.found: list[Cause] = []
        self.judged = set[Configuration]()
        self.undecided = 0

    @property
    def every(self) -> list[Cause]:
        return [each for cause in self.found for each in (cause, *cause.also)]

    @property
    def full(self) -> bool:
        return len(self.found) >= MOST_CAUSES

    def cause_of(self, suspect: SuspectConfiguration) -> Cause | None:
        """The known cause that makes it fail, if there is one."""
        for cause in self.found:
            for each in (cause, *cause.also):
                if bool(each.judgement.raised) is bool(suspect.raised) and each.covers(suspect.configuration):
                    return cause
        return None

    def settle(self, suspect: SuspectConfiguration) -> None:
        """Finds out its cause, unless that is known; there may be none, if the judge says so."""
        if self.cause_of(suspect) is not None:
            return
        if suspect.judged:
            self._settle_judged(suspect)
            return
        original = suspect.configuration
        if suspect.apart <= CLEAR and not suspect.raised and not self._differs(original):
            return
        cause = self._looked_into(suspect)
        if cause is None:
            return
        if not cause.covers(original):
            if cause.smallest == original:
                cause.apart_from_rules.add(original)
            else:  # on the way down it became another failure: now that this one is known, its own comes to light
                self._add(cause)
                cause = self._looked_into(suspect)
                if cause is None:
                    return
                cause.apart_from_rules.add(original)
        self._add(cause)

    def _settle_judged(self, suspect: SuspectConfiguration) -> None:
        """What the judge alone sees: it was tried on small configurations already, and is grouped by what it is."""
        judgement = self._judge(suspect.configuration, paths=True, diagnose=self._diagnose)
        if judgement.differs:
            cause = Cause((), suspect.configuration, judgement, judged_alone=True)
            cause.apart_from_rules.add(suspect.configuration)
            self._add(cause)

    def _add(self, cause: Cause) -> None:
        like = next((each for each in self.found if each.is_like(cause)), None)
        if like is None:
            self.found.append(cause)
        else:
            like.also.append(cause)

    def _looked_into(self, suspect: SuspectConfiguration) -> Cause | None:
        fails = self._failing(suspect)
        for floors in (None, EASY):
            small = smallest(suspect.configuration, self._space, fails, floors)
            self._said(f"looking into hidden_size {small.hidden_size}, T {small.seq_len}")
            judgement = self._judge(small)
            if wrong(judgement, suspect):
                break
        else:
            small, judgement = suspect.configuration, self._judge(suspect.configuration)
            if not wrong(judgement, suspect):
                self.undecided += judgement.verdict is not Verdict.EQUIVALENT
                return None
        shown = on_any_data(self._failing(replace(suspect, apart=NEAR)))
        wide = roomy(small, self._space)
        rules = conditions(wide if shown(wide) else small, self._space, shown)
        repeated = judged(self._sides.loaded(), small, diagnose=self._diagnose)
        return Cause(rules, small, repeated if wrong(repeated, suspect) else judgement, repeated)

    def _failing(self, suspect: SuspectConfiguration) -> Callable[[Configuration], bool | None]:
        """Whether a configuration fails as the suspect does; None where a known cause makes it fail."""
        enough = next((limit for limit in (CLEAR, NEAR) if suspect.apart > limit), NEARLY)
        remembered: dict[Configuration, bool | None] = {}

        def failing(each: Configuration) -> bool | None:
            if each not in remembered:
                remembered[each] = self._fails(each, suspect, enough)
            return remembered[each]

        return failing

    def _fails(self, each: Configuration, suspect: SuspectConfiguration, enough: float) -> bool | None:
        if any(cause.covers(each) for cause in self.every):
            return None
        if suspect.backward and each.seq_len > GRADIENT_STEPS:
            return None  # a quick comparison leaves its gradients out
        quick = self._comparer.one(each, back=suspect.backward)
        if quick.refused is not None:
            return None
        if suspect.raised is not None:
            return quick.raised is not None
        return quick.raised is None and quick.apart > enough

    def _differs(self, each: Configuration) -> bool:
        judgement = self._judge(each)
        self.undecided += judgement.verdict is Verdict.INCONCLUSIVE
        return judgement.differs

    def _judge(self, each: Configuration, *, paths: bool = False, diagnose: bool = False) -> Judgement:
        self.judged.add(each)
        return judged(self._comparer.sides, each, paths=paths, diagnose=diagnose)


def roomy(small: Configuration, space: Space) -> Configuration:
    """The same with a few rows and units more: in a single one a failure may hide."""
    sizes = {name: max(least, getattr(small, name)) for name, least in EASY.items()}
    offered = {axis.name: axis.values for axis in space.varying}
    return small.having(**{name: value for name, value in sizes.items() if value in offered.get(name, ())})


def on_any_data(fails: Fails) -> Fails:
    """The same on other data and weights, too: where numbers saturate, a failure may not show."""

    def failing(each: Configuration) -> bool | None:
        first = fails(each)
        if first is not False:
            return first
        return any(fails(each.having(seed=each.seed + other)) for other in range(1, OTHERS + 1))

    return failing


def wrong(judgement: Judgement, suspect: SuspectConfiguration) -> bool:
    return judgement.raised is not None if suspect.raised is not None else judgement.differs
