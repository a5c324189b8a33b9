"""What the diagnosis adds to a mismatch and the witness to a pass, at the default sizes.

Run it as `python benchmarks/explain_costs.py [--repeats N]`. Processor seconds of a check with and without, in turns.
"""

import argparse
import statistics
import time
from collections.abc import Callable

from rnncheck.checking.check import check
from rnncheck.checking.plan import Plan
from rnncheck.data.random import random_sequences
from rnncheck.faults.catalogue import by_name
from rnncheck.faults.planted import Planted
from rnncheck.model.spec import Cell, Spec

FAULTS = {Cell.RNN: "no-recurrence", Cell.LSTM: "gate-order:i,f,o,g", Cell.GRU: "gru-update-inverted"}


def seconds(run: Callable[[], object]) -> float:
    began = time.process_time()
    run()
    return time.process_time() - began


def added(plain: Callable[[], object], more: Callable[[], object], repeats: int) -> str:
    """The median of what `more` takes beyond `plain`, and its range; both ran once before."""
    plain(), more()
    found = sorted(seconds(more) - seconds(plain) for _ in range(repeats))
    return f"{statistics.median(found):.2f} ({found[0]:.2f} to {found[-1]:.2f})"


def plan(spec: Spec, **options: object) -> Plan:
    return Plan(spec, random_sequences(3, 12, 3), **options)  # type: ignore[arg-type]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    print("| cell | diagnosis of one fault | of two | of none | witness |")
    print("| --- | --- | --- | --- | --- |")
    for cell in Cell:
        spec = Spec(cell)
        one = by_name(FAULTS[cell], spec)
        two, none = by_name("missing-recurrent-bias", spec), by_name("low-precision-compute", spec)
        layers = [
            Planted("one", one.network),
            Planted("two", type("Two", (one.mixin, two.mixin), {})),
            Planted("none", type("None", (Unknown, one.mixin, none.mixin), {})),
        ]
        cells = []
        for layer in layers:
            plain, more = (plan(spec, candidate=layer, diagnose=wanted) for wanted in (False, True))
            cells.append(added(lambda plain=plain: check(plain), lambda more=more: check(more), repeats))
        plain, more = (plan(spec, witness=wanted) for wanted in (False, True))
        cells.append(added(lambda plain=plain: check(plain), lambda more=more: check(more), repeats))
        print(f"| {cell} | " + " | ".join(cells) + " |", flush=True)


class Unknown:
    """Another bug that no fault is."""

    def drop(self, *arguments: object) -> object:
        return super().drop(*arguments)  # type: ignore[misc]

    def step(self, w: object, p: object, carry: object) -> object:
        h, *rest = super().step(w, p * 0.97, carry)  # type: ignore[misc, operator]
        return (h * 1.03, *rest)


if __name__ == "__main__":
    main()
