"""What was checked: model, weights, sequences, tolerance and environment, each with its label."""

import math
import re
from collections.abc import Mapping, Sequence
from itertools import groupby

from rich.cells import cell_len
from rich.text import Text

from rnncheck.model.spec import Cell, Spec
from rnncheck.report import Mapped, Report, Side
from rnncheck.reporters.numbers import count
from rnncheck.reporters.terminal.doctor import facts_in_words, in_words
from rnncheck.reporters.terminal.layout import GAP, LABELS, NO_BREAK, TableColumn, beside, entry, table
from rnncheck.reporters.terminal.screen import Screen

# What a source need not say of itself; the JSON report has all of it.
USUAL = {
    "sep": ",",
    "decimal": ".",
    "encoding": "utf-8",
    "missing": "error",
    "allow_nonfinite": False,
    "rows_dropped": 0,
    "cells_filled": 0,
    "cells_underflowed": 0,
}
IN_THE_NOTES = "header_chosen"
CELLS = {Cell.RNN: "Elman RNN", Cell.LSTM: "LSTM", Cell.GRU: "GRU"}
NAME = re.compile(r"(?P<kind>.+?)(?P<layer>_l\d+(_reverse)?)?")
MOST_ROWS = 16


def summary(report: Report, screen: Screen) -> list[Text]:
    """All entries, the most important first."""
    dot = f" {screen.glyphs.dot} "
    environment = dot.join(fact.replace(" ", NO_BREAK) for fact in facts_in_words(report.environment, screen))
    return [
        *entry("model", model(report.spec), screen.width),
        *entry("candidate", _side(report.candidate, screen), screen.width),
        *_read_as(report.candidate, screen),
        *mapping(report, screen),
        *entry("reference", _side(report.reference, screen), screen.width),
        *_read_as(report.reference, screen),
        *entry("sequences", sequences(report, screen), screen.width),
        *entry("tolerance", _tolerance(report, screen), screen.width),
        *entry("weights", _weights(report, screen), screen.width),
        *parameters(report.weights.shapes, screen.width),
        *entry("environment", environment, screen.width, "dim"),
    ]


def notes(report: Report, screen: Screen) -> list[Text]:
    """Notes that a reader needs to judge the verdict."""
    said = list(report.notes)
    if report.reason and report.verdict != "inconclusive":  # where it is the verdict's own sentence
        said.insert(0, report.reason)
    lines: list[Text] = []
    for note in said:
        lines += entry("" if lines else "notes", screen.clean(note, 2000), screen.width)
    return lines


def read_in_words(report: Report, screen: Screen) -> str:
    """How the candidate was understood and which of its tensors hold what; empty if that is torch's own way."""
    read = screen.clean(report.candidate.read_as or "", 1000)
    renamed = [each for each in report.mapping if each.candidate != each.from_]
    weights = ", ".join(f"{screen.clean(each.candidate)} = {screen.clean(each.from_)}" for each in renamed)
    return "; ".join(filter(None, [read, weights]))


def model(spec: Spec) -> str:
    """Sizes, and the options that are not torch.nn's defaults."""
    layers = "1 layer" if spec.num_layers == 1 else f"{spec.num_layers} layers"
    sizes = f"{CELLS[spec.cell]}, input_size {spec.input_size}, hidden_size {spec.hidden_size}, {layers}"
    return ", ".join([sizes, *_options(spec), f"{spec.dtype} on {spec.device}"])


def in_short(report: Report, screen: Screen) -> str:
    """The model and the sequences in about one line, in the letters of torch's documentation."""
    spec, (seq_len, batch, _) = report.spec, report.sequences.shape
    sizes = f"{spec.cell.upper()} I {spec.input_size} H {spec.hidden_size} L {spec.num_layers}"
    source = report.sequences.source
    name = source.get("path", source.get("source", "given"))
    seed = f" seed {source['seed']}" if "seed" in source else ""
    read = f"{screen.clean(name, 200)}{seed}: T {count(seq_len)} B {count(batch)}"
    return "; ".join([", ".join([sizes, *_options(spec), f"{spec.dtype} on {spec.device}"]), read])


def _options(spec: Spec) -> list[str]:
    """Those that are not torch.nn's defaults."""
    options = {
        "relu": spec.nonlinearity == "relu",
        "bidirectional": spec.bidirectional,
        f"proj_size {spec.proj_size}": spec.proj_size,
        "no bias": not spec.bias,
        "batch first": spec.batch_first,
        f"dropout {spec.dropout:g}, off while comparing": spec.dropout,
        f"{spec.head} head": spec.head,
    }
    return [option for option, chosen in options.items() if chosen]


def _side(side: Side, screen: Screen) -> str:
    return f"{screen.clean(side.name)} ({screen.clean(side.location, 200)})"


def _read_as(side: Side, screen: Screen) -> list[Text]:
    """How rnncheck read the user's code."""
    return entry("", f"read as {screen.clean(side.read_as, 1000)}", screen.width) if side.read_as else []


def sequences(report: Report, screen: Screen) -> str:
    facts = report.sequences
    shape = ", ".join(f"{axis} {count(size)}" for axis, size in zip("TBI", facts.shape, strict=True))
    if facts.lengths:
        shape += f", lengths {in_words(facts.lengths, screen)}"
    unusual = {
        key: value
        for key, value in facts.source.items()
        if key != IN_THE_NOTES and (key not in USUAL or value != USUAL[key])
    }
    kind = screen.clean(unusual.pop("source", "given"))
    return "; ".join([", ".join([kind, *facts_in_words(unusual, screen)]), shape, f"h0 {screen.clean(facts.h0)}"])


def _tolerance(report: Report, screen: Screen) -> str:
    tolerance, glyphs = report.tolerance, screen.glyphs
    if tolerance.kind == "envelope":
        return _envelope(report)
    atol, rtol = tolerance.atol or 0.0, tolerance.rtol or 0.0
    relative = f"{rtol:g} {glyphs.times} |reference|"
    terms = [f"{atol:g}"] * (atol > 0) + [relative] * (rtol > 0)
    return f"|diff| {glyphs.at_most} {' + '.join(terms) or '0'}, as stated"


def _envelope(report: Report) -> str:
    facts, steps = report.tolerance, report.sequences.shape[0]
    said = f"the rounding envelope of {report.spec.dtype}"
    if facts.samples is None or facts.horizon is None or facts.growth is None or facts.extent is None:
        return said
    said += f", from {facts.samples} perturbed runs"
    if facts.horizon < steps:
        said += (
            f"; rounding error grows {facts.growth:.3g}-fold per step, so the normal run is judged for "
            f"{count(facts.horizon)} timesteps"
        )
    if facts.extent < steps:
        said += (
            f"; computed for the first {count(facts.extent)} timesteps; later ones have the largest limit so far, "
            "unless a chunk exceeds it and gets its own envelope"
        )
    return said


def _weights(report: Report, screen: Screen) -> str:
    weights = report.weights
    if weights.sync == "none":
        return f"{count(weights.count)} numbers, not synchronised: each side has its own"
    source = f"from {screen.clean(weights.source, 200)}" if weights.seed is None else f"seed {weights.seed}"
    scaled = "" if weights.scale == 1 else f", the recurrent ones times {weights.scale:g}"
    own = any(each.how == "own" for each in report.mapping)
    sides = "the reference" if own else "both sides"
    return f"{count(weights.count)} numbers, {source}{scaled}, read back from {sides} bit for bit"


def mapping(report: Report, screen: Screen) -> list[Text]:
    """The tensors that do not have torch's name for their weight, and the number of the others."""
    renamed = [each for each in report.mapping if each.candidate != each.from_]
    if not renamed:
        return []
    if all(each.how == "kept" for each in renamed):
        return []
    if all(each.how == "own" for each in renamed):
        own = screen.clean(renamed[0].candidate)
        return entry("", f"filled by its own {own}, proved by changing each weight alone", screen.width)
    lines = _table(renamed[:MOST_ROWS], screen)
    named = len(report.mapping) - len(renamed)
    left_out = len(renamed) - MOST_ROWS
    if left_out > 0:
        lines += entry("", f"and {count(left_out)} more, which --format json lists", screen.width)
    if named:
        lines += entry("", f"and {count(named)} by torch's own names", screen.width)
    return lines


def _table(rows: Sequence[Mapped], screen: Screen) -> list[Text]:
    facts = [
        TableColumn("shape", ["" if each.shape is None else str(each.shape) for each in rows], right=False),
        TableColumn("by", [screen.clean(each.how) for each in rows], right=False),
    ]
    room = screen.width - LABELS - sum(GAP + each.width for each in facts)
    names = TableColumn("tensor", [_clipped(screen.clean(each.candidate), room) for each in rows], right=False)
    return beside([names, *facts], "holds", [screen.clean(each.from_, 1000) for each in rows], screen.width, LABELS)


def _clipped(name: str, room: int) -> str:
    """The end of a dotted name, which says most."""
    while cell_len(name) > max(room, len("...")):
        name = "..." + name.removeprefix("...")[1:]
    return name


def parameters(shapes: Mapping[str, tuple[int, ...]], width: int) -> list[Text]:
    """A table of shapes. A parameter's name is that of its column and its row together: `weight_ih` and `_l0`."""
    rows: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, shape in shapes.items():
        if match := NAME.fullmatch(name):
            rows.setdefault(match["layer"] or "head", {})[match["kind"]] = shape
    lines: list[Text] = []
    for kinds, group in groupby(rows.items(), key=lambda row: tuple(row[1])):  # the head has kinds of its own
        layers = dict(group)
        columns = [TableColumn("", list(layers), right=False)]
        for kind in kinds:
            columns.append(TableColumn(kind, [str(held[kind]) for held in layers.values()], right=False))
        if len(shapes) > len(kinds):  # else the total says it
            counts = [count(sum(map(math.prod, held.values()))) for held in layers.values()]
            columns.append(TableColumn("numbers", counts))
        lines += table(columns, width, LABELS)
    for line in lines:
        line.stylize("dim")
    return lines
