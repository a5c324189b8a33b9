"""What `rnncheck doctor` tells: versions, devices and the switches that change what a layer computes."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from rnncheck import devices, environment


def facts() -> dict[str, dict[str, object]]:
    """Facts by section, read from this process."""
    backends: Any = torch.backends  # torch types these functions not at all
    packages = {name: installed(name) for name in ("typer", "rich", "safetensors")}
    return {
        "versions": {**environment.versions(), **packages},
        "devices": {name: devices.describe(name) for name in devices.available()},
        "backends": {
            "cuda": torch.version.cuda or "not in this build",
            "cudnn": backends.cudnn.version() or "not in this build",
            "mkldnn": backends.mkldnn.is_available(),
            "default_dtype": str(torch.get_default_dtype()).removeprefix("torch."),
        },
        "precision": environment.precision_switches(),
    }


def installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
