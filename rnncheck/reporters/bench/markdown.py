"""The benchmark in Markdown: for a pull request or the summary of a CI job."""

from rnncheck.reporters.bench.words import deviation, how, interval, kind, ratio, seconds, sentences, size_in_bytes
from rnncheck.reporters.markdown import block, joined, prose, table
from rnncheck.timings import Bench


def render(bench: Bench) -> str:
    """The answer, and a row for each size and pass."""
    changed = any(row.change for row in bench.rows)
    names = [prose(bench.candidate), prose(bench.reference)]
    header = [
        "size",
        "pass",
        *names,
        "speed",
        "interval",
        "outcome",
        "first call",
        "memory",
        *["since the baseline"] * changed,
    ]
    rows = [
        [
            str(row.size),
            kind(row),
            *(f"{seconds(side.median)} {deviation(side)}" for side in (row.candidate, row.reference)),
            ratio(row.speed),
            interval(row.speed),
            str(row.speed.outcome),
            seconds(row.first_call),
            f"{size_in_bytes(row.candidate_bytes)} / {size_in_bytes(row.reference_bytes)}",
            *([f"{ratio(row.change)} ({interval(row.change)})" if row.change else ""] * changed),
        ]
        for row in bench.rows
    ]
    facts = "\n".join(f"- {prose(each)}" for each in [*sentences(bench), *bench.notes])
    command = [block(bench.command)] if bench.command else []
    return joined(["## rnncheck bench", facts, table(header, rows), prose(how(bench)), *command])
