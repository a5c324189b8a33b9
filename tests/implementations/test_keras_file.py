"""Weights of one layer in files of Keras: those that Keras wrote, and damaged ones."""

import warnings
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from rnncheck import extras
from rnncheck.errors import WeightsError
from rnncheck.implementations import load
from rnncheck.implementations.keras_file import read
from rnncheck.implementations.keras_layout import from_keras
from rnncheck.model.spec import Cell

pytestmark = pytest.mark.skipif(
    find_spec("keras") is None, reason="keras is not installed: pip install 'rnncheck[keras]'"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models that Keras saved in each of its formats, and the kernels of a GRU in them."""
    load("keras:LSTM")
    import keras

    folder = tmp_path_factory.mktemp("keras")
    layers = keras.layers
    several = keras.Sequential(
        [
            keras.Input((None, 3)),
            layers.LSTM(4, return_sequences=True, name="first"),
            layers.Bidirectional(layers.GRU(5), name="second"),
            layers.Dense(2),
        ]
    )
    one = keras.Sequential([keras.Input((None, 3)), layers.GRU(4, reset_after=False, name="only")])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Keras about numpy 2
        for name in ("several.keras", "several.h5"):
            several.save(folder / name)
        several.save_weights(folder / "several.weights.h5")
        one.save(folder / "one.keras")
    backward = several.layers[1].backward_layer.cell
    tensors = {name: getattr(backward, name).value.detach().double() for name in ("kernel", "recurrent_kernel", "bias")}
    torch.save(from_keras(Cell.GRU, tensors, "_l0_reverse", "it"), folder / "backward.pt")
    return folder


@pytest.mark.parametrize("name", ["several.keras", "several.h5", "several.weights.h5"])
def test_a_layer_is_read_by_its_name(name: str, folder: Path) -> None:
    found, notes = read(f"{folder / name}::second")
    expected = torch.load(folder / "backward.pt")
    assert {key: tuple(value.shape) for key, value in found.items() if "reverse" not in key} == {
        "weight_ih_l0": (15, 4),
        "weight_hh_l0": (15, 5),
        "bias_ih_l0": (15,),
        "bias_hh_l0": (15,),
    }
    assert all(torch.equal(found[key], value) for key, value in expected.items())
    assert notes == []


@pytest.mark.parametrize("name", ["several.keras", "several.h5", "several.weights.h5"])
def test_one_of_several_layers_must_be_named(name: str, folder: Path) -> None:
    for wanted, said in (("", "holds 2 recurrent layers"), ("::third", "has no recurrent layer third")):
        with pytest.raises(WeightsError, match=said) as raised:
            read(f"{folder / name}{wanted}")
        assert "first (lstm)" in str(raised.value)
        assert "second (gru)" in str(raised.value)


def test_settings_that_torch_lacks_are_told(folder: Path, rnncheck: Callable[..., Any]) -> None:
    command = ["compare", "torch", "--cell", "gru", "--weights", folder / "one.keras", "--no-witness", "--no-backward"]
    outcome = rnncheck(*command, "-v")
    assert outcome.code == 0, outcome.stderr
    assert "has reset_after=False" in " ".join(outcome.stdout.split())
    outcome = rnncheck(*command[:-2], "--hidden-size", "5", "--no-witness")
    assert outcome.code == 4
    assert "--hidden-size 4" in outcome.stderr


def test_damaged_and_foreign_files_are_refused_with_what_they_are(folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "foreign.keras", "w") as archive:
        archive.writestr("notes.txt", "nothing")
    import h5py

    with h5py.File(tmp_path / "dense.h5", "w") as file:
        file["kernel"] = [[1.0, 2.0]]
    (tmp_path / "text.h5").write_text("hello")
    for name, length in (("one.keras", 3000), ("several.h5", 3000)):
        (tmp_path / f"cut_{name}").write_bytes((folder / name).read_bytes()[:length])
    for name, said in {
        "foreign.keras": "is a zip archive; unpack it",
        "dense.h5": "holds no recurrent layer",
        "text.h5": "is neither a .keras file nor HDF5",
        "cut_one.keras": "is damaged",
        "cut_several.h5": "is damaged",
        "absent.keras": "does not exist",
    }.items():
        with pytest.raises(WeightsError, match=said):
            read(str(tmp_path / name))


def test_without_h5py_the_error_has_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(Exception, match=r"needs h5py, which is not installed: pip install 'rnncheck\[keras\]'"):
        read(str(folder / "one.keras"))
