"""This machine: its devices, versions and precision switches, and the facts of `rnncheck doctor`."""

import platform
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

import numpy
import torch

from rnncheck import __version__
from rnncheck.errors import DeviceError
from rnncheck.model.spec import Dtype, Spec

OF_AN_EXTRA = re.compile(r"(?P<name>[\w.-]+)[^;]*;.*extra == ['\"](?P<extra>\w+)['\"]")  # a line of the metadata
MISSING = "not installed"


def available() -> list[str]:
    """Every available device, by the names of `--device`."""
    names = ["cpu"]
    names += [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    names += ["mps"] if torch.backends.mps.is_available() else []
    return names


def require(spec: Spec) -> None:
    """Raises `DeviceError` if the spec's device was not found or does not support its dtype."""
    here = available()
    if spec.device not in here and not (spec.device == "cuda" and "cuda:0" in here):
        without_cuda = spec.device.startswith("cuda") and torch.version.cuda is None and torch.version.hip is None
        why = " (this torch is built without CUDA)" if without_cuda else ""
        raise DeviceError(f"device {spec.device} was not found{why}; available: {', '.join(here)}")
    if spec.device == "mps" and spec.dtype is Dtype.FLOAT64:
        raise DeviceError("device mps has no float64; use --dtype float32, or --device cpu")


def describe(device: str) -> str:
    """The product name of a device, if torch knows it."""
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else device


@contextmanager
def torch_defaults() -> Iterator[None]:
    """torch's own defaults for new tensors, float32 on the CPU, whatever the caller has set, which is restored."""
    dtype, device = torch.get_default_dtype(), torch.get_default_device()
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_default_device(None if device.type == "cpu" else device)


SHARED = 2**22  # multiplications a timestep


@contextmanager
def tf32(allowed: bool) -> Iterator[None]:
    """Switches TF32 (10 bits of mantissa) for float32 products on or off, and restores the switches afterwards.

    torch allows TF32 to cuDNN's recurrent layers unless told otherwise. The other switch is set by name of a precision,
    not as `cuda.matmul.allow_tf32`: that would forget "medium", which allows bfloat16 and, on some CPUs, uses it.
    """
    cudnn = torch.backends.cudnn
    before = torch.get_float32_matmul_precision(), cudnn.allow_tf32
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    cudnn.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        cudnn.allow_tf32 = before[1]


@contextmanager
def threads_for(step: int) -> Iterator[None]:
    """Uses one thread if a timestep has so few multiplications that sharing them costs more than it saves.

    On a busy machine two threads that wait for each other at every small step can take ten times as long as one.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1 if step < SHARED else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def versions() -> dict[str, str]:
    return {
        "rnncheck": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "platform": f"{sys.platform} {platform.machine()}",
    }


def precision_switches() -> dict[str, object]:
    """torch's process-wide switches that change what a layer computes."""
    return {
        "tf32_matmul": torch.backends.cuda.matmul.allow_tf32,
        "tf32_cudnn": torch.backends.cudnn.allow_tf32,
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "cudnn_deterministic": torch.backends.cudnn.deterministic,
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "flush_denormal": bool(torch.tensor(2.0**-1060, dtype=torch.float64) * 2.0**-10 == 0.0),
        "threads": torch.get_num_threads(),
    }


def facts() -> dict[str, dict[str, object]]:
    """Facts by section, read from this process."""
    backends: Any = torch.backends  # torch types these functions not at all
    packages = {name: installed(name) for name in ("typer", "rich", "safetensors")}
    return {
        "versions": {**versions(), **packages},
        "devices": {name: describe(name) for name in available()},
        "backends": {
            "cuda": torch.version.cuda or "not in this build",
            "cudnn": backends.cudnn.version() or "not in this build",
            "mkldnn": backends.mkldnn.is_available(),
            "default_dtype": str(torch.get_default_dtype()).removeprefix("torch."),
        },
        "precision": precision_switches(),
        "extras": extras(),
    }


def extras() -> dict[str, object]:
    """The packages of each optional extra with their versions, or how to install those that are missing."""
    try:
        wanted = [match for each in requires("rnncheck") or () if (match := OF_AN_EXTRA.match(each))]
    except PackageNotFoundError:
        return {}
    packages: dict[str, dict[str, str]] = {}
    for match in wanted:
        if match["extra"] != "dev":
            packages.setdefault(match["extra"], {})[match["name"]] = installed(match["name"])
    return {
        extra: ", ".join(f"{name} {found}" for name, found in versions.items())
        + (f"; pip install 'rnncheck[{extra}]'" if MISSING in versions.values() else "")
        for extra, versions in packages.items()
    }


def installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return MISSING
