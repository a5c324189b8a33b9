"""`PackedSequence` in and out: sequences of different lengths, longest first, with no padding between them."""

from typing import TypeVar

from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from rnncheck.trace import State

MaybeState = TypeVar("MaybeState", State, State | None)


def unpack(packed: PackedSequence) -> tuple[Tensor, Tensor]:
    """x (T, B, I), padded with zeros, and the lengths (B) of its rows; the longest row first, as packed."""
    in_packed_order = PackedSequence(packed.data, packed.batch_sizes)
    return pad_packed_sequence(in_packed_order)


def pack_like(packed: PackedSequence, output: Tensor, lengths: Tensor) -> PackedSequence:
    """The rows of output (T, B, D*R) packed as `packed` is."""
    data = pack_padded_sequence(output, lengths).data
    return PackedSequence(data, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)


def permute_rows(state: MaybeState, order: Tensor | None) -> MaybeState:
    """The states of the batch's rows in another order: the caller's, or longest first."""
    if state is None or order is None:
        return state
    return State(state.h.index_select(1, order), None if state.c is None else state.c.index_select(1, order))
