"""The two strangers that know how long each sequence is do with it what `torch.nn` does."""

import torch
from styles.fill import fill
from styles.index import STYLES
from styles.truth import data_of, reference, weights_of
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

LENGTHS = torch.tensor([2, 6, 4])


def expected_and_filled(name: str) -> tuple[Tensor, Tensor, object, PackedSequence, Tensor]:
    """`torch.nn`'s padded output and last state, the stranger with the same weights, and the data, packed and not."""
    (style,) = [style for style in STYLES if style.name == name]
    weights, (x, _, _) = weights_of(style), data_of(style)
    packed = pack_padded_sequence(x, LENGTHS, enforce_sorted=False)
    layer = reference(style)
    layer.load_state_dict(weights)
    output, h_n = layer(packed)
    return pad_packed_sequence(output)[0], h_n[0], fill(style.built(), style, weights), packed, x


def test_packed_in_packed_out() -> None:
    output, last, made, packed, _ = expected_and_filled("PackedRNN")
    found, found_last = made(packed)
    torch.testing.assert_close(pad_packed_sequence(found)[0], output, rtol=0, atol=1e-12)
    torch.testing.assert_close(found_last, last, rtol=0, atol=1e-12)


def test_lengths_as_an_argument_mask_what_is_padding() -> None:
    output, last, made, _, x = expected_and_filled("TaggerRNN")
    found, found_last = made(x.transpose(0, 1), LENGTHS)
    torch.testing.assert_close(found.transpose(0, 1), output, rtol=0, atol=1e-12)
    torch.testing.assert_close(found_last, last, rtol=0, atol=1e-12)
