"""A head on top of the states: which rows of the batch and which timesteps it reads, whatever it computes of them."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from rnncheck import Report, check
from rnncheck.report import Verdict


class Model(nn.Module):
    """Batch first unless said otherwise, with a head that each model reads something else with."""

    batch_first, bidirectional, kind = True, False, nn.LSTM

    def __init__(self, input_size: int, hidden_size: int, classes: int = 2) -> None:
        super().__init__()
        options: dict[str, Any] = {"batch_first": self.batch_first, "bidirectional": self.bidirectional}
        self.layer = self.kind(input_size, hidden_size, **options)
        self.head = nn.Linear(hidden_size * (1 + self.bidirectional), classes)


class LastStep(Model):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0][:, -1])


class LastRow(Model):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0][-1])


class LastRowOfTimeFirst(LastStep):
    batch_first = False


class FirstRow(Model):
    batch_first = False

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0][:, 0])


class MeanOfTime(Model):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0].mean(1))


class MeanOfRows(Model):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0].mean(0))


class Flat(Model):
    def forward(self, x: Tensor) -> Tensor:
        return torch.log_softmax(self.head(self.layer(x)[0]), -1).view(-1, 2)


class Class(Model):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0][:, -1]).argmax(-1).to(x.dtype)


class Loss(Model):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0]).square().mean()


class Both(Model):
    bidirectional, kind = True, nn.GRU

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.cat(self.layer(x)[1].unbind(0), -1))


class LastStepOfBoth(LastStep):
    bidirectional = True


class FirstStep(Model):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0][:, 0])


def checked(model: type[Model]) -> Report:
    cell = "gru" if model.kind is nn.GRU else "lstm"
    return check(model, cell=cell, bidirectional=model.bidirectional, witness=False, paths="none")


@pytest.mark.parametrize(
    ("model", "slug"),
    [
        (LastRow, "batch-time-swapped"),
        pytest.param(LastRowOfTimeFirst, "batch-time-swapped", marks=pytest.mark.slow),
        pytest.param(MeanOfRows, "batch-mixed", marks=pytest.mark.slow),
    ],
)
def test_a_head_of_another_row_or_of_all_rows_is_a_mismatch(model: type[Model], slug: str) -> None:
    report = checked(model)
    assert report.verdict is Verdict.MISMATCH
    assert [each.slug for each in report.findings] == [slug]


@pytest.mark.parametrize(
    ("model", "noted"),
    [
        (
            LastStepOfBoth,
            "though the compared states do: of the reverse direction it reads a state after one timestep",
        ),
        pytest.param(
            FirstStep,
            "layer.weight_hh_l0, though the compared states do: it reads a state after one timestep",
            marks=pytest.mark.slow,
        ),
        pytest.param(FirstRow, "depends on batch row 0 alone", marks=pytest.mark.slow),
    ],
)
def test_a_head_that_sees_less_than_the_states_is_told(model: type[Model], noted: str) -> None:
    report = checked(model)
    assert report.verdict is Verdict.EQUIVALENT
    assert any(noted in each for each in report.restrictions)


@pytest.mark.parametrize(
    "model",
    [Flat, *(pytest.param(each, marks=pytest.mark.slow) for each in (LastStep, MeanOfTime, Class, Loss, Both))],
)
def test_a_head_of_every_row_has_no_more_than_its_note(model: type[Model]) -> None:
    report = checked(model)
    assert report.verdict is Verdict.EQUIVALENT
    (said,) = (each for each in report.restrictions if "what it returns" in each)
    assert "a head computes it from the states" in said


class Detached(Model):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0][:, -1].detach())


class ThroughNumpy(Model):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.from_numpy(self.layer(x)[1][0][-1].detach().numpy()))


class Checkpointed(Model):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(checkpoint(lambda x: self.layer(x)[0][:, -1], x.requires_grad_(), use_reentrant=True))


class Frozen(LastStep):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.layer.requires_grad_(False)


@pytest.mark.parametrize("model", [Detached, pytest.param(ThroughNumpy, marks=pytest.mark.slow)])
def test_a_head_that_trains_nothing_of_the_layer_is_a_mismatch(model: type[Model]) -> None:
    report = checked(model)
    assert (report.verdict, [each.slug for each in report.findings]) == ("mismatch", ["gradient-missing"])
    assert "what it returns" in report.findings[0].message


@pytest.mark.slow
@pytest.mark.parametrize("model", [Checkpointed, Frozen])
def test_a_head_whose_gradient_the_graph_does_not_show_is_not_cut(model: type[Model]) -> None:
    assert not any("what it returns" in each.message for each in checked(model).findings)
