"""Every fault, planted in random configurations and checked like any candidate: is it caught, and is it named?

Run it as `python benchmarks/faults_named.py [--configs N] [--pairs N] [--seed S] [--all]`. Of each fault one variant is
planted in each configuration, with --all every one. It prints how many were named first,
named among others, caught without their name, and missed; which were taken for which; and pairs of faults.
"""

import argparse
import itertools
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from rnncheck.checking.check import check
from rnncheck.checking.plan import Plan
from rnncheck.data.random import initial_state, random_sequences
from rnncheck.data.sequences import Sequences
from rnncheck.errors import RnncheckError
from rnncheck.faults.catalogue import faults_of
from rnncheck.faults.fault import Fault, combined, same
from rnncheck.faults.planted import Planted
from rnncheck.faults.scene import Scene
from rnncheck.model.spec import Cell, Dtype, InitialState, Spec
from rnncheck.model.weights import draw
from rnncheck.report import Report, Verdict

FIRST, AMONG, ALIKE, UNNAMED, OTHER, MISSED = "first", "among", "alike", "unnamed", "other name", "missed"


@dataclass(frozen=True)
class Configuration:
    spec: Spec
    seq_len: int
    batch_size: int
    lengths: tuple[int, ...] | None
    h0: InitialState
    seed: int

    def sequences(self) -> Sequences:
        return random_sequences(
            self.spec.input_size, self.seq_len, self.batch_size, lengths=self.lengths, seed=self.seed
        )

    def scene(self) -> Scene:
        x = torch.from_numpy(next(iter(self.sequences().chunks(self.seq_len))))
        state = initial_state(self.spec, self.batch_size, seed=self.seed, kind=self.h0)
        return Scene(self.spec, draw(self.spec, self.seed).values, x, state, self.lengths)

    def checked(self, name: str, *faults: Fault) -> Report:
        candidate = Planted(name, combined(*faults))
        return check(Plan(self.spec, self.sequences(), candidate, seed=self.seed, h0=self.h0, rows=0))

    def faults(self) -> list[Fault]:
        """Those that show here."""
        scene = self.scene()
        every = faults_of(self.spec, lengths=self.lengths is not None)
        return [fault for fault in every if fault.visible_in(scene) is None]


def configurations(cell: Cell, count: int, seed: int) -> Iterator[Configuration]:
    dice = random.Random(f"{cell} {seed}")
    for number in range(count):
        hidden_size, seq_len, batch_size = dice.randint(2, 12), dice.randint(2, 16), dice.randint(2, 5)
        layers = dice.choice([1, 1, 2, 3])
        spec = Spec(
            cell,
            input_size=hidden_size if dice.random() < 0.25 else dice.randint(1, 8),
            hidden_size=hidden_size,
            num_layers=layers,
            nonlinearity=dice.choice(["tanh", "tanh", "relu"]) if cell is Cell.RNN else None,
            bias=dice.random() < 0.85,
            dropout=0.3 if layers > 1 and dice.random() < 0.3 else 0.0,
            bidirectional=dice.random() < 0.35,
            proj_size=dice.randrange(hidden_size) if cell is Cell.LSTM and dice.random() < 0.2 else 0,
            dtype=dice.choice([Dtype.FLOAT32, Dtype.FLOAT32, Dtype.FLOAT64]),
        )
        lengths = None
        if dice.random() < 0.3:
            lengths = (seq_len, *(dice.randint(1, seq_len) for _ in range(batch_size - 1)))
        yield Configuration(spec, seq_len, batch_size, lengths, dice.choice(["random"] * 4 + ["zeros"]), number)


def outcome(report: Report, fault: Fault) -> str:
    if report.verdict is Verdict.EQUIVALENT:
        return MISSED
    named = [finding for finding in report.findings if finding.explains == 1.0 or finding.explains is None]
    slugs = [finding.slug for finding in named if finding.slug != "unexplained"]
    if slugs and slugs[0] == fault.slug:
        return FIRST
    if fault.slug in slugs:
        return AMONG
    if any(fault.title in finding.message for finding in named):
        return ALIKE
    return OTHER if any(finding.explains == 1.0 for finding in named) else UNNAMED


def one_of_each(faults: list[Fault], dice: random.Random) -> list[Fault]:
    slugs = dict.fromkeys(fault.slug for fault in faults)
    return [dice.choice([fault for fault in faults if fault.slug == slug]) for slug in slugs]


def singles(count: int, seed: int, every_variant: bool) -> None:
    dice = random.Random(seed)
    table: dict[tuple[Cell, str], Counter[str]] = {}
    taken: Counter[str] = Counter()
    for cell in Cell:
        for each in configurations(cell, count, seed):
            visible = each.faults()
            for fault in visible if every_variant else one_of_each(visible, dice):
                try:
                    report = each.checked(fault.slug, fault)
                except RnncheckError as refused:
                    print(f"refused: {fault.title}: {refused}")
                    continue
                found = outcome(report, fault)
                table.setdefault((cell, fault.slug), Counter())[found] += 1
                if found not in (FIRST, AMONG):
                    for_what = ", ".join(finding.slug for finding in report.findings) or "nothing"
                    taken[f"{found}: {cell} {fault.title} -> {for_what}"] += 1
            progress(cell, each.seed + 1, count)
    print_table(table)
    for what, times in taken.most_common():
        print(f"{times:4}  {what}")


def print_table(table: dict[tuple[Cell, str], Counter[str]]) -> None:
    columns = (FIRST, AMONG, ALIKE, UNNAMED, OTHER, MISSED)
    total: Counter[str] = Counter()
    print("| cell | fault | planted | " + " | ".join(columns) + " |")
    print("| --- | --- |" + " --- |" * (1 + len(columns)))
    for (cell, slug), counts in table.items():
        total += counts
        cells = " | ".join(str(counts[each] or "") for each in columns)
        print(f"| {cell} | {slug} | {counts.total()} | {cells} |")
    print(f"| all | | {total.total()} | " + " | ".join(str(total[each] or "") for each in columns) + " |")
    print(f"named first: {total[FIRST] / total.total():.1%}")


def pairs(count: int, seed: int) -> None:
    dice, found, seconds = random.Random(seed), Counter[str](), []
    each_cell = itertools.cycle(configurations(cell, count, seed + 1) for cell in Cell)
    while found.total() < count:
        each = next(next(each_cell))
        visible = [fault for fault in each.faults() if fault.shows_in == "states"]
        a, b = dice.sample(visible, 2)
        if a.slug == b.slug or not possible(a, b, each):
            continue
        began = time.process_time()
        report = each.checked("pair", a, b)
        seconds.append(time.process_time() - began)
        slugs = {finding.slug for finding in report.findings if finding.explains == 1.0}
        hit = len({a.slug, b.slug} & slugs)
        what = MISSED if report.verdict is Verdict.EQUIVALENT else ("none named", "one named", "both named")[hit]
        if slugs and not hit:
            what = "others named"
        found[what] += 1
        if hit < 2:
            print(f"{what}: {each.spec.cell} {a.title} + {b.title} -> {', '.join(sorted(slugs)) or 'unexplained'}")
        progress("pairs", found.total(), count)
    print(", ".join(f"{what} {times}" for what, times in found.most_common()))
    print(f"processor seconds of a check: median {sorted(seconds)[len(seconds) // 2]:.2f}, most {max(seconds):.2f}")


def possible(a: Fault, b: Fault, where: Configuration) -> bool:
    """Whether both can be committed at once, and together are neither the right layer nor one of them alone."""
    scene = where.scene()
    try:
        both = scene.run(combined(a, b)(where.spec))
    except (TypeError, RuntimeError, ValueError, IndexError):
        return False
    alone = (scene.run(fault.network(where.spec)) for fault in (a, b))
    return not any(same(both, each) for each in (scene.right, *alone))


def progress(what: str, done: int, total: int) -> None:
    print(f"\r\x1b[2K{what}: {done} of {total}", end="", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configs", type=int, default=20, help="of each cell")
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--all", action="store_true", help="every variant of each fault, not one of them")
    chosen = parser.parse_args()
    if chosen.configs:
        singles(chosen.configs, chosen.seed, chosen.all)
    if chosen.pairs:
        pairs(chosen.pairs, chosen.seed)


if __name__ == "__main__":
    main()
