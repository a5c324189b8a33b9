"""A sweep from its plan to its report: draw, compare quickly, judge what is suspect, and tell each cause once."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from rnncheck import machine
from rnncheck.errors import ExitCode, RefusedError
from rnncheck.implementations.protocol import KnowsItsCell
from rnncheck.model.spec import Cell
from rnncheck.report import Verdict
from rnncheck.sweep import state as states
from rnncheck.sweep.causes import Causes
from rnncheck.sweep.cluster import Cluster, Job
from rnncheck.sweep.configuration import Configuration
from rnncheck.sweep.draw import fitting, groups, small
from rnncheck.sweep.explore import Explored, Explorer, Here
from rnncheck.sweep.judging import judged
from rnncheck.sweep.quick import Comparer
from rnncheck.sweep.sides import Sides
from rnncheck.sweep.space import SEED, Space
from rnncheck.sweep.state import SuspectConfiguration, SweepState
from rnncheck.sweep.verdict import FEWEST, doubt_of, region, verdict_of
from rnncheck.sweep.workers import Workers
from rnncheck.sweep_report import SweepReport

SHARE = 0.25  # of the time, after which what is suspect is looked into
SAVED = 5.0  # seconds between two states
MOST_SUSPECTS = 5000  # kept; more of them are only counted
NEVER_REFUSED = (SEED, "init", "h0", "weight_scale")
LACKED = {"proj_size": (0, 2), "num_layers": (1, 2)}  # sizes that a side may lack, by the values that show it


@dataclass(frozen=True)
class SweepPlan:
    """What is asked for: `configurations` to draw, or `seconds` to spend, whichever ends first; None for no limit."""

    sides: Sides
    space: Space
    seed: int = 0
    configurations: int | None = None
    seconds: float | None = None
    state: Path | None = None
    workers: int = 1
    dask: str | None = None  # the address of a scheduler, or "local"
    diagnose: bool = True  # whether the known fault is looked for that explains a cause


@dataclass(frozen=True)
class SweepProgress:
    """How far it has come, and how many seconds of it are left, if that is known."""

    drawn: int
    rate: float  # configurations a second
    suspects: int
    causes: int
    left: float | None
    doing: str = ""


def sweep(
    plan: SweepPlan,
    progress: Callable[[SweepProgress], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> SweepReport:
    """Runs it. Ctrl-C and signals end it early, with a report of what is known by then.

    `say` is told once what a user may want to know while it runs. Raises `CannotRun` for sides that cannot be loaded
    or offer nothing of the space, and workers that cannot be had.
    """
    return Sweep(plan, progress or (lambda _: None), say or (lambda _: None)).run()


class Sweep:
    """One sweep while it runs."""

    def __init__(self, plan: SweepPlan, progress: Callable[[SweepProgress], None], say: Callable[[str], None]) -> None:
        self._plan, self._tell, self._say = plan, progress, say
        self._started = time.monotonic()
        self._comparer = Comparer(*plan.sides.for_many().loaded())
        self._not_offered: dict[str, str] = {}
        self._lacking: dict[str, str] = {}  # those of them that were asked for
        self._space = self._narrowed()
        self._about = states.identity(
            [plan.sides.candidate, plan.sides.reference],
            plan.sides.files(),
            {
                "space": self._space.to_dict(),
                "seed": plan.seed,
                "arguments": {name: repr(value) for name, value in plan.sides.arguments.items()},
            },
        )
        self._state = states.load(plan.state, self._about) if plan.state else SweepState()
        self._causes = Causes(plan.sides, self._comparer, self._space, self._told, diagnose=plan.diagnose)
        self._drawn_before = self._state.drawn
        self._settled = 0
        self._complete = False
        self._saved = self._started
        self._stopped: KeyboardInterrupt | None = None

    # What is drawn

    def _narrowed(self) -> Space:
        """The space without what a side refuses whatever the rest is. Raises `RefusedError` where nothing is left."""
        space = self._plan.space
        candidate = self._comparer.sides[0]
        if isinstance(candidate, KnowsItsCell) and "cell" not in space.asked:
            space = space.holding("cell", candidate.cell(small(space).having(cell=Cell.LSTM).spec))
        if space.base.cell is not Cell.RNN and not space.varies("cell"):
            space = space.holding("nonlinearity", "tanh")
        if space.base.cell is not Cell.LSTM and not space.varies("cell"):
            space = space.holding("proj_size", 0)
        first = self._first(space)
        for axis in space.varying:
            asked = axis.name in space.asked
            if axis.name in NEVER_REFUSED or (axis.is_size and axis.name not in LACKED):
                continue
            few = LACKED.get(axis.name, ()) if not asked or axis.name == "proj_size" else ()
            tried = [each for each in axis.values if each in few] if few else axis.values
            refused = {value: self._refused(first.having(**{axis.name: value})) for value in tried}
            found = {f"{axis.option} {value}": why for value, why in refused.items() if why}
            self._not_offered |= found
            self._lacking |= found if asked else {}
            rest = refused.get(2)  # of sizes that were not tried
            offered = tuple(value for value in axis.values if not refused.get(value, rest if value else None))
            space = space.with_values(axis, offered)
        return space

    def _first(self, space: Space) -> Configuration:
        """A small configuration that both sides run, of the first cell and dtype that there is one of.

        Raises `RefusedError` where there is none, and `DeviceError` for a device that is not there.
        """
        first, reasons = small(space), list[str]()
        kinds = {each.name: each.values for each in space.varying if each.name in ("cell", "dtype", "device")}
        for device in kinds.get("device", (first.device,)):
            machine.require(replace(first.spec, device=device))
        for cell, dtype in product(kinds.get("cell", (first.cell,)), kinds.get("dtype", (first.dtype,))):
            each = first.having(cell=cell, dtype=dtype)
            if (reason := self._refused(each)) is None and each.possible:
                return each
            reasons += filter(None, [reason])
        raise RefusedError(f"nothing can be compared: {reasons[0]}")

    def _refused(self, each: Configuration) -> str | None:
        each = fitting(each)
        return self._comparer.one(each, back=False).refused if each.possible else None

    def _openings(self) -> Iterator[Configuration]:
        """A small configuration of each cell, which the judge looks at in every way that there is."""
        first = small(self._space)
        cells = next((each.values for each in self._space.varying if each.name == "cell"), (first.cell,))
        yield from (each for cell in cells if (each := first.having(cell=cell)).possible)

    # Running

    def run(self) -> SweepReport:
        explorer = self._explorer()  # whose processes start while the first configurations are judged here
        try:
            with machine.threads_for(0), machine.tf32(False):
                self._open()
                while not self._over():
                    self._explore(explorer)
                    self._look_into()
                self._look_into()
        except KeyboardInterrupt as interrupt:
            self._stopped = interrupt
        finally:
            explorer.close()
        self._save(always=True)
        return self._report()

    def _explorer(self) -> Explorer:
        plan = self._plan
        if plan.dask is not None:
            return Cluster(plan.dask, plan.workers, Job(plan.sides, self._space, plan.seed), self._say)
        if plan.workers > 1:
            return Workers(plan.workers, plan.sides, self._space, plan.seed)
        return Here(self._comparer, self._space, plan.seed)

    def _open(self) -> None:
        if self._state.opened:
            return
        for each in self._openings():
            judgement = judged(self._comparer.sides, each, paths=True)
            self._state.judged += 1
            if judgement.verdict is Verdict.INCONCLUSIVE:
                self._state.undecided += 1
                self._state.doubt = doubt_of(judgement)
            if judgement.differs or judgement.raised:
                quick = self._comparer.one(each, back=True)
                self._state.suspects.append(
                    SuspectConfiguration(each, quick.apart, quick.backward, quick.raised, judged=not quick.suspect)
                )
                self._state.small_suspects += 1
            self._told()
        self._state.opened = True

    def _explore(self, explorer: Explorer) -> None:
        """Groups until it is time to look into what is suspect."""
        until = self._elapsed + SHARE * self._plan.seconds if self._plan.seconds else float("inf")
        for found in explorer.explored(self._state.next_group, groups(self._space)):
            self._counted(found)
            self._told()
            self._save()
            if self._enough or self._elapsed >= min(until, self._deadline(exploring=True)):
                return
        self._complete = True

    def _counted(self, found: Explored) -> None:
        """All of it at once: an interrupt must not leave half of a group counted."""
        state, first = self._state, self._state.next_place
        here = found.drawn - first
        drawn = here if self._plan.configurations is None else min(here, self._plan.configurations - state.drawn)
        places = range(first, first + drawn)
        refused = Counter(why for place, why in found.refused if place in places)
        kept = [each for place, each in found.suspects if place in places]
        kept = kept[: max(0, MOST_SUSPECTS - len(state.suspects))]
        self._state = replace(
            state,
            next_group=found.index + (drawn == here),
            next_place=0 if drawn == here else first + drawn,
            drawn=state.drawn + drawn,
            compared=state.compared + drawn - refused.total(),
            judged=state.judged + (found.judged if first == 0 else 0),
            undecided=state.undecided + (found.undecided if first == 0 else 0),
            refused=state.refused + refused if refused else state.refused,
            suspects=[*state.suspects, *kept] if kept else state.suspects,
        )

    def _look_into(self) -> None:
        """Suspects in their order, as long as there is time, and the first in any case."""
        while self._settled < len(self._state.suspects):
            suspect = self._state.suspects[self._settled]
            known = self._causes.cause_of(suspect) is not None
            if not known and (self._causes.full or (self._causes.judged and self._late())):
                return
            self._causes.settle(suspect)
            self._settled += 1
            self._told()

    # Time

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._started

    def _deadline(self, *, exploring: bool = False) -> float:
        """In seconds from the start; of exploring, with time left to look into what it finds."""
        if self._plan.seconds is None:
            return float("inf")
        return self._plan.seconds * (1 - SHARE * (exploring and self._settled < len(self._state.suspects)))

    def _late(self) -> bool:
        return self._elapsed > self._deadline()

    @property
    def _enough(self) -> bool:
        return self._plan.configurations is not None and self._state.drawn >= self._plan.configurations

    def _over(self) -> bool:
        return self._complete or self._enough or self._late()

    # What is told

    def _told(self, doing: str = "") -> None:
        seconds, configurations, drawn = self._plan.seconds, self._plan.configurations, self._state.drawn
        left = [] if seconds is None else [max(0.0, seconds - self._elapsed)]
        if configurations is not None and drawn:
            left.append(max(0, configurations - drawn) * self._elapsed / max(1, drawn - self._drawn_before))
        rate = (drawn - self._drawn_before) / max(self._elapsed, 0.001)
        self._tell(
            SweepProgress(
                drawn, rate, len(self._state.suspects), len(self._causes.found), min(left, default=None), doing
            )
        )

    def _save(self, *, always: bool = False) -> None:
        now = time.monotonic()
        if self._plan.state is not None and (always or now - self._saved > SAVED):
            self._saved = now
            seconds = self._state.seconds + self._elapsed
            states.save(self._plan.state, self._about, replace(self._state, seconds=seconds))

    def _report(self) -> SweepReport:
        state, causes, sides = self._state, self._causes, self._comparer.sides
        of_causes = [causes.cause_of(each) for each in state.suspects]
        seen = of_causes[state.small_suspects :]
        drawn = {each.configuration for each in state.suspects[state.small_suspects :] if not each.judged}
        unjudged = sum(each is None for each in of_causes[self._settled :])
        undecided = state.undecided + causes.undecided
        cut = not (self._complete or self._enough) and state.compared < FEWEST
        verdict, code, reason = verdict_of(
            causes.found, state.compared, undecided, unjudged, cut=cut, doubt=state.doubt, lacking=self._lacking
        )
        if self._stopped is not None:
            code = getattr(self._stopped, "exit_code", ExitCode.INTERRUPTED)
            reason = f"stopped after {state.drawn:,} configurations"
            verdict = Verdict.INCONCLUSIVE if verdict is Verdict.EQUIVALENT else verdict
        return SweepReport(
            verdict=verdict,
            exit_code=code,
            reason=reason,
            candidate=sides[0].name,
            candidate_location=sides[0].location,
            reference=sides[1].name,
            drawn=state.drawn,
            compared=state.compared,
            judged=state.judged + len(drawn & causes.judged),
            undecided=undecided,
            unjudged=unjudged,
            regions=[region(each, sum(one is each for one in seen)) for each in causes.found],
            not_offered=self._not_offered,
            refused=state.refused,
            varied=[each.option for each in self._space.varying],
            seed=self._plan.seed,
            seconds=round(state.seconds + self._elapsed, 1),
            complete=self._complete,
            environment=machine.versions(),
        )
