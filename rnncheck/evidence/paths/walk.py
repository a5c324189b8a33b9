"""Runs both sides on the paths: comparisons, faults by name, and what is not supported."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

import torch
from torch import Tensor

from rnncheck.errors import RnncheckError
from rnncheck.evidence.differences import Fold
from rnncheck.evidence.gradients.differentiate import NOT_PLAIN, PLAIN_ALONE
from rnncheck.evidence.paths.gradients import ALONE, CHANGE, SAID
from rnncheck.evidence.paths.path import Leg, Path, Values
from rnncheck.evidence.paths.scene import QUANTITIES, PathSetting, User, run, values
from rnncheck.evidence.places import DIRECTIONS, Locate, in_final_state, in_output
from rnncheck.evidence.tolerance import Tolerance
from rnncheck.implementations.protocol import OtherRun
from rnncheck.implementations.uses import NotOffered, OtherShape, Unlike, WrongUse
from rnncheck.mapping.budget import Budget
from rnncheck.model.spec import Spec
from rnncheck.report import Comparison, Finding, NotGone, PathFacts, Place
from rnncheck.text import printable, short

OWN_UNITS = 32  # of roundoff, by which a side may differ from itself: sums may be taken in another order
MODE = "path:"
STALE = "stale-weights"
SHARED = "{}: two layers with different weights give the same results, so one runs with the weights of another."
MORE = 4  # other sets of random numbers, where what is seen depends on them
MISTAKES = (NameError, AttributeError, TypeError, KeyError, AssertionError)  # of rnncheck, if a reference raises them


@dataclass
class Walked:
    """The results of all paths. `failed`: a leg certainly differs.

    `doubts` has the legs that differed and agreed when they were run again, `fails` those in which the candidate alone
    raises, by the error, and `unlike` those in which it does something else that is no mismatch, by what that is.
    """

    comparisons: list[Comparison] = field(default_factory=list)
    wrong: dict[str, Finding] = field(default_factory=dict)  # by fault: the first leg tells, others are counted up
    facts: list[PathFacts] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    fails: dict[str, list[str]] = field(default_factory=dict)
    unlike: dict[str, list[str]] = field(default_factory=dict)
    budget: Budget = field(default_factory=lambda: Budget(math.inf))
    cut: int = 0  # legs that there was no time for

    @property
    def findings(self) -> list[Finding]:
        return list(self.wrong.values())

    @property
    def failed(self) -> bool:
        return bool(self.wrong)

    def doubt(self, name: str) -> str | None:
        """Why the verdict on the candidate of this name is left open."""
        if not self.doubts:
            return None
        what, *others = self.doubts
        if not others:
            return (
                f"{name}, {what}, differed from the reference once and agreed with other random numbers; try another "
                "--seed"
            )
        return (
            f"{name} differed from the reference in {len(others) + 1} uses, such as {what}, and agreed when they were "
            "run again; the same call may give different results"
        )


def walk(paths: Sequence[Path], setting: PathSetting, seconds: float = math.inf) -> Walked:
    """Runs all these paths, for so many seconds. A difference is reported only if it shows again with other random
    numbers.
    """
    before, walked = Walked(), Walked(budget=Budget(seconds))
    with torch.inference_mode(False), torch.no_grad():
        if paths:
            go_down(WITHOUT_A_PATH, setting, before)
        if before.failed and share_weights(setting):
            before.wrong = {STALE: Finding(STALE, SHARED.format(short(setting.sides[0].implementation.name)))}
        if before.failed or before.doubts:
            return before
        for each in sorted(paths, key=lambda one: one.follows):  # the sort is stable
            if not (each.follows and walked.failed):
                go_down(each, setting, walked)
    walked.facts.sort(key=lambda facts: facts.path)
    return walked


def share_weights(setting: PathSetting) -> bool:
    """Whether two layers of the candidate with other weights give the same results, that vary."""
    candidate, scene = setting.sides[0], setting.base
    try:
        one, other = (values(run(candidate.fresh(each), scene)) for each in (scene, setting.scene(other=1)))
    except (RuntimeError, TypeError, ValueError, RnncheckError, WrongUse):
        return False
    both = [(one[name], other[name]) for name in one.keys() & other.keys()]
    vary = any(bool((value != value.flatten()[:1]).any()) for value, _ in both)
    return vary and all(torch.equal(*pair) for pair in both)


def without_a_path(setting: PathSetting) -> Iterator[Leg]:
    """The normal run with the numbers of the paths: where that differs, they show nothing of their own."""
    scene, (steps, rows) = setting.base, setting.sizes

    def go(user: User) -> Values:
        return values(run(user.layer(scene), scene))

    same = (steps, rows) == (setting.seq_len, setting.batch_size)
    what = "with other numbers" if same else f"at T = {steps}, B = {rows}"
    yield Leg(what, go, scene, "unexplained" if same else "wrong-at-other-sizes")


WITHOUT_A_PATH = Path("other-sizes", "at other sizes than the run's", without_a_path)


def go_down(path: Path, setting: PathSetting, into: Walked) -> None:
    """Runs one path, leg by leg."""
    gone, not_gone, found = list[str](), dict[NotGone, list[str]](), list[Comparison]()
    name = short(setting.sides[0].implementation.name)
    for number, leg in enumerate(path.legs(setting)):
        if into.budget.over:
            cut = NotGone((), f"those before had taken {into.budget.seconds:g} seconds")
            not_gone.setdefault(cut, []).append(leg.what)
            into.cut += 1
            continue
        outcome = PathOutcome.of(leg, path, setting)
        if outcome.unlike and not shows_again(path, number, setting):
            continue
        if outcome.not_gone:
            not_gone.setdefault(outcome.not_gone, []).append(leg.what)
            if outcome.fails or outcome.unlike:
                told = into.fails if outcome.fails else into.unlike
                told.setdefault(outcome.not_gone.why, []).append(leg.what)
            continue
        if path.noted and not outcome.agrees:
            not_gone.setdefault(NotGone((), path.noted), []).append(leg.what)
            into.unlike.setdefault(path.noted, []).append(leg.what)
            continue
        gone += [leg.what] if outcome.comparisons else []
        found += outcome.comparisons
        if outcome.agrees or any(fault in into.wrong for fault in leg.from_others):
            continue
        if (confirmed := confirm(path, number, setting)) is None:
            into.doubts.append(leg.what)
            continue
        fault = CAUSED.get(confirmed) or outcome.fault or leg.fault
        if first := into.wrong.get(fault):
            into.wrong[fault] = replace(first, message=f"{first.message.removesuffix('.')}; wrong too: {leg.what}.")
        else:
            into.wrong[fault] = Finding(fault, outcome.told(name + confirmed.value, leg), variant=leg.what)
    into.comparisons += merged(found)
    grouped = tuple(replace(each, what=tuple(whats)) for each, whats in not_gone.items())
    into.facts.append(PathFacts(path.slug, path.title, tuple(gone), grouped))


def shows_again(path: Path, number: int, setting: PathSetting) -> bool:
    """Whether leg `number`, in which the candidate was unlike the reference, is so with other random numbers too, alone
    or after other calls.
    """
    for after_others in (*[False] * MORE, True):
        setting = setting.anew()
        if run_leg(path, number, setting, after_others=after_others).unlike:
            return True
    return False


def run_leg(path: Path, number: int, setting: PathSetting, *, after_others: bool = False) -> "PathOutcome":
    """The outcome of one leg, of a candidate that has not been called, or `after_others` by the legs before."""
    legs = list(path.legs(setting))
    for each in (*without_a_path(setting), *legs[:number]) if after_others else ():
        attempted(each, setting.sides[0])
    return PathOutcome.of(legs[number], path, setting)


class Cause(Enum):
    """Where a difference shows again; the words for it follow the name of the candidate."""

    ALWAYS = ""
    NUMBERS = ", with some numbers and not with others"
    OTHER_CALLS = ", after other calls"


CAUSED = {Cause.NUMBERS: "unexplained", Cause.OTHER_CALLS: "state-leaks-between-calls"}  # whatever the leg is for


def confirm(path: Path, number: int, setting: PathSetting) -> Cause | None:
    """Why leg `number`, which differed, differs again with other random numbers; None if it does not.

    A layer that keeps something between calls and one that is wrong for some values only both differ at times. So the
    same numbers are run with a new layer and nothing before it: only the second then differs.
    """

    def differs(these: PathSetting, *, after_others: bool = False) -> bool:
        return not run_leg(path, number, these, after_others=after_others).agrees

    fresh = setting.anew()
    if differs(fresh):
        return Cause.ALWAYS
    if not differs(setting.with_new_sides()):
        fresh = fresh.anew()
        if not differs(fresh, after_others=True):
            return None
        return Cause.NUMBERS if differs(fresh.with_new_sides()) else Cause.OTHER_CALLS
    for _ in range(MORE):
        fresh = fresh.anew()
        if differs(fresh):
            return Cause.NUMBERS
    return None


@dataclass(frozen=True)
class PathOutcome:
    """The result of one leg. One that was not gone may be one in which the candidate `fails` or is `unlike`."""

    comparisons: Sequence[Comparison] = ()
    fault: str | None = None  # if it is not the leg's
    not_gone: NotGone | None = None
    fails: bool = False
    unlike: bool = False

    @property
    def agrees(self) -> bool:
        return all(each.agrees for each in self.comparisons)

    @classmethod
    def of(cls, leg: Leg, path: Path, setting: PathSetting) -> "PathOutcome":
        candidate, reference = setting.sides
        mode = MODE + path.slug
        key = path.slug, leg.what
        if key not in setting.right:
            setting.right[key] = attempted(leg, reference)
        right, mine = setting.right[key], attempted(leg, candidate)
        if isinstance(right, MISTAKES):
            raise right
        if isinstance(right, Exception):
            return cls(not_gone=NotGone((), why_not(right), "reference"))
        if isinstance(mine, Exception):
            if isinstance(mine, WrongUse):
                return cls([Comparison(leg.what, mode, problem=why_not(mine))], fault=mine.fault)
            if leg.must_run and not isinstance(mine, NotOffered):
                return cls([Comparison(leg.what, mode, problem=why_not(mine))])
            fails = not isinstance(mine, NotOffered | OtherRun)
            return cls(not_gone=NotGone((), why_not(mine)), fails=fails, unlike=isinstance(mine, Unlike))
        names = [name for name in right if name in mine]
        if right and mine and not names:
            return cls(not_gone=NotGone((), f"it returns none of {', '.join(right)}"), unlike=True)
        return cls([compared(name, mode, mine[name], right[name], leg) for name in names])

    def told(self, name: str, leg: Leg) -> str:
        """The worst difference, in one sentence."""
        wrong = [each for each in self.comparisons if not each.agrees]
        if problems := [each.problem for each in wrong if each.problem]:
            return f"{name}, {leg.what}: {problems[0]}."
        worst = max(wrong, key=lambda each: each.budget_used)
        if worst.quantity.startswith(ALONE) and worst.quantity not in SAID:
            lost = "is missing, or not finite,"
            how = lost if math.isinf(worst.max_abs) else f"changes by {amount(worst.max_abs)} of its largest value"
            return f"{name}, {leg.what}: {worst.quantity} {how} where the other tensors are frozen."
        if worst.quantity == CHANGE and math.isinf(worst.max_abs):
            return f"{name}, {leg.what}: a gradient is missing, or not finite."
        if worst.quantity in SAID:
            return f"{name}, {leg.what}: {SAID[worst.quantity].format(amount(worst.max_abs))}."
        if worst.max_abs <= worst.envelope_at_max:  # the largest difference is within its own limit, and another is not
            times = f"{worst.budget_used:.2g} times what is allowed there"
            return f"{name}, {leg.what}: {worst.quantity} differs from the reference by {times}."
        at = worst.at
        place = "" if at is None else f" (t = {at.t}, batch row {at.batch}, unit {at.unit})"
        return (
            f"{name}, {leg.what}: {worst.quantity} differs from the reference by {amount(worst.max_abs)}{place}; "
            f"{amount(worst.envelope_at_max)} is allowed."
        )


def compared(quantity: str, mode: str, candidate: Tensor, reference: Tensor, leg: Leg) -> Comparison:
    """One quantity of a leg. What is allowed is only computed where the two sides are not the same bits."""
    candidate, reference = candidate.detach().cpu(), reference.detach().cpu()
    spec, scene = leg.scene.spec, leg.scene
    states = quantity in QUANTITIES
    fold = Fold(
        quantity, locate(quantity, spec, leg.scene.lengths or [len(leg.scene.x)] * len(reference[0])), mode=mode
    )
    allowed: Tensor | Tolerance
    if candidate.shape == reference.shape and torch.equal(candidate, reference):
        allowed = Tolerance()
    elif states or scene.allows is not None:
        allowed = scene.allowed[quantity]
    else:
        allowed = Tolerance(atol=OWN_UNITS * float(torch.finfo(getattr(torch, spec.dtype)).eps))
    fold.add(candidate, reference, allowed)
    found = fold.result()
    return replace(found, at=found.at if states else None, first_divergence=None)


def locate(quantity: str, spec: Spec, ends: Sequence[int]) -> Locate:
    if quantity == "output":
        return in_output(spec)
    if quantity in ("h_n", "c_n"):
        return in_final_state(spec, ends)
    return lambda row, batch, column: Place(row, batch, column, 0, DIRECTIONS[0])


def merged(found: Sequence[Comparison]) -> list[Comparison]:
    """One comparison for each quantity: where it used most of what is allowed, and how many there were in all."""
    rows = [each for each in found if each.problem]
    for quantity in dict.fromkeys(each.quantity for each in found if not each.problem):
        alike = [each for each in found if each.quantity == quantity and not each.problem]
        most = max(alike, key=lambda each: -1.0 if math.isnan(each.budget_used) else each.budget_used)
        counts = {name: sum(getattr(each, name) for each in alike) for name in COUNTS}
        rows.append(replace(most, **counts))
    return rows


COUNTS = ("compared", "exceeded", "nonfinite", "unjudged")


def attempted(leg: Leg, user: User) -> Values | Exception:
    """The results of this side, or the error that it raised."""
    try:
        return leg.go(user)
    except (MemoryError, torch.cuda.OutOfMemoryError):
        raise
    except Exception as problem:
        if PLAIN_ALONE in str(problem):
            return NotOffered(NOT_PLAIN)
        return problem


def why_not(problem: Exception) -> str:
    """The reason in one line. An error in the user's code comes with its file and line."""
    said = (str(problem).splitlines() or [""])[0]
    if isinstance(problem, NotOffered) or (isinstance(problem, WrongUse) and not isinstance(problem, OtherShape)):
        return printable(said, 300)
    kind = "" if isinstance(problem, RnncheckError) else f"{type(problem).__name__}: "
    return printable(f"it fails: {kind}{said}", 300)


def amount(value: float) -> str:
    return "a NaN or an infinity" if not math.isfinite(value) else f"{value:.2g}"
