"""Functions that are given their weights: their flags and rates are off unless `--arg` says otherwise."""

import pytest
import torch
from torch import Tensor

from rnncheck import check
from rnncheck.errors import CannotRun
from rnncheck.report import Verdict


def rnn_forward(
    training: bool, dropout_prob: float, scale: float, x: Tensor, h0: Tensor, kernel: Tensor, rec_kernel: Tensor
) -> Tensor:
    states, p = [h0], x @ kernel
    for p_t in p:
        h = torch.tanh(p_t + states[-1] @ rec_kernel) * scale
        states.append(torch.nn.functional.dropout(h, dropout_prob, training))
    return torch.stack(states)


def kernels(training: bool, dropout_prob: float, x: Tensor, h0: Tensor, kernel: Tensor, rec_kernel: Tensor) -> Tensor:
    return rnn_forward(training, dropout_prob, 1.0, x, h0, kernel, rec_kernel)


def test_flags_that_nobody_gave_are_off_and_told() -> None:
    report = check(kernels, cell="rnn", bias=False)
    assert report.verdict is Verdict.EQUIVALENT
    assert "it is called with training=False" in "\n".join(map(str, report.conventions))


@pytest.mark.parametrize("scale", [1.0, 0.5])
@pytest.mark.slow
def test_a_scalar_is_what_it_is_said_to_be(scale: float) -> None:
    options = {"cell": "rnn", "bias": False, "witness": False, "diagnose": False, "read_seconds": 1}
    report = check(rnn_forward, arguments={"scale": scale}, **options)
    assert (report.verdict is Verdict.EQUIVALENT) == (scale == 1)


def test_a_name_that_a_function_does_not_have_is_refused() -> None:
    with pytest.raises(CannotRun, match="--arg scales: rnn_forward has no such parameter; it takes training"):
        check(rnn_forward, cell="rnn", arguments={"scales": 1.0})
