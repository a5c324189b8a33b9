"""`NAME@DEVICE`: one side on a device of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from implementations.cases import CASES
from implementations.conformance import RULES

from rnncheck.errors import CannotRun, DeviceError
from rnncheck.implementations import load, split_device
from rnncheck.implementations.uses import Uses
from rnncheck.model.spec import Cell, Spec
from rnncheck.model.weights import draw


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("torch@cuda", ("torch", "cuda")),
        ("my.py:LSTM@cuda:1", ("my.py:LSTM", "cuda:1")),
        ("fault:gate-order@cpu", ("fault:gate-order", "cpu")),
        ("torch", ("torch", None)),
        ("a@b.py:LSTM", ("a@b.py:LSTM", None)),
        ("exec:./x {inputs} {outputs}@cuda", ("exec:./x {inputs} {outputs}@cuda", None)),
    ],
)
def test_a_device_is_read_behind_a_name(name: str, expected: tuple[str, str | None]) -> None:
    assert split_device(name) == expected


@pytest.mark.parametrize("name", ["torch@cpu", "fault:gate-order@cpu"])
def test_it_is_the_same_layer(name: str) -> None:
    placed, plain = load(name), load(name.removesuffix("@cpu"))
    case = CASES[4]
    with torch.no_grad():
        one, other = (
            each.build(case.spec, case.weights()).run(case.x(), case.state(), case.lengths) for each in (placed, plain)
        )
    assert torch.equal(one.output, other.output)
    assert (placed.name, placed.location) == (name, f"{plain.location} on cpu")


def test_it_keeps_every_rule() -> None:
    with torch.no_grad():
        for rule in RULES:
            rule(load("torch@cpu"), CASES[4])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_device_that_is_not_there_is_refused_with_those_that_are(rnncheck: Callable[..., Any]) -> None:
    with pytest.raises(DeviceError, match=r"device cuda was not found.*available: cpu"):
        load("torch@cuda").refuses(Spec())
    assert rnncheck("compare", "scratch", "--against", "torch@cuda").code == 4


def test_a_variant_is_no_layer_that_is_moved() -> None:
    with pytest.raises(CannotRun, match="cannot be put on a device; leave @cpu out"):
        load("variant:gru-minimal@cpu")


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU here")
def test_two_devices_are_compared(rnncheck: Callable[..., Any]) -> None:
    assert rnncheck("compare", "torch@cuda", "--against", "torch@cpu", "--quiet").code == 0


OWN = "from torch import nn\n\n\nclass Own(nn.LSTM):\n    pass\n"


@pytest.fixture
def own(tmp_path: Path) -> str:
    (tmp_path / "mine.py").write_text(OWN)
    return f"{tmp_path}/mine.py:Own"


@pytest.mark.parametrize("name", ["torch", "numpy", "own"])
def test_it_is_used_in_every_way_that_the_layer_is(name: str, own: str) -> None:
    name = own if name == "own" else name
    spec = Spec(cell=Cell.LSTM)
    weights = draw(spec, 0)
    plain, placed = (load(each).build(spec, weights) for each in (name, f"{name}@cpu"))
    uses = [each for each in vars(Uses) if not each.startswith("_")]
    assert [hasattr(placed, use) for use in uses] == [hasattr(plain, use) for use in uses]


def test_a_copy_is_on_the_device_too(own: str) -> None:
    spec = Spec(cell=Cell.LSTM)
    layer = load(f"{own}@cpu").build(spec, draw(spec, 0))
    assert type(layer.copied("deepcopy")) is type(layer)  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.paths
def test_a_class_of_ones_own_agrees_on_every_path(own: str, rnncheck: Callable[..., Any]) -> None:
    said = [
        rnncheck("compare", each, "--no-witness", "--quiet").stdout.partition(" values")[0].rpartition(" ")[2]
        for each in (own, f"{own}@cpu")
    ]
    assert said[0] == said[1] != ""
