"""The generator of layers is right itself: each one beside torch.nn, and each planted fault is one."""

from pathlib import Path

import pytest
import torch
from generated.faults import PLANTED, planted
from generated.kind import AXES, Kind, allowed, sample
from generated.truth import gap, loaded, written

LAYERS = sample(120)


def test_every_choice_is_taken_by_some_layer() -> None:
    for axis, choices in AXES.items():
        assert {getattr(kind, axis) for kind in LAYERS} == set(choices), axis


@pytest.mark.parametrize("part", range(4))
def test_a_generated_layer_is_torchs(part: int, tmp_path: Path) -> None:
    """Weights are copied by what the generator knows; all that is returned is compared."""
    torch.manual_seed(part)
    for kind in LAYERS[part:60:4]:
        assert gap(kind, loaded(written(kind, tmp_path))) < 1e-12, kind.says


def test_a_planted_fault_changes_what_is_returned(tmp_path: Path) -> None:
    torch.manual_seed(0)
    for fault in PLANTED:
        kind = next(k for k in LAYERS if fault.replaced(k) and k.gives in ("output", "state", "dict", "apart"))
        assert gap(kind, loaded(written(kind, tmp_path, fault.replaced(kind)))) > 1e-3, (fault.slug, kind.says)


def test_rules_keep_layers_apart_that_cannot_be() -> None:
    assert not allowed(Kind(cell="gru", takes="swapped"))
    assert not allowed(Kind(form="cell", layers=2, shape="flat"))
    assert not allowed(Kind(storage="torch", order="own"))
    assert all(allowed(kind) for kind in LAYERS)


def test_a_fault_has_its_place() -> None:
    assert {slug for slug, _ in planted(Kind("lstm", directions=2))} >= {"forget-bias-added", "reverse-not-flipped"}
