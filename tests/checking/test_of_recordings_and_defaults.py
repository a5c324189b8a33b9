"""What a recording decides by itself, and torch's defaults, which change nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from rnncheck import check
from rnncheck.report import Verdict

Command = Callable[..., Any]


@pytest.mark.parametrize("fault", ["weight-gradient-wrong", "state-gradient-wrong"])
def test_gradients_far_from_those_of_a_recording_are_a_mismatch(rnncheck: Command, tmp_path: Path, fault: str) -> None:
    trace = tmp_path / "trace.safetensors"
    assert rnncheck("record", "scratch", "--cell", "lstm", "-o", trace).code == 0
    assert rnncheck("compare", f"fault:{fault}", "--cell", "lstm", "--against", trace).code == 1
    assert rnncheck("compare", "scratch", "--cell", "lstm", "--against", trace).code == 0


def test_a_seed_draws_the_same_numbers_whatever_torch_s_defaults_are() -> None:
    def output() -> list[float]:
        (shown,) = [
            each for each in check("scratch", witness=False, paths="none").comparisons if each.quantity == "h_n"
        ]
        return [value for step in shown.per_timestep for value in step.reference]

    before = output()
    torch.set_default_dtype(torch.float64)
    try:
        assert output() == before
        assert torch.get_default_dtype() is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert check("scratch", witness=False).verdict is Verdict.EQUIVALENT
