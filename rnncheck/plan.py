"""A plan: all that one check is asked to do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from rnncheck.implementations.protocol import Implementation
from rnncheck.sequences.base import Sequences
from rnncheck.spec import InitialState, Spec
from rnncheck.weights import Weights


@dataclass(frozen=True)
class Plan:
    """One check: what model, on what data, with which weights, who against whom, and what is allowed.

    `rows` is how many timesteps the report shows (None: all). A stated `atol` or `rtol` replaces the rounding
    envelope; the other is then 0. `lockstep` also judges every step by itself, from the exact states before it, by the
    envelope (None: unless a tolerance is stated);
    `backward` the gradients (None: where both sides can be differentiated and no tolerance is stated);
    `diagnose` looks for the known fault that explains a mismatch. `witness` plants every known fault after a pass, to
    see which this check would have caught (None: unless the layer is large); "strict" takes a pass that would have
    missed one that shows for inconclusive. `arguments` are for the constructor of the user's own class: the
    candidate's, or else the reference's. `mapping_path` says what each of the candidate's tensors holds, which is found
    out otherwise, and can be written to `save_mapping_path`. `weights` are in hand, or else in a file, or drawn.
    """

    spec: Spec
    sequences: Sequences
    candidate: str | Implementation = "scratch"
    reference: str | Implementation = "torch"
    seed: int = 0
    h0: InitialState = "random"
    weights_path: Path | None = None
    weights: Weights | None = None
    save_weights_path: Path | None = None
    mapping_path: Path | None = None
    save_mapping_path: Path | None = None
    weight_scale: float = 1.0
    allow_nonfinite: bool = False
    atol: float | None = None
    rtol: float | None = None
    lockstep: bool | None = None
    backward: bool | None = None
    diagnose: bool = True
    witness: bool | Literal["strict"] | None = None
    tf32: bool = False
    rows: int | None = 30
    arguments: Mapping[str, object] = field(default_factory=dict)
