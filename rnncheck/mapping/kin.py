"""What a candidate may be: torch's own cell, or the GRU as others define it. Each is read exactly beside its kin."""

from collections.abc import Iterator

from rnncheck.faults.gru import ResetBeforeMatmul, UpdateInverted
from rnncheck.scratch.network import Network
from rnncheck.spec import Cell, Spec


class BothExchanged(ResetBeforeMatmul, UpdateInverted):
    """h' = z n + (1 - z) h with n = tanh(p_n + (r h) W_hn + b_hn): the GRU's first paper."""


def kin(spec: Spec) -> Iterator[tuple[Network, bool]]:
    """Each network, and whether b_ih and b_hh of every gate stand in one sum there; torch's own network first."""
    yield Network(spec), spec.cell is not Cell.GRU
    if spec.cell is Cell.GRU:
        yield UpdateInverted(spec), False
        yield ResetBeforeMatmul(spec), True
        yield BothExchanged(spec), True
