"""How much of the data both sides run at a time: chunks along time, or everything where a layer needs it at once."""

import os
from collections.abc import Iterator

import torch
from torch import Tensor

from rnncheck.errors import DataError
from rnncheck.sequences.base import Sequences
from rnncheck.spec import Spec

LONGEST = 4096  # timesteps: longer chunks gain no speed
WIDEST = 8 * 1024 * 1024  # elements of the widest thing a chunk holds


def tensors(sequences: Sequences, spec: Spec, *, whole: bool = False) -> Iterator[Tensor]:
    """x (t, B, I) in float64, chunk by chunk; in one piece for both directions or lengths, which read to the end, and
    `whole` for layers that cannot go on from a state.

    Raises `DataError` rather than fill more than half of the memory with that one piece.
    """
    if whole or spec.bidirectional or sequences.lengths is not None:
        x = gather(sequences, spec)
        if len(x):
            yield x
        return
    for chunk in sequences.chunks(chunk_length(sequences.batch_size, spec)):
        yield torch.from_numpy(chunk)


def chunk_length(batch_size: int, spec: Spec) -> int:
    """A multiple of 16, where torch.nn's chunks are bit for bit what one long run gives."""
    per_step = max(1, batch_size) * max(spec.input_size, spec.cell.gates * spec.hidden_size)
    return min(LONGEST, max(16, WIDEST // per_step // 16 * 16))


def gather(sequences: Sequences, spec: Spec) -> Tensor:
    """All of x at once."""
    per_step = 8 * sequences.batch_size * (2 * sequences.input_size + 2 * spec.directions * rows_per_step(spec))
    chunks, steps = [], 0
    for chunk in sequences.chunks(LONGEST):
        steps += len(chunk)
        needed = per_step * max(steps, sequences.seq_len or 0)
        if needed > physical_memory() / 2:
            why = (
                "lengths" if sequences.lengths else "both directions" if spec.bidirectional else "layers without states"
            )
            raise DataError(
                f"{why} need all timesteps at once, more than {needed / 2**30:.1f} GiB of the "
                f"{physical_memory() / 2**30:.1f} GiB here; cut the data with --window N, or run a part of it"
            )
        chunks.append(torch.from_numpy(chunk))
    if not chunks:
        return torch.empty(0, sequences.batch_size, sequences.input_size, dtype=torch.float64)
    return torch.cat(chunks) if len(chunks) > 1 else chunks[0]


def rows_per_step(spec: Spec) -> int:
    return spec.cell.gates * spec.hidden_size + spec.state_size


def physical_memory() -> float:
    """Bytes; without a limit where the system does not tell."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return float("inf")
