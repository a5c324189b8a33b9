"""The memory that a check needs; a check that needs too much is refused before it allocates anything."""

import math

import torch

from rnncheck.data.sequences import Sequences
from rnncheck.errors import CannotRun
from rnncheck.evidence import free_run
from rnncheck.model.spec import Spec

FLOAT64, FLOAT32 = 8, 4
GIB = 2**30


def require_memory(spec: Spec, sequences: Sequences, *, enveloped: bool) -> None:
    """Raises `CannotRun` for sizes that do not fit into memory; `enveloped` says whether there is an envelope."""
    needed, here = held(spec, sequences, enveloped=enveloped), free_run.physical_memory()
    if needed <= here:
        return
    count = sum(math.prod(shape) for shape in spec.parameter_shapes().values())
    what = f"{count:,} weights in float64 and on both sides" + (", the rounding envelope" if enveloped else "")
    ways = "choose smaller sizes"
    less = held(spec, sequences, enveloped=False)
    if enveloped and less <= here:
        ways += (
            f", or set a tolerance with --atol: then no envelope is needed, and the check takes {less / GIB:,.1f} GiB"
        )
    raise CannotRun(
        f"this check would hold {needed / GIB:,.1f} GiB ({what}, and states of {sequences.batch_size:,} rows), "
        f"and there are {here / GIB:,.1f} GiB; {ways}"
    )


def held(spec: Spec, sequences: Sequences, *, enveloped: bool) -> float:
    """An upper bound on the bytes that a check holds at once, without torch itself.

    Each weight: its master copy, both sides', and the copy that a side is read back against; in the envelope its
    value in float64, its square in float64 and in the precision of the samples, what multiplies their moves, and all
    of a layer side by side. Each timestep and row of a chunk: x, and the sums and states of every direction, on each
    side and in the envelope.
    """
    size = torch.finfo(getattr(torch, spec.dtype)).bits // 8
    count = sum(math.prod(shape) for shape in spec.parameter_shapes().values())
    each = FLOAT64 + 3 * size + (3 * FLOAT64 + 2 * FLOAT32 if enveloped else 0)
    longest = free_run.chunk_length(sequences.batch_size, spec)
    steps = sequences.batch_size * min(longest, sequences.seq_len or longest)
    numbers = spec.input_size + spec.directions * (2 if enveloped else 1) * free_run.rows_per_step(spec)
    return float(each * count + FLOAT64 * numbers * steps)
