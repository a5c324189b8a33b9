"""What `rnncheck doctor` tells of this process."""

import json
from importlib.metadata import version

import pytest
import torch

from rnncheck import machine
from rnncheck.reporters.terminal import render_doctor


def test_it_tells_versions_devices_backends_and_switches() -> None:
    facts = machine.facts()
    assert list(facts) == ["versions", "devices", "backends", "precision", "extras"]
    assert facts["versions"]["torch"] == torch.__version__
    assert facts["versions"]["safetensors"] == version("safetensors")
    assert facts["devices"]["cpu"] == "cpu"
    assert facts["precision"]["threads"] == torch.get_num_threads()


def test_a_package_that_is_not_there_is_said_to_be_missing() -> None:
    assert machine.installed("no-such-package-as-this") == "not installed"


def test_extras_are_listed_with_versions_or_how_to_install_them(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        "torch>=2.4",
        "rich>=13; extra == 'screen'",
        'no-such-package>=1 ; extra == "other"',
        "ruff; extra == 'dev'",
    ]
    monkeypatch.setattr(machine, "requires", lambda name: lines)
    assert machine.extras() == {
        "screen": f"rich {version('rich')}",
        "other": "no-such-package not installed; pip install 'rnncheck[other]'",
    }


def test_a_build_without_cuda_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    assert machine.facts()["backends"]["cuda"] == "not in this build"


def test_the_default_dtype_is_told_without_torchs_prefix() -> None:
    assert machine.facts()["backends"]["default_dtype"] == "float32"


def test_its_facts_are_plain_enough_for_json() -> None:
    assert json.loads(json.dumps(machine.facts(), allow_nan=False)) == machine.facts()


def test_a_section_without_facts_has_no_heading() -> None:
    shown = render_doctor({"versions": {"torch": "2"}, "extras": {}})
    assert "versions" in shown
    assert "extras" not in shown
