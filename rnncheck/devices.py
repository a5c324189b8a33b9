"""Which devices there are; a device that is not there is refused, never replaced."""

import torch

from rnncheck.errors import DeviceError
from rnncheck.spec import Dtype, Spec


def available() -> list[str]:
    """Every device a layer can run on here, as `--device` names it."""
    names = ["cpu"]
    names += [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    names += ["mps"] if torch.backends.mps.is_available() else []
    return names


def require(spec: Spec) -> None:
    """Raises `DeviceError` if the spec's device is not there or cannot hold its dtype."""
    here = available()
    if spec.device not in here and not (spec.device == "cuda" and "cuda:0" in here):
        without_cuda = spec.device.startswith("cuda") and torch.version.cuda is None and torch.version.hip is None
        why = " (this torch is built without CUDA)" if without_cuda else ""
        raise DeviceError(f"device {spec.device} is not there{why}; available: {', '.join(here)}")
    if spec.device == "mps" and spec.dtype is Dtype.FLOAT64:
        raise DeviceError("device mps has no float64; use --dtype float32, or --device cpu")


def describe(device: str) -> str:
    """What a device is called by its maker, where torch knows."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device
