"""A benchmark on a terminal: the result, a row for each size and pass, and the command that repeats it."""

from rich.text import Text

from rnncheck.reporters.bench.words import deviation, how, interval, kind, ratio, seconds, sentences, size_in_bytes
from rnncheck.reporters.terminal.layout import TableColumn, hanging, table, unbroken
from rnncheck.reporters.terminal.screen import Screen
from rnncheck.text import short
from rnncheck.timings import Bench, Outcome, Ratio

STYLES = {Outcome.FASTER: "bold green", Outcome.SLOWER: "bold red", Outcome.NO_DIFFERENCE: ""}


def bench(found: Bench, screen: Screen, *, verbose: bool) -> list[Text]:
    """The screen. `verbose` adds the spread of the times, memory, the first call and the number of timed calls."""
    if found.exit_code:
        mark = Text(screen.glyphs.mismatch if found.too_slow else screen.glyphs.inconclusive, "bold red")
    else:
        mark = Text(screen.glyphs.equivalent, "bold green")
    lines: list[Text] = []
    for sentence in sentences(found):
        lines += hanging(Text() if lines else mark, Text(unbroken(screen.clean(sentence, 2000))), screen.width, 2)
    lines += [Text(), *(details(found, screen) if verbose else rows(found, screen)), Text()]
    facts = [("timed", f"{how(found)}: medians; speed with 96 % interval"), *(("note", each) for each in found.notes)]
    for label, text in [*facts, ("repeat", found.command)]:
        if text:
            lines += hanging(Text(f"  {label}", "dim"), Text(unbroken(screen.clean(text, 2000))), screen.width, 10)
    return lines


def rows(found: Bench, screen: Screen) -> list[Text]:
    """The size as a heading, below it a row for each pass. A change since a baseline takes the reference's place."""
    lines = table([passes(found), *columns(found, screen)], screen.width)
    sizes = [str(each.size) for each in found.rows]
    if len(lines) != len(sizes) + 1:  # a narrow screen, on which the table goes on below
        return details(found, screen)
    grouped = lines[:1]
    for index, line in enumerate(lines[1:]):
        if index == 0 or sizes[index] != sizes[index - 1]:
            grouped.append(Text(f"  {sizes[index]}", "dim"))
        grouped.append(line)
    return grouped


def columns(found: Bench, screen: Screen) -> list[TableColumn]:
    candidate, reference = (screen.clean(short(each), 12) for each in (found.candidate, found.reference))
    speeds = [each.speed for each in found.rows]
    first = [
        TableColumn(candidate, [seconds(each.candidate.median) for each in found.rows]),
        TableColumn(reference, [seconds(each.reference.median) for each in found.rows]),
    ]
    last = [
        TableColumn("speed", [ratio(each) for each in speeds], styles=styles(speeds)),
        TableColumn("interval", [interval(each) for each in speeds]),
    ]
    changes = [each.change for each in found.rows]
    if any(changes):
        since = [f"{ratio(each)} {outcome(each)}" if each else "not in it" for each in changes]
        return [first[0], *last, TableColumn("since the baseline", since, right=False, styles=styles(changes))]
    return [*first, *last, TableColumn("", [outcome(each) for each in speeds], right=False, styles=styles(speeds))]


def details(found: Bench, screen: Screen) -> list[Text]:
    """All measurements, in columns that wrap below."""
    _, reference = (screen.clean(short(each), 12) for each in (found.candidate, found.reference))
    every = found.rows
    more = [
        TableColumn("first call", [seconds(each.first_call) for each in every]),
        TableColumn("spread", [deviation(each.candidate) for each in every]),
        TableColumn(f"of {reference}", [deviation(each.reference) for each in every]),
        TableColumn("memory", [size_in_bytes(each.candidate_bytes) for each in every]),
        TableColumn(f"of {reference}", [size_in_bytes(each.reference_bytes) for each in every]),
        TableColumn("calls", [f"{each.candidate.calls:,} / {each.reference.calls:,}" for each in every]),
    ]
    sizes = [f"{each.size}  {short_pass}" for each, short_pass in zip(every, passes(found).cells, strict=True)]
    return table([TableColumn("size", sizes, right=False), *columns(found, screen), *more], screen.width)


def passes(found: Bench) -> TableColumn:
    said = [kind(each).replace("forward and backward", "and backward") for each in found.rows]
    return TableColumn("pass", said, right=False)


def outcome(speed: Ratio) -> str:
    return speed.outcome.replace("no measurable", "no")


def styles(speeds: list[Ratio] | list[Ratio | None]) -> list[str]:
    return [STYLES[each.outcome] if each else "" for each in speeds]
