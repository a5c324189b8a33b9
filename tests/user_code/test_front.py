"""What a network computes before its recurrent module is left out: x is handed to the module itself."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from rnncheck import check
from rnncheck.errors import CannotRun
from rnncheck.report import Verdict

QUICK: dict[str, Any] = {"witness": False, "paths": "none"}


class Projecting(nn.Module):
    """Projects x to the width of its states, and has a head."""

    layer: Callable[..., nn.RNNBase] = nn.LSTM

    def __init__(self, input_size: int, hidden_size: int, output_size: int) -> None:
        super().__init__()
        self.project = nn.Linear(input_size, hidden_size)
        self.inner = self.layer(hidden_size, hidden_size, batch_first=True)
        self.head = nn.Linear(hidden_size, output_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.inner(self.project(x))[0])


class ProjectingRNN(Projecting):
    layer = nn.RNN


class Bounded(nn.Module):
    """Projects x to a width of its own, through an activation, and returns what torch's layer does."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.Linear(input_size, 10), nn.ReLU(), nn.LayerNorm(10))
        self.inner = nn.GRU(10, hidden_size)

    def forward(self, x: Tensor, h: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.inner(self.project(x), h)


class Packing(Projecting):
    def forward(self, x: Tensor) -> Tensor:
        ends = torch.full((x.shape[0],), x.shape[1])
        packed = pack_padded_sequence(self.project(x), ends, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.inner(packed)[0], batch_first=True)[0]


class Stepping(nn.Module):
    """Projects x at once, and calls torch's cell at every timestep."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.project, self.inner = nn.Linear(input_size, 6), nn.GRUCell(6, hidden_size)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        outputs = []
        for x_t in torch.relu(self.project(x)):
            h = self.inner(x_t, h)
            outputs.append(h)
        return torch.stack(outputs), h


class Reversing(Projecting):
    def forward(self, x: Tensor) -> Tensor:
        return self.inner(self.project(x).flip(1))[0].flip(1)


@pytest.mark.parametrize(
    ("layer", "width"),
    [(Projecting, 4), (ProjectingRNN, 4), (Bounded, 10), (Packing, 4), (Stepping, 6)],
    ids=lambda each: str(each),
)
@pytest.mark.slow
def test_the_width_that_the_module_reads_is_named_and_works(layer: type[nn.Module], width: int) -> None:
    with pytest.raises(CannotRun, match=f"add --input-size {width}"):
        check(layer, input_size=3, **QUICK)
    report = check(layer, **QUICK)
    assert (report.verdict, report.spec.input_size) == (Verdict.EQUIVALENT, width)
    assert any("before its module inner was not compared" in each for each in report.restrictions)


class Inline(nn.Module):
    """Projects x to the width of its states, without a module that is recurrent."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.project = nn.Linear(input_size, hidden_size)
        self.of_x, self.of_h = nn.Linear(hidden_size, hidden_size), nn.Linear(hidden_size, hidden_size)

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        outputs = []
        for x_t in self.project(x):
            h = torch.tanh(self.of_x(x_t) + self.of_h(h))
            outputs.append(h)
        return torch.stack(outputs), h


class Deep(Inline):
    """Multiplies its state by one matrix more."""

    def forward(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        outputs = []
        for x_t in self.project(x):
            h = torch.tanh(self.of_x(x_t + torch.tanh(self.of_h(h))))
            outputs.append(h)
        return torch.stack(outputs), h


@pytest.mark.slow
def test_of_two_matrices_on_x_the_square_one_is_the_identity() -> None:
    report = check(Inline, cell="rnn", **QUICK)
    assert report.verdict is Verdict.EQUIVALENT
    assert "of_x.weight, which torch.nn does not have, is the identity" in report.restrictions
    assert check(Deep, cell="rnn", diagnose=False, **QUICK).verdict is not Verdict.EQUIVALENT


@pytest.mark.explained
def test_what_is_wrong_around_the_module_is_not_passed() -> None:
    report = check(Reversing, input_size=4, paths="none")
    assert report.verdict is not Verdict.EQUIVALENT
