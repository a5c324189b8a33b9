"""Which options each implementation runs: every rule of the conformance kit, on each option it does not refuse.

python -m benchmarks.conformance

The rules are those of `tests/implementations/conformance.py`. Prints the table of docs/porting.md: "yes" where every
rule holds, "-" where it is another cell, a number where the option is refused, with the reason below, and FAILS where a
rule does not hold.
Implementations whose package is not installed are left out.
"""

import argparse
import sys
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import torch
from implementations.cases import Case, Restricted
from implementations.conformance import RULES, refusal

from rnncheck.errors import RnncheckError
from rnncheck.implementations import load
from rnncheck.implementations.jax_names import names as jax_names
from rnncheck.implementations.keras_backend import CLASSES as KERAS
from rnncheck.implementations.protocol import Implementation, Read
from rnncheck.model.spec import Cell, Dtype, Spec

PROGRAM = f"exec:{sys.executable} examples/commands/rnn.py {{inputs}} {{outputs}}"
NAMES = ("torch", "scratch", "numpy", "onnxruntime", *(f"keras:{each}" for each in KERAS), *jax_names(), PROGRAM)
CELLS = {
    "tanh": Spec(),
    "relu": Spec(nonlinearity="relu"),
    "lstm": Spec(cell=Cell.LSTM),
    "gru": Spec(cell=Cell.GRU),
}
LENGTHS = (4, 7, 2)


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    warnings.simplefilter("ignore")
    print("\n".join(table(NAMES)))


def table(names: Sequence[str]) -> list[str]:
    """The lines of the table, and of the reasons below it."""
    reasons: list[str] = []
    rows = [row for name in names if (row := row_of(name, reasons))]
    columns = [*CELLS, *options(Spec(cell=Cell.LSTM))]
    head = [f"| | {' | '.join(columns)} |", f"| --- |{' --- |' * len(columns)}"]
    return [*head, *rows, "", *(f"{number}. {reason}" for number, reason in enumerate(reasons, 1))]


def row_of(name: str, reasons: list[str]) -> str | None:
    try:
        implementation = load(name)
    except RnncheckError as absent:
        print(f"{name}: {absent}", file=sys.stderr)
        return None
    able = {each: Case(widest(implementation, spec)) for each, spec in CELLS.items()}
    cells = [verdict(implementation, case, reasons) for case in able.values()]
    one = next(case for case in able.values() if refusal(implementation, case) is None)
    lstm = able["lstm"] if refusal(implementation, able["lstm"]) is None else one
    cells += [verdict(implementation, case, reasons) for case in options(lstm.spec).values()]
    return f"| `{shown(name)}` | {' | '.join(cells)} |"


def widest(implementation: Implementation, spec: Spec) -> Spec:
    """The spec in float64, or in float32 where that is refused."""
    wide = replace(spec, dtype=Dtype.FLOAT64)
    return wide if implementation.refuses(wide) is None else spec


def options(spec: Spec) -> dict[str, Case]:
    """Each option, on this spec. A projection is tried on the LSTM alone, since no other cell has one."""
    lstm = replace(spec, cell=Cell.LSTM, nonlinearity=None)
    return {
        "no bias": Case(replace(spec, bias=False)),
        "3 layers": Case(replace(spec, num_layers=3)),
        "both directions": Case(replace(spec, num_layers=2, bidirectional=True)),
        "lengths": Case(spec, lengths=LENGTHS),
        "projection": Case(replace(lstm, proj_size=2)),
        "head": Case(replace(spec, head="softmax")),
        "float64": Case(replace(spec, dtype=Dtype.FLOAT64)),
        "float32": Case(replace(spec, dtype=Dtype.FLOAT32)),
        "bfloat16": Case(replace(spec, dtype=Dtype.BFLOAT16)),
        "float16": Case(replace(spec, dtype=Dtype.FLOAT16)),
    }


def verdict(implementation: Implementation, case: Case, reasons: list[str]) -> str:
    if reason := refusal(implementation, case):
        if "cell" in reason:
            return "-"
        reason = reason.replace(implementation.name, "it")
        if reason not in reasons:
            reasons.append(reason)
        return str(reasons.index(reason) + 1)
    if isinstance(implementation, Read):
        case = Restricted(case.spec, lengths=case.lengths, name=implementation.name)
    with torch.no_grad():
        for rule in RULES:
            try:
                rule(implementation, case)
            except Exception as problem:
                print(f"{implementation.name}, {case}: {rule.__name__}: {problem!r}", file=sys.stderr)
                return f"FAILS {rule.__name__}"
    return "yes"


def shown(name: str) -> str:
    return "exec:rnn.py" if name == PROGRAM else name


if __name__ == "__main__":
    main()
