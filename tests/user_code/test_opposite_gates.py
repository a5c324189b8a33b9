"""A gate that weighs the new against the old may be stored with the opposite sign beside a variant."""

import pytest
import torch
from torch import Tensor, nn

from rnncheck import check
from rnncheck.report import Verdict


class Cho(nn.Module):
    """The GRU of the first publication, with z and 1 - z the other way round."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        width = input_size + hidden_size
        self.U_z, self.U_r, self.U = (nn.Linear(width, hidden_size) for _ in range(3))

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        both = torch.cat([x, h], 1)
        z, r = torch.sigmoid(self.U_z(both)), torch.sigmoid(self.U_r(both))
        new = torch.tanh(self.U(torch.cat([x, r * h], 1)))
        return self.mixed(z, new, h)

    def mixed(self, z: Tensor, new: Tensor, h: Tensor) -> Tensor:
        return (1 - z) * h + z * new


class Leaky(Cho):
    def mixed(self, z: Tensor, new: Tensor, h: Tensor) -> Tensor:
        return (1 - z) * h + new


@pytest.mark.sample(1)
@pytest.mark.parametrize(("layer", "verdict"), [(Cho, Verdict.EQUIVALENT), (Leaky, Verdict.MISMATCH)])
def test_a_gate_of_the_opposite_sign_is_a_convention_beside_a_variant(layer: type, verdict: Verdict) -> None:
    report = check(layer, against="variant:gru-reset-before", cell="gru", witness=False, diagnose=False)
    assert report.verdict is verdict
    said = "its gate is 1 - z, so the weights of z have the opposite sign"
    assert (said in map(str, report.conventions)) is (verdict is Verdict.EQUIVALENT)
