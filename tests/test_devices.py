"""A device that is not there is refused with those that are."""

import pytest
import torch

from rnncheck import machine
from rnncheck.errors import DeviceError
from rnncheck.model.spec import Dtype, Spec


@pytest.fixture
def _two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def _no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def test_the_cpu_is_always_there() -> None:
    assert machine.available()[0] == "cpu"
    machine.require(Spec(device="cpu"))
    assert machine.describe("cpu") == "cpu"


@pytest.mark.usefixtures("_two_gpus")
@pytest.mark.parametrize("name", ["cpu", "cuda", "cuda:0", "cuda:1"])
def test_what_is_there_is_taken(name: str) -> None:
    assert machine.available() == ["cpu", "cuda:0", "cuda:1"]
    machine.require(Spec(device=name))


@pytest.mark.usefixtures("_two_gpus")
@pytest.mark.parametrize("name", ["cuda:2", "mps", "tpu"])
def test_what_is_not_there_is_refused_with_what_is(name: str) -> None:
    with pytest.raises(DeviceError, match=rf"^device {name} was not found.*; available: cpu, cuda:0, cuda:1$"):
        machine.require(Spec(device=name))


@pytest.mark.usefixtures("_no_gpu")
@pytest.mark.parametrize(("cuda", "why"), [(None, r" \(this torch is built without CUDA\)"), ("13.0", "")])
def test_a_torch_without_cuda_is_told_from_a_machine_without_a_gpu(
    monkeypatch: pytest.MonkeyPatch, cuda: str | None, why: str
) -> None:
    monkeypatch.setattr(torch.version, "cuda", cuda)
    with pytest.raises(DeviceError, match=rf"^device cuda was not found{why}; available: cpu$"):
        machine.require(Spec(device="cuda"))


def test_apples_gpu_has_no_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    machine.require(Spec(device="mps"))
    with pytest.raises(DeviceError, match="device mps has no float64; use --dtype float32, or --device cpu"):
        machine.require(Spec(device="mps", dtype=Dtype.FLOAT64))
