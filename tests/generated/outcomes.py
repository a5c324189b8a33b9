"""What rnncheck makes of a generated layer, given what its user would say of it."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generated.kind import Kind
from generated.source import name_of
from generated.truth import FEATURES, VOCABULARY, written

from rnncheck import api
from rnncheck.errors import CannotRun, UsageError

WAY_OUT = re.compile(r"rnncheck adapt|--(arg|batch-size|seq-len|mapping|input-size|lengths)\b")


@dataclass(frozen=True)
class Outcome:
    """The verdict and the findings' names, or the refusal's message; seconds of processor time."""

    kind: Kind
    path: Path
    verdict: str | None
    slugs: tuple[str, ...]
    refusal: str | None
    seconds: float

    @property
    def way_out(self) -> bool:
        """Whether a refusal shows a command or an option to go on with."""
        return self.refusal is not None and WAY_OUT.search(self.refusal) is not None


def said(kind: Kind) -> dict[str, Any]:
    """Options that the layer's user gives: which layer it should be, and sizes that only they know."""
    options: dict[str, Any] = {"cell": kind.cell, "num_layers": kind.layers, "bidirectional": kind.directions == 2}
    if kind.inputs == "BT":
        options["input_size"] = 1
    if kind.inputs == "ids":
        options["arguments"] = {"vocab_size": VOCABULARY, "embedding_dim": FEATURES}
    return options


def outcome(kind: Kind, folder: Path, replaced: Mapping[str, str] | None = None) -> Outcome:
    path, began = written(kind, folder, replaced), time.process_time()
    verdict, slugs, refusal = None, (), None
    try:
        report = api.check(f"{path}:{name_of(kind)}", **said(kind))
        verdict, slugs = str(report.verdict), tuple(finding.slug for finding in report.findings)
    except (CannotRun, UsageError) as problem:
        refusal = str(problem)
    return Outcome(kind, path, verdict, slugs, refusal, time.process_time() - began)


def command(kind: Kind, path: Path) -> list[str]:
    """The same by the command line."""
    options = ["--cell", kind.cell, "--num-layers", str(kind.layers)]
    options += ["--bidirectional"] if kind.directions == 2 else []
    options += ["--input-size", "1"] if kind.inputs == "BT" else []
    if kind.inputs == "ids":
        options += ["--arg", f"vocab_size={VOCABULARY}", "--arg", f"embedding_dim={FEATURES}"]
    return ["compare", f"{path}:{name_of(kind)}", *options]
