"""Layers in numpy, where another call is made before the results of the first are used."""

from typing import Any

import numpy as np
import pytest

from rnncheck import check
from rnncheck.report import Verdict


class Kept:
    """Wrong: it writes the outputs of each call into one array."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        drawn = np.random.default_rng(0)
        self.w, self.u = (drawn.normal(size=(size, hidden_size)) for size in (input_size, hidden_size))
        self.b = np.zeros(hidden_size)
        self.outputs: dict[Any, Any] = {}

    def place(self, shape: tuple[int, ...]) -> Any:
        return self.outputs.setdefault(shape, np.zeros(shape))

    def forward(self, x: Any, h: Any) -> Any:
        outputs = self.place((*x.shape[:2], len(self.b)))
        for t, x_t in enumerate(x):
            outputs[t] = h = np.tanh(x_t @ self.w + h @ self.u + self.b)
        return outputs, h


class Anew(Kept):
    """Right: a new array for each call."""

    def place(self, shape: tuple[int, ...]) -> Any:
        return np.zeros(shape)


class KeptCell(Kept):
    def forward(self, x: Any, h: Any) -> Any:
        state = self.place(h.shape)
        state[:] = np.tanh(x @ self.w + h @ self.u + self.b)
        return state


@pytest.mark.sample(1)
@pytest.mark.paths
@pytest.mark.parametrize(
    ("candidate", "verdict"),
    [(Kept, Verdict.MISMATCH), (Anew, Verdict.EQUIVALENT), (KeptCell, Verdict.MISMATCH)],
)
def test_an_array_that_is_written_over_is_found(candidate: type, verdict: Verdict) -> None:
    report = check(candidate, cell="rnn", witness=False)
    assert report.verdict is verdict
    assert [each.slug for each in report.findings] == ["results-share-memory"] * (verdict is Verdict.MISMATCH)
