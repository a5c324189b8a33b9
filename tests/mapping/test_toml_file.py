"""Mapping files: written whole, read again, and explained where they do not fit."""

from pathlib import Path

import pytest

from rnncheck.mapping import MappingError, load, save
from rnncheck.mapping.toml_file import written
from rnncheck.model.spec import Cell, Spec
from rnncheck.report import Mapped

SPEC = Spec(cell=Cell.GRU, input_size=3, hidden_size=2)
TEXTS = {
    "cell.W": "cat(weight_ih_l0[z,r,n], weight_hh_l0[z,r,n], dim=1).T",
    'odd "name"\\': "cat(bias_ih_l0[z,r] + bias_hh_l0[z,r], bias_ih_l0[n], dim=0)",
    "fc.weight": "unused",
}
MAPPING = [Mapped(name, text, "gradient") for name, text in TEXTS.items()]


def test_a_saved_mapping_is_loaded_as_it_was(tmp_path: Path) -> None:
    save(tmp_path / "m.toml", Cell.GRU, MAPPING)
    loaded = load(tmp_path / "m.toml", SPEC)
    assert {name: str(entry.expression) for name, entry in loaded.entries.items()} == TEXTS
    assert {entry.how for entry in loaded.entries.values()} == {"given"}
    assert loaded.absent() == {"bias_hh_l0": ["n"]}
    assert loaded.restrictions == ["it has no tensor for bias_hh_l0[n], which is zero on both sides"]
    assert loaded.conventions == ["its gate order is z, r, n"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("weight_hh_l0[z,r,n]", "weight_hh_l0[z,r,q]"), "cell.W, column 43: expected a"),
        (('cell = "gru"', 'cell = "lstm"'), "it is for the cell lstm, and --cell is gru"),
        (('schema = "rnncheck/mapping/1"', ""), "it lacks schema"),
        (('cell = "gru"', 'cell = "gru"\nsells = 1'), "unknown key, sells"),
        (("[tensors]", ""), "unknown key"),
        (('"cell.W" =', "cell.W ="), "cell is dict; write a name with dots in quotes"),
        ((", weight_hh_l0[z,r,n]", ""), "no expression contains weight_hh_l0;"),
        (("weight_hh_l0[z,r,n]", "weight_hh_l0[z,r,r]"), "no expression contains weight_hh_l0[n];"),
        (("[tensors]", "[tensors"), "is not valid TOML"),
    ],
)  # fmt: skip
def test_a_mistake_names_the_file_and_the_key(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    text = written(Cell.GRU, MAPPING)
    assert change[0] in text
    (tmp_path / "m.toml").write_text(text.replace(*change))
    with pytest.raises(MappingError, match=r"m\.toml") as problem:
        load(tmp_path / "m.toml", SPEC)
    assert message in str(problem.value)


def test_a_file_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="No such file"):
        load(tmp_path / "none.toml", SPEC)
