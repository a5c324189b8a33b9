"""Which tensors a result depends on is found with few calls, however many there are."""

import pytest
import torch
from torch import Tensor, nn

from rnncheck.errors import CannotRun
from rnncheck.user_code.movers import movers


class Mostly(nn.Module):
    """Two of its 202 tensors are used."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3))
        self.unused = nn.ModuleList(nn.Linear(3, 3) for _ in range(100))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.first


def test_few_calls_find_them_among_many() -> None:
    calls = []

    def seen(thing: Mostly) -> dict[tuple[object, ...], Tensor]:
        calls.append(thing)
        return {("product",): thing(torch.ones(3)), ("sum",): thing.first + thing.last}

    moved = movers(Mostly(), seen)
    assert moved == {("product",): {"first"}, ("sum",): {"first", "last"}}
    assert len(calls) < 40


class Shared(Mostly):
    """Its copies share its tensors."""

    def __deepcopy__(self, memo: object) -> "Shared":
        return self


@pytest.mark.slow
def test_a_call_that_raises_leaves_the_tensors_as_they_were() -> None:
    def seen(thing: Shared) -> dict[tuple[object, ...], Tensor]:
        changed = sum(not torch.equal(value, before[name]) for name, value in thing.named_parameters())
        if changed > 1:
            raise CannotRun("not both")
        return {("product",): thing(torch.ones(3))}

    thing = Shared()
    before = {name: value.clone() for name, value in thing.named_parameters()}
    assert movers(thing, seen) == {("product",): {"first"}}
    assert all(torch.equal(value, before[name]) for name, value in thing.named_parameters())
