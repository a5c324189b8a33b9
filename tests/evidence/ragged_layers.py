"""Layers that take lengths: right ones, and ones that are wrong for some lengths, in some mode, or for some padding."""

from typing import Any

import torch
from evidence.used_layers import Plain
from torch import Tensor, nn


class Masked(Plain):
    """A right GRU: a row that has ended keeps its state, and what is behind its end is not read."""

    def forward(self, x: Tensor, lengths: Tensor, h0: Tensor | None = None) -> Any:  # type: ignore[override]
        going = self.mask(x, lengths)
        h = self.start(x) if h0 is None else h0[0]
        outputs = []
        for x_t, mask in zip(self.cleaned(x, going), going, strict=True):
            h = self.chosen(mask, self.step(x_t, h), h)
            outputs.append(torch.where(mask, h, 0.0))
        return self.ended(torch.stack(outputs), lengths), h[None]

    def mask(self, x: Tensor, lengths: Tensor) -> Tensor:
        return (torch.arange(len(x))[:, None] < lengths)[..., None]

    def cleaned(self, x: Tensor, going: Tensor) -> Tensor:
        return torch.where(going, x, 0.0)

    def chosen(self, mask: Tensor, new: Tensor, old: Tensor) -> Tensor:
        return torch.where(mask, new, old)

    def ended(self, output: Tensor, lengths: Tensor) -> Tensor:
        return output


class ToTheLongestRow(Masked):
    """Returns no outputs behind the end of the longest row, as torch's pad_packed_sequence."""

    def ended(self, output: Tensor, lengths: Tensor) -> Tensor:
        return output[: int(lengths.max())]


class Packing(nn.GRU):
    def forward(self, x: Tensor, lengths: Tensor, h0: Tensor | None = None) -> Any:  # type: ignore[override]
        packed = nn.utils.rnn.pack_padded_sequence(x, lengths, enforce_sorted=False)
        output, last = super().forward(packed, h0)
        return nn.utils.rnn.pad_packed_sequence(output, total_length=len(x))[0], last


RIGHT = [Masked, ToTheLongestRow, Packing]


class GoesOnInTraining(Masked):
    def mask(self, x: Tensor, lengths: Tensor) -> Tensor:
        return super().mask(x, torch.full_like(lengths, len(x)) if self.training else lengths)


class RepeatsItsLastOutput(Masked):
    def ended(self, output: Tensor, lengths: Tensor) -> Tensor:
        longest = int(lengths.max())
        return torch.cat([output[:longest], output[longest - 1 : longest].expand(len(output) - longest, -1, -1)])


class ReadsEqualLengthsAsT(Masked):
    def mask(self, x: Tensor, lengths: Tensor) -> Tensor:
        equal = bool((lengths == lengths[0]).all())
        return super().mask(x, torch.full_like(lengths, len(x)) if equal else lengths)


class SumsThePadding(Masked):
    def cleaned(self, x: Tensor, going: Tensor) -> Tensor:
        return torch.where(going, x - 1e-3 * (x * ~going).sum(0), 0.0)


class MasksByMultiplying(Masked):
    def cleaned(self, x: Tensor, going: Tensor) -> Tensor:
        return x

    def chosen(self, mask: Tensor, new: Tensor, old: Tensor) -> Tensor:
        kept = mask.to(new.dtype)
        return kept * new + (1 - kept) * old


class ReadsThePaddingInBackward(Masked):
    def cleaned(self, x: Tensor, going: Tensor) -> Tensor:
        return x


class LosesTheGradientOfUnsortedRows(Masked):
    def cleaned(self, x: Tensor, going: Tensor) -> Tensor:
        ends = going.sum((0, 2))
        return super().cleaned(x.detach() if bool((ends[1:] > ends[:-1]).any()) else x, going)


class ClearsThePaddingInPlace(Masked):
    def cleaned(self, x: Tensor, going: Tensor) -> Tensor:
        return x if x.requires_grad else x.masked_fill_(~going, 0.0)


class KeepsTheFirstMask(Masked):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.masks: dict[Any, Tensor] = {}

    def mask(self, x: Tensor, lengths: Tensor) -> Tensor:
        return self.masks.setdefault(x.shape[:2], super().mask(x, lengths).clone())


RIGHT.append(MasksByMultiplying)  # NaN in the padding is told

WRONG = {
    GoesOnInTraining: ("options", "depends-on-train-mode", "with lengths, in training mode"),
    RepeatsItsLastOutput: ("options", "option-half-done", "with lengths that are all below T"),
    ReadsEqualLengthsAsT: ("options", "option-half-done", "with lengths that are all equal and below T"),
    SumsThePadding: ("options", "padding-advances-state", "with lengths and large numbers in the padding"),
    ClearsThePaddingInPlace: ("options", "input-mutated", "with lengths and large numbers in the padding"),
    LosesTheGradientOfUnsortedRows: (
        "gradients-in-use",
        "gradient-wrong-in-use",
        "differentiated with lengths and other numbers in the padding, in training mode",
    ),
    KeepsTheFirstMask: ("options", "state-leaks-between-calls", "with lengths"),
}
