"""Sequences of different lengths, packed as torch packs them."""

import pytest
import torch
from scratch.pairs import CELLS, assert_same, pair
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

LENGTHS = torch.tensor([2, 5, 1, 5, 3])


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(5, 5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("gradients", [True, False])
def test_a_packed_output_is_packed_as_the_input_was(cell: str, gradients: bool, x: torch.Tensor) -> None:
    both = pair(cell, 3, 4, 2, bidirectional=True)
    packed = pack_padded_sequence(x, LENGTHS, enforce_sorted=False)
    with torch.set_grad_enabled(gradients):
        (ours, _), (theirs, _) = both.ours(packed), both.theirs(packed)
    assert isinstance(ours, PackedSequence)
    assert torch.equal(ours.batch_sizes, packed.batch_sizes)
    assert torch.equal(ours.sorted_indices, packed.sorted_indices)
    assert torch.equal(ours.unsorted_indices, packed.unsorted_indices)
    assert_same([ours.data], [theirs.data])


@pytest.mark.parametrize("cell", CELLS)
def test_sorted_rows_keep_their_order_and_carry_no_indices(cell: str, x: torch.Tensor) -> None:
    both = pair(cell, 3, 4)
    packed = pack_padded_sequence(x, LENGTHS.sort(descending=True).values)
    (ours, _), (theirs, _) = both.ours(packed), both.theirs(packed)
    assert ours.sorted_indices is None
    assert ours.unsorted_indices is None
    assert_same([ours.data], [theirs.data])


@pytest.mark.parametrize("cell", CELLS)
def test_final_states_are_each_row_s_own_last_in_the_caller_s_order(cell: str, x: torch.Tensor) -> None:
    layer = pair(cell, 3, 4).ours
    output, final = layer(pack_padded_sequence(x, LENGTHS, enforce_sorted=False))
    h_n = final[0] if cell == "LSTM" else final
    padded, _ = pad_packed_sequence(output)
    for row, length in enumerate(LENGTHS.tolist()):
        alone, _ = layer(x[:length, row])
        assert_same([h_n[0, row], padded[:length, row]], [alone[-1], alone])


@pytest.mark.parametrize("cell", CELLS)
def test_packing_batch_first_is_the_same_as_packing_time_first(cell: str, x: torch.Tensor) -> None:
    layer = pair(cell, 3, 4, batch_first=True).ours
    time_first = pack_padded_sequence(x, LENGTHS, enforce_sorted=False)
    batch_first = pack_padded_sequence(x.transpose(0, 1), LENGTHS, batch_first=True, enforce_sorted=False)
    assert_same([layer(time_first)[0].data], [layer(batch_first)[0].data])
