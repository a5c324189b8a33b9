"""From comparisons to a verdict: equivalent only if everything planned was compared and agrees."""

from collections.abc import Sequence

from rnncheck.report import Comparison, Divergence, Verdict


def judge(comparisons: Sequence[Comparison], doubt: str | None = None) -> tuple[Verdict, str | None]:
    """The verdict, and why, if this evidence cannot decide.

    Lockstep decides what the normal run cannot judge after its horizon, unless there is a `doubt`: a reason why that is
    not enough.
    """
    if not all(each.agrees for each in comparisons):
        return Verdict.MISMATCH, None
    stepped = any(each.mode == "lockstep" and each.compared for each in comparisons)
    overflowed = stepped and any(each.mode == "lockstep" and each.unjudged for each in comparisons)
    lost = any(each.mode == "free" and each.unjudged for each in comparisons)
    for each in comparisons:
        if lost and each.nonfinite and each.mode.startswith("backward"):
            continue  # gradients of states that are not judged either
        if each.nonfinite:
            return Verdict.INCONCLUSIVE, (
                f"{each.nonfinite} values of {each.quantity} are NaN or infinite on both sides, which proves nothing; "
                "use data or weights that keep the states finite"
            )
        if overflowed and each.mode == "free" and each.quantity == "output" and not each.compared:
            return Verdict.INCONCLUSIVE, (
                "numbers overflow from the first step on, so no value of output could be judged; "
                "use smaller data or weights, or --dtype float64"
            )
        if each.unjudged and not stepped and each.mode == "free":
            return Verdict.INCONCLUSIVE, (
                f"{each.unjudged} values of {each.quantity} were not judged, because rounding alone may be as large as "
                "the state there; use lockstep, fewer timesteps or --dtype float64"
            )
        if each.unjudged and doubt and each.mode == "free":
            return Verdict.INCONCLUSIVE, f"{each.unjudged:,} values of {each.quantity} were not judged: {doubt}"
        if not each.compared and not each.unjudged:
            return Verdict.INCONCLUSIVE, f"nothing in {each.quantity} could be compared"
    return Verdict.EQUIVALENT, None


def first_divergence(comparisons: Sequence[Comparison]) -> Divergence | None:
    """The first difference: the first wrong single step, or if there is none, the first in the normal run."""
    by_mode = {
        mode: [each.first_divergence for each in comparisons if each.mode.startswith(mode) and each.first_divergence]
        for mode in ("lockstep", "free", "backward")
    }
    stepped = min(by_mode["lockstep"], key=lambda each: each.t, default=None)
    ran = by_mode["free"][0] if by_mode["free"] else None
    if stepped is not None and (ran is None or stepped.t != ran.t):
        return stepped
    return ran or min(by_mode["backward"], key=lambda each: each.t, default=None)


def carrying(comparisons: Sequence[Comparison]) -> list[str]:
    """A note if every single step is right and the normal run is not."""
    stepped = [each for each in comparisons if each.mode == "lockstep"]
    ran = [each for each in comparisons if each.mode == "free"]
    if (
        any(each.problem for each in ran)
        or not stepped
        or not all(each.agrees and each.compared for each in stepped)
        or all(each.agrees for each in ran)
    ):
        return []
    return [
        "each single step is right when it starts from the exact states; the fault is in how states are passed from "
        "step to step or collected into the output"
    ]
