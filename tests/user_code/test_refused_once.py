"""What cannot be read is tried once: whoever asks again is told the same, at once."""

import pytest
from torch import Tensor, nn

from rnncheck.errors import CannotRun
from rnncheck.mapping import infer
from rnncheck.model.spec import Cell, Spec
from rnncheck.user_code.instances import Instances
from rnncheck.user_code.loading import in_hand
from rnncheck.user_code.understanding import Understanding


class Unwilling(nn.Module):
    calls = 0

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.inner = nn.Linear(input_size, hidden_size)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        Unwilling.calls += 1
        raise RuntimeError("not today")


def test_a_refusal_is_kept() -> None:
    understanding = Understanding(
        Instances(in_hand(Unwilling), {}), lambda make, spec, budget, faults: infer(make, spec, budget, faults=faults)
    )
    calls = []
    for _ in range(2):
        with pytest.raises(CannotRun, match="not today"):
            understanding.facts(Spec(cell=Cell.RNN))
        calls.append(Unwilling.calls)
    assert calls[0] == calls[1] > 0
