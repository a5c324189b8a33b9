"""The use case: a plan becomes a report. Nothing here prints and nothing exits."""

from rnncheck.case import prepare
from rnncheck.examination import Progress, examine
from rnncheck.plan import Plan
from rnncheck.report import Report
from rnncheck.reported import reported


def check(plan: Plan, progress: Progress | None = None) -> Report:
    """Runs both sides with the same weights on the same sequences and compares everything they yield.

    `progress(done, total)` is called after every chunk, in timesteps. Ctrl-C and signals end the run early with a
    report of what was compared until then. Raises `CannotRun` for what cannot be used: device, weights, data, an
    option that a side lacks.
    """
    case = prepare(plan)
    return reported(case, examine(case, progress))
