"""The file in which a sweep says where it is."""

from collections import Counter
from pathlib import Path

import pytest

from rnncheck.errors import DataError, UsageError
from rnncheck.model.spec import Cell, Dtype
from rnncheck.sweep.configuration import Configuration
from rnncheck.sweep.state import SuspectConfiguration, SweepState, identity, load, save

GRU = Configuration(cell=Cell.GRU, dtype=Dtype.FLOAT64, lengths="mixed", hidden_size=9)
HALF_WAY = SweepState(
    opened=True,
    next_group=12,
    drawn=90,
    compared=88,
    refused=Counter({"no lengths": 2}),
    suspects=[
        SuspectConfiguration(GRU, 1e9),
        SuspectConfiguration(GRU, raised="ValueError"),
        SuspectConfiguration(GRU, judged=True),
    ],
)


def test_it_is_read_back_as_it_was(tmp_path: Path) -> None:
    save(tmp_path / "state", {"seed": 1}, HALF_WAY)
    assert load(tmp_path / "state", {"seed": 1}) == HALF_WAY
    assert load(tmp_path / "none yet", {"seed": 1}) == SweepState()


@pytest.mark.parametrize(
    "damage", [lambda text: text[:-30], lambda text: text.replace("gru", "elman"), lambda text: "{}"]
)
def test_a_damaged_file_is_refused_with_a_way_out(damage, tmp_path: Path) -> None:
    file = tmp_path / "state"
    save(file, {}, HALF_WAY)
    file.write_text(damage(file.read_text()))
    with pytest.raises(DataError, match=r"is not the state of a sweep, or is damaged .*; delete it"):
        load(file, {})


def test_that_of_another_sweep_or_another_version_of_the_code_is_refused(tmp_path: Path) -> None:
    code, file = tmp_path / "layer.py", tmp_path / "state"
    code.write_text("first")
    save(file, identity(["layer.py:A"], [code], {"seed": 1}), HALF_WAY)
    with pytest.raises(UsageError, match="another seed"):
        load(file, identity(["layer.py:A"], [code], {"seed": 2}))
    code.write_text("second")
    with pytest.raises(UsageError, match="another version of their code"):
        load(file, identity(["layer.py:A"], [code], {"seed": 1}))
