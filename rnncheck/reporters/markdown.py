"""The report in Markdown: for the summary of a CI job, a pull request or an issue."""

import re
from collections.abc import Iterable, Sequence

from rnncheck.report import Failure, Report, Verdict
from rnncheck.reporters.numbers import count, difference, state, times
from rnncheck.reporters.overview import GRADIENT, NORMAL, STEPPED, overview
from rnncheck.reporters.units import units_of
from rnncheck.reporters.verdict import sentences
from rnncheck.text import printable

MARKS = {Verdict.EQUIVALENT: "✅", Verdict.MISMATCH: "❌", Verdict.INCONCLUSIVE: "❔"}
UNITS, ROWS = 4, 12  # of the table of states
SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&$!])")


def render(report: Report | Failure) -> str:
    """Verdict, findings, the table of quantities, the states, and what was compared."""
    if isinstance(report, Failure):
        return joined([f"## ⚠️ rnncheck: could not run (exit code {int(report.exit_code)})", block(report.reason)])
    return joined(
        [
            f"## {MARKS[report.verdict]} rnncheck: {report.verdict}",
            "\n".join(f"- {prose(each)}" for each in sentences(report)),
            *findings(report),
            quantities(report),
            *states(report),
            details(report),
        ]
    )


def findings(report: Report) -> Iterable[str]:
    """Each finding with its fix."""
    for each in report.findings:
        mend = f"\n\n**Mend:** {prose(each.mend)}" if each.mend else ""
        yield f"### `{each.slug}`\n\n{prose(each.message)}{mend}"


def quantities(report: Report) -> str:
    """The share of the limit that each quantity used."""
    ways = (NORMAL, STEPPED, GRADIENT)
    rows = []
    for row in overview(report.comparisons):
        shares = ["" if (found := row.ways.get(way)) is None else times(found.budget_used) for way in ways]
        amounts = [difference(row.worst.max_abs), difference(row.worst.envelope_at_max)]
        rows.append([row.name if row.agrees else f"**{prose(row.name)}** ❌", *shares, *amounts])
    return table(["share of the limit", *ways, "difference", "limit"], rows)


def states(report: Report) -> Iterable[str]:
    """Both sides' states around the first difference, or from the start."""
    for comparison in report.comparisons[:1]:
        units = units_of(report, comparison)
        shown = units.window(UNITS)
        first = comparison.first_divergence
        kept = comparison.per_timestep
        start = next((i for i, step in enumerate(kept) if first is not None and step.t == first.t), 0)
        rows = [
            [
                f"**{step.t}**" if step.exceeded else str(step.t),
                *(state(step.candidate[unit]) for unit in shown),
                *(state(step.reference[unit]) for unit in shown),
                times(step.budget_used),
            ]
            for step in kept[max(start - 2, 0) :][:ROWS]
        ]
        if rows:
            names = [f"{side}, {units.label(unit)}" for side in ("candidate", "reference") for unit in shown]
            yield table(["t", *names, "of limit"], rows)


def details(report: Report) -> str:
    """What was compared, folded away."""
    spec, (seq_len, batch, _) = report.spec, report.sequences.shape
    facts = {
        "candidate": f"{report.candidate.name} ({report.candidate.location})",
        "read as": report.candidate.read_as,
        "reference": f"{report.reference.name} ({report.reference.location})",
        "model": f"{spec.cell.upper()}, input_size {spec.input_size}, hidden_size {spec.hidden_size}, "
        f"num_layers {spec.num_layers}, {spec.dtype} on {spec.device}",
        "sequences": f"T {count(seq_len)}, B {batch}, {report.sequences.source.get('source', 'given')}",
    }
    lines = [f"- {name}: {prose(value)}" for name, value in facts.items() if value]
    lines += [f"- note: {prose(each)}" for each in report.notes]
    repeat = f"\n\n{block(report.command)}" if report.command else ""
    return "<details><summary>What was compared</summary>\n\n" + "\n".join(lines) + f"{repeat}\n\n</details>"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(each)} |" for each in lines)


def prose(text: str) -> str:
    """Any text, with escaped Markdown characters."""
    return SPECIAL.sub(r"\\\1", printable(text, 2000))


def block(text: str) -> str:
    return f"```text\n{printable(text, 2000).replace('`', chr(39))}\n```"


def joined(parts: Iterable[str]) -> str:
    return "\n\n".join(filter(None, parts)) + "\n"
